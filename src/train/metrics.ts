/** @file How good a forecast is, in float64 and one pass: point errors, quantiles, intervals, per horizon step and overall. Plain TypeScript. */
import { SluiceError } from "../base/errors.ts";

export interface MetricsOptions {
  /** Steps ahead K that each forecast covers. */
  horizon: number;
  /** The quantiles forecast, increasing, each above 0 and below 1. Pairs q, 1 − q make intervals. */
  quantiles?: readonly number[];
  /** MASE's scales, repeated over the elements of a step: one for all, one per target, … See `seasonalScale`. */
  scales?: readonly number[];
}

export interface IntervalScore {
  /** Share of truths that should lie inside: 0.8 for the quantiles 0.1 and 0.9. */
  level: number;
  /** Share that does. */
  coverage: number | null;
  /** Mean of upper − lower, in units of the target. */
  width: number | null;
}

/** JSON; null where nothing could be counted. */
export interface Scores {
  /** Truths that were known. */
  count: number;
  mse: number | null;
  mae: number | null;
  rmse: number | null;
  /** Percent, 0–200: mean of 200·|y − ŷ| / (|y| + |ŷ|), 0 where both are 0 (M4 competition: Makridakis et al. 2020). */
  smape: number | null;
  /** Mean of |y − ŷ| / scale (Hyndman and Koehler 2006); elements whose scale is 0 or NaN don't count. */
  mase: number | null;
  /** Mean over all quantiles of max(q·(y − ŷ), (q − 1)·(y − ŷ)). */
  pinball: number | null;
  /** The same by quantile. */
  quantiles: { quantile: number; pinball: number | null }[];
  intervals: IntervalScore[];
}
export interface ForecastScores extends Scores {
  /** One entry per step ahead, the first for step 1. */
  steps: Scores[];
}

/** Sums of one horizon step. */
class Sums {
  count = 0;
  squared = 0;
  absolute = 0;
  symmetric = 0;
  scaled = 0;
  scaledCount = 0;
  readonly pinball: Float64Array;
  readonly inside: Float64Array;
  readonly width: Float64Array;
  constructor(quantiles: number, intervals: number) {
    this.pinball = new Float64Array(quantiles);
    this.inside = new Float64Array(intervals);
    this.width = new Float64Array(intervals);
  }
  add(other: Sums): void {
    this.count += other.count;
    this.squared += other.squared;
    this.absolute += other.absolute;
    this.symmetric += other.symmetric;
    this.scaled += other.scaled;
    this.scaledCount += other.scaledCount;
    for (const key of ["pinball", "inside", "width"] as const) {
      for (const [i, v] of other[key].entries()) this[key][i]! += v;
    }
  }
}

/** Adds forecasts batch by batch; `result()` may be asked for at any time. */
export class ForecastMetrics {
  readonly #horizon: number;
  readonly #quantiles: readonly number[];
  /** Places in `quantiles` of the lower and upper end. */
  readonly #intervals: { level: number; lower: number; upper: number }[] = [];
  readonly #scales: readonly number[];
  readonly #steps: Sums[];

  /** @throws range: quantiles that don't increase between 0 and 1 */
  constructor({ horizon, quantiles = [], scales = [] }: MetricsOptions) {
    if (!(Number.isInteger(horizon) && horizon >= 1))
      throw new SluiceError("range", `metrics: horizon is ${horizon}, expected a whole number from 1`);
    if (!quantiles.every((q, i) => q > (quantiles[i - 1] ?? 0) && q < 1)) {
      throw new SluiceError(
        "range",
        `metrics: quantiles are ${quantiles.join(", ")}, expected increasing numbers between 0 and 1`,
      );
    }
    this.#horizon = horizon;
    this.#quantiles = quantiles;
    this.#scales = scales;
    for (const [lower, q] of quantiles.entries()) {
      const upper = quantiles.findIndex((u) => Math.abs(u - (1 - q)) < 1e-9);
      if (upper > lower) this.#intervals.push({ level: Number((1 - 2 * q).toFixed(9)), lower, upper });
    }
    this.#steps = Array.from({ length: horizon }, () => new Sums(quantiles.length, this.#intervals.length));
  }

  /**
   * Adds one batch. Arrays are row-major with the horizon step first, as the engine makes them.
   * @param truth [K, …], NaN where unknown
   * @param point [K, …]
   * @param quantiles [K, …, Q]
   * @throws shape: lengths that don't fit; numeric: a forecast that is not finite where the truth is known
   */
  add(truth: ArrayLike<number>, point: ArrayLike<number>, quantiles?: ArrayLike<number>): void {
    const K = this.#horizon;
    const Q = this.#quantiles.length;
    const n = truth.length / K;
    const S = this.#scales.length;
    if (
      !Number.isInteger(n) ||
      point.length !== truth.length ||
      (quantiles?.length ?? (Q === 0 ? 0 : -1)) !== truth.length * Q ||
      (S > 0 && n % S !== 0)
    ) {
      throw new SluiceError(
        "shape",
        `metrics: ${truth.length} truths, ${point.length} points, ${quantiles?.length ?? 0} quantile values and ${S} scales, expected [K, …], [K, …], [K, …, Q] and a part of …; K is ${K}, Q is ${Q}`,
      );
    }
    for (let k = 0; k < K; k++) {
      const sums = this.#steps[k]!;
      for (let j = 0; j < n; j++) {
        const i = k * n + j;
        const y = truth[i]!;
        if (Number.isNaN(y)) continue;
        const f = point[i]!;
        const error = y - f;
        if (!Number.isFinite(error))
          throw new SluiceError("numeric", `metrics: forecast is ${f} and truth ${y} at step ${k + 1}, expected finite numbers`, {
            step: k + 1,
          });
        const size = Math.abs(y) + Math.abs(f);
        sums.count++;
        sums.squared += error * error;
        sums.absolute += Math.abs(error);
        if (size > 0) sums.symmetric += (200 * Math.abs(error)) / size;
        const scale = S > 0 ? this.#scales[j % S]! : 0;
        if (scale > 0) {
          sums.scaled += Math.abs(error) / scale;
          sums.scaledCount++;
        }
        if (quantiles !== undefined) this.#addQuantiles(sums, y, quantiles, i * Q, k);
      }
    }
  }

  #addQuantiles(sums: Sums, y: number, values: ArrayLike<number>, at: number, k: number): void {
    for (const [j, q] of this.#quantiles.entries()) {
      const e = y - values[at + j]!;
      if (!Number.isFinite(e))
        throw new SluiceError(
          "numeric",
          `metrics: quantile ${q} is ${values[at + j]} at step ${k + 1}, expected a finite number`,
          { step: k + 1 },
        );
      sums.pinball[j]! += Math.max(q * e, (q - 1) * e);
    }
    for (const [j, { lower, upper }] of this.#intervals.entries()) {
      const low = values[at + lower]!;
      const high = values[at + upper]!;
      if (low <= y && y <= high) sums.inside[j]!++;
      sums.width[j]! += high - low;
    }
  }

  result(): ForecastScores {
    const all = new Sums(this.#quantiles.length, this.#intervals.length);
    for (const s of this.#steps) all.add(s);
    return { ...this.#scores(all), steps: this.#steps.map((s) => this.#scores(s)) };
  }

  #scores(s: Sums): Scores {
    const mean = (sum: number, count = s.count): number | null => (count > 0 ? sum / count : null);
    const mse = mean(s.squared);
    const Q = this.#quantiles.length;
    return {
      count: s.count,
      mse,
      mae: mean(s.absolute),
      rmse: mse === null ? null : Math.sqrt(mse),
      smape: mean(s.symmetric),
      mase: mean(s.scaled, s.scaledCount),
      pinball: Q > 0 ? mean(s.pinball.reduce((a, b) => a + b, 0) / Q) : null,
      quantiles: this.#quantiles.map((quantile, j) => ({ quantile, pinball: mean(s.pinball[j]!) })),
      intervals: this.#intervals.map(({ level }, j) => ({ level, coverage: mean(s.inside[j]!), width: mean(s.width[j]!) })),
    };
  }
}

/**
 * MASE's scale: the mean of |y[t] − y[t − season]| over the training part, NaN values left out; NaN when no pair is known.
 * @param season ≥ 1, in steps; 1 compares with the last value
 */
export function seasonalScale(values: ArrayLike<number>, season: number): number {
  if (!(Number.isInteger(season) && season >= 1))
    throw new SluiceError("range", `metrics: season is ${season}, expected a whole number from 1`);
  let sum = 0;
  let count = 0;
  for (let t = season; t < values.length; t++) {
    const d = Math.abs(values[t]! - values[t - season]!);
    if (Number.isNaN(d)) continue;
    sum += d;
    count++;
  }
  return count > 0 ? sum / count : Number.NaN;
}
