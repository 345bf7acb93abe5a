/**
 * @file The baseline to beat: the best linear map from a window to its horizon, by least squares in closed form, one map for all columns
 * and series. As NLinear (Zeng et al. 2023, arXiv:2205.13504) it reads differences from the last value and gives differences back.
 */
import { SluiceError } from "../../base/errors.ts";

/** forecast[m] = last + bias[m] + Σ_l weight[m, l]·(x[l] − last) */
export interface LinearMap {
  lookback: number;
  horizon: number;
  /** [M, L] */
  weight: Float64Array;
  /** [M] */
  bias: Float64Array;
}

/** A run of one column without gaps: every stretch of L + M values in it is a window. */
export type Run = Float64Array;

/** Second moments of all windows: what least squares needs to know of the data, however long it is. */
export interface Moments {
  lookback: number;
  horizon: number;
  /** Number of windows. */
  count: number;
  /** [P, P] with P = L + M: Σ u_i·u_j over all windows, u = x − last. */
  products: Float64Array;
  /** [P]: Σ u_i */
  sums: Float64Array;
  /** Σ of the squares that `products` were differences of: their rounding is some 1e-16 of it. */
  size: number;
}

/**
 * Moments of every window of every run. Neighbouring windows share all but one value, so each entry follows from its upper left
 * neighbour: O(P² + P·n) for a run of n values instead of O(P²·n).
 */
export function windowMoments(runs: Iterable<Run>, lookback: number, horizon: number): Moments {
  const P = lookback + horizon;
  const raw = new Float64Array(P * P);
  const total = new Float64Array(P);
  let count = 0;
  let size = 0;
  for (const x of runs) {
    const n = x.length - P + 1; // windows
    if (n < 1) continue;
    count += n;
    // A level common to the run cancels in u; without it the sums keep more of their digits.
    const level = x[0]!;
    const v = Float64Array.from(x, (value) => value - level);
    const g = new Float64Array(P * P);
    for (let j = 0; j < P; j++) {
      let dot = 0;
      for (let s = 0; s < n; s++) dot += v[s]! * v[s + j]!;
      g[j] = dot;
    }
    for (let i = 1; i < P; i++) {
      for (let j = i; j < P; j++) g[i * P + j] = g[(i - 1) * P + j - 1]! - v[i - 1]! * v[j - 1]! + v[n + i - 1]! * v[n + j - 1]!;
    }
    const sums = new Float64Array(P);
    for (let s = 0; s < n; s++) sums[0]! += v[s]!;
    for (let i = 1; i < P; i++) sums[i] = sums[i - 1]! - v[i - 1]! + v[n + i - 1]!;
    const at = (i: number, j: number) => (i <= j ? g[i * P + j]! : g[j * P + i]!);
    const k = lookback - 1;
    for (let i = 0; i < P; i++) {
      total[i]! += sums[i]! - sums[k]!;
      size += at(i, i);
      for (let j = 0; j < P; j++) raw[i * P + j]! += at(i, j) - at(i, k) - at(k, j) + at(k, k);
    }
  }
  return { lookback, horizon, count, products: raw, sums: total, size };
}

/**
 * The least-squares map, with its weights (not the bias) held small by `ridge`.
 * @param ridge ≥ 0, as a share of the inputs' mean square
 * @throws data: there is no window
 */
export function fitLinearMap({ lookback: L, horizon: M, count, products, sums, size }: Moments, ridge: number): LinearMap {
  if (count === 0) throw new SluiceError("data", `linear map: no window of ${L + M} rows without a gap is in the training part, expected at least one`);
  const P = L + M;
  // Centred: the bias is then whatever brings the means together.
  const a = new Float64Array(L * L);
  let trace = 0;
  for (let i = 0; i < L; i++) {
    for (let j = 0; j < L; j++) a[i * L + j] = products[i * P + j]! - (sums[i]! * sums[j]!) / count;
    trace += a[i * L + i]!;
  }
  // It has to be solvable: the last value's own column is all zeros (u = 0), and of few or flat windows only rounding may be left.
  const hold = Math.max(ridge * (trace / L), trace * 1e-12, size * 1e-12, 1e-30);
  for (let i = 0; i < L; i++) a[i * L + i]! += hold;
  const factor = cholesky(a, L);
  const weight = new Float64Array(M * L);
  const bias = new Float64Array(M);
  const b = new Float64Array(L);
  for (let m = 0; m < M; m++) {
    for (let i = 0; i < L; i++) b[i] = products[i * P + L + m]! - (sums[i]! * sums[L + m]!) / count;
    const w = solve(factor, L, b);
    weight.set(w, m * L);
    let mean = sums[L + m]!;
    for (let i = 0; i < L; i++) mean -= w[i]! * sums[i]!;
    bias[m] = mean / count;
  }
  return { lookback: L, horizon: M, weight, bias };
}

/** Lower triangle of the Cholesky factor of a symmetric positive definite matrix. */
function cholesky(a: Float64Array, n: number): Float64Array {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      l[i * n + j] = i === j ? Math.sqrt(sum) : sum / l[j * n + j]!;
    }
  }
  return l;
}

/** x with l·lᵀ·x = b. */
function solve(l: Float64Array, n: number, b: Float64Array): Float64Array {
  const x = b.slice();
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= l[i * n + k]! * x[k]!;
    x[i]! /= l[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= l[k * n + i]! * x[k]!;
    x[i]! /= l[i * n + i]!;
  }
  return x;
}
