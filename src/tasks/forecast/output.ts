/** @file What the network's numbers mean: a point, quantiles, or a distribution; its loss, and how a forecast is read off. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { normalQuantile, softplus, studentQuantile } from "./distribution.ts";

/** JSON. */
export interface OutputConfig {
  kind: "point" | "quantiles" | "normal" | "student-t";
  /** Levels of the forecast fan, increasing, 0.5 among them; empty for `point`. */
  quantiles: number[];
  /** What a point forecast is trained by. */
  loss: "mse" | "mae" | "huber";
  /** By level: how much further from the median than the network said. Set by `calibrate`; left out, 1. */
  stretch?: number[];
}

/** Added to a distribution's scale, in units of the training spread, so that a likelihood stays bounded. */
export const SCALE_FLOOR = 1e-3;

/** Numbers per forecast that the network gives. */
export function outputSize({ kind, quantiles }: OutputConfig): number {
  return { point: 1, quantiles: quantiles.length, normal: 2, "student-t": 3 }[kind];
}

/** @throws usage: levels that don't increase, lie outside 0 to 1 */
export function checkQuantiles(levels: readonly number[]): number[] {
  const sorted = [...new Set([...levels, 0.5])].sort((a, b) => a - b);
  const bad = levels.find((q) => !(q > 0 && q < 1));
  if (bad !== undefined) throw new SluiceError("usage", `quantiles: ${bad} is one of them, expected numbers above 0 and below 1, like .1,.5,.9`);
  return sorted;
}

/** Forecasts of N items, horizon first. */
export interface Decoded {
  /** [M, N]: the median, or the mean where squared error was trained. */
  point: Float32Array;
  /** [M, N, quantiles]; empty for `point`. */
  quantiles: Float32Array;
}

/**
 * Reads forecasts off the network's rows: in the order of the horizon, in the series' scaled units, quantiles sorted.
 * @param raw rows [M/D, N, D] of Q numbers
 * @param loc location of each item, [N], or null
 * @param scale scale of each item, [N], or null
 */
export function decode(output: OutputConfig, raw: ArrayLike<number>, segments: number, items: number, width: number, loc: ArrayLike<number> | null, scale: ArrayLike<number> | null): Decoded {
  const Q = outputSize(output);
  const { quantiles: levels, stretch } = output;
  const F = levels.length;
  const middle = levels.indexOf(0.5);
  const point = new Float32Array(segments * items * width);
  const quantiles = new Float32Array(point.length * F);
  const fan = new Float64Array(F);
  const z = levels.map(normalQuantile);
  for (let s = 0; s < segments; s++) {
    for (let n = 0; n < items; n++) {
      const a = loc ? loc[n]! : 0;
      const b = scale ? scale[n]! : 1;
      for (let d = 0; d < width; d++) {
        const from = ((s * items + n) * width + d) * Q;
        const to = (s * width + d) * items + n;
        const first = raw[from]!;
        if (output.kind === "quantiles") {
          for (let q = 0; q < F; q++) fan[q] = raw[from + q]!;
          fan.sort();
        } else if (output.kind === "normal") {
          const deviation = softplus(raw[from + 1]!) + SCALE_FLOOR;
          for (let q = 0; q < F; q++) fan[q] = first + deviation * z[q]!;
        } else if (output.kind === "student-t") {
          const spread = softplus(raw[from + 1]!) + SCALE_FLOOR;
          const freedom = 2 + softplus(raw[from + 2]!);
          for (let q = 0; q < F; q++) fan[q] = first + spread * studentQuantile(levels[q]!, freedom);
        }
        const center = output.kind === "quantiles" ? fan[middle]! : first;
        if (stretch) {
          for (let q = 0; q < F; q++) fan[q] = center + stretch[q]! * (fan[q]! - center);
          fan.sort(); // a level stretched more than the next one out may pass it, but never the middle
        }
        for (let q = 0; q < F; q++) quantiles[to * F + q] = a + b * fan[q]!;
        point[to] = a + b * center;
      }
    }
  }
  return { point, quantiles };
}

/** A tensor's elements as plain numbers, or null. */
export const numbersOf = (t: Tensor | null): ArrayLike<number> | null => (t === null ? null : (t.data as ArrayLike<number>));
