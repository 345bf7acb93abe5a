/**
 * @file How the two parts are weighed: logits = deep·d + wide·w with d, w ≥ 0 that make the validation answers most likely. With one part it
 * is temperature scaling. Runs in browsers.
 */

/** Factors of the two parts' logits. JSON. */
export interface Calibration {
  deep: number;
  wide: number;
}

/** Logits [N, C] of the two parts for items of which the truth is known. */
export interface Scored {
  deep: Float64Array;
  wide: Float64Array | null;
  /** int [N], or 0/1 [N, C] where an item may have several labels. */
  truth: Int32Array;
  classes: number;
  multiLabel: boolean;
}

/** Mean negative log likelihood, and its derivatives with respect to the two factors. */
function look({ deep, wide, truth, classes: C, multiLabel }: Scored, c: Calibration): { loss: number; g: [number, number]; h: [number, number, number] } {
  const N = deep.length / C;
  let loss = 0;
  const g: [number, number] = [0, 0];
  const h: [number, number, number] = [0, 0, 0];
  const p = new Float64Array(C);
  for (let i = 0; i < N; i++) {
    const at = i * C;
    let top = -Infinity;
    for (let k = 0; k < C; k++) {
      p[k] = c.deep * deep[at + k]! + (wide === null ? 0 : c.wide * wide[at + k]!);
      top = Math.max(top, p[k]!);
    }
    if (multiLabel) {
      for (let k = 0; k < C; k++) {
        const z = p[k]!;
        const y = truth[at + k]!;
        const q = 1 / (1 + Math.exp(-z));
        loss += (Math.max(z, 0) - z * y + Math.log1p(Math.exp(-Math.abs(z)))) / C;
        const a = deep[at + k]!;
        const b = wide?.[at + k] ?? 0;
        g[0] += ((q - y) * a) / C;
        g[1] += ((q - y) * b) / C;
        const v = (q * (1 - q)) / C;
        h[0] += v * a * a;
        h[1] += v * a * b;
        h[2] += v * b * b;
      }
      continue;
    }
    let sum = 0;
    for (let k = 0; k < C; k++) sum += p[k] = Math.exp(p[k]! - top);
    const t = truth[i]!;
    loss -= Math.log(p[t]! / sum);
    let ma = 0;
    let mb = 0;
    let aa = 0;
    let ab = 0;
    let bb = 0;
    for (let k = 0; k < C; k++) {
      const q = p[k]! / sum;
      const a = deep[at + k]!;
      const b = wide?.[at + k] ?? 0;
      ma += q * a;
      mb += q * b;
      aa += q * a * a;
      ab += q * a * b;
      bb += q * b * b;
    }
    g[0] += ma - deep[at + t]!;
    g[1] += mb - (wide?.[at + t] ?? 0);
    h[0] += aa - ma * ma;
    h[1] += ab - ma * mb;
    h[2] += bb - mb * mb;
  }
  return { loss: loss / N, g: [g[0] / N, g[1] / N], h: [h[0] / N, h[1] / N, h[2] / N] };
}

/** Keeps the factors from running off where the validation items are told apart without an error. */
const RIDGE = 1e-3;
const LARGEST = 20;

/**
 * The factors that make the truth most likely, by Newton's method on a convex function, and the mean negative log likelihood they give.
 * @see Guo et al. 2017, arXiv:1706.04599
 */
export function calibrateParts(scored: Scored): Calibration & { loss: number } {
  let best: Calibration = { deep: 1, wide: scored.wide === null ? 0 : 1 };
  const cost = (c: Calibration, loss: number) => loss + 0.5 * RIDGE * ((c.deep - 1) ** 2 + (scored.wide === null ? 0 : (c.wide - 1) ** 2));
  let seen = look(scored, best);
  for (let round = 0; round < 50; round++) {
    const g0 = seen.g[0] + RIDGE * (best.deep - 1);
    const g1 = seen.g[1] + RIDGE * (best.wide - 1);
    const a = seen.h[0] + RIDGE;
    const b = seen.h[1];
    const d = seen.h[2] + RIDGE;
    const det = Math.max(a * d - b * b, 1e-12);
    let s0 = (d * g0 - b * g1) / det;
    let s1 = (a * g1 - b * g0) / det;
    // On an edge that the step would cross, only the other factor moves.
    if (scored.wide === null || (best.wide <= 0 && s1 > 0)) [s0, s1] = [g0 / a, 0];
    else if (best.deep <= 0 && s0 > 0) [s0, s1] = [0, g1 / d];
    let moved = false;
    for (let share = 1; share > 1e-4; share /= 2) {
      const next = { deep: clamp(best.deep - share * s0), wide: scored.wide === null ? 0 : clamp(best.wide - share * s1) };
      const at = look(scored, next);
      if (cost(next, at.loss) >= cost(best, seen.loss) - 1e-12) continue;
      best = next;
      seen = at;
      moved = true;
      break;
    }
    if (!moved) break;
  }
  return { ...best, loss: seen.loss };
}

const clamp = (v: number): number => Math.min(Math.max(v, 0), LARGEST);
