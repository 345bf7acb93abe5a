/** @file Dropout as a layer sees it: there while training, gone otherwise. */
import type { Rng } from "../base/random.ts";
import type { Tensor } from "../engine/tensor.ts";
import { dropoutBy } from "../ops/dropout.ts";
import { maskSteps } from "../ops/rows.ts";
import { drawMask } from "./cell.ts";

/** `x` with elements dropped with probability p, drawn from `rng`; `x` itself without an `rng` or when p is 0. */
export const dropout = (x: Tensor, p: number, rng: Rng | undefined): Tensor => (rng && p > 0 ? dropoutBy(x, p, rng) : x);

/**
 * `x` [L, B, H] with the same units of an item dropped at every step; otherwise as `dropout`.
 * @throws range: p is outside [0, 1)
 * @see Gal and Ghahramani 2016, arXiv:1512.05287
 */
export function lockedDropout(x: Tensor, p: number, rng: Rng | undefined): Tensor {
  const mask = drawMask(x.engine, x.shape.slice(1), p, 1 / (1 - p), rng);
  return mask ? maskSteps({ x, mask }).y : x;
}
