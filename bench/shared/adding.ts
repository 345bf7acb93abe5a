/**
 * @file The adding problem: two numbers to remember among T, told apart by a mark. Input [T, B, 2]: a number, uniform in [0, 1),
 * and a mark, 1 at one place of the first half and one of the second, else 0. Target [B, 1]: the sum of the two marked numbers.
 * @see Hochreiter and Schmidhuber 1997, section 5.4; places and range as Arjovsky et al. 2016, arXiv:1511.06464
 */
import type { Rng } from "../../src/index.ts";

/** Mean squared error of always answering 1: the variance of the sum of two uniform numbers, 2 · 1/12. */
export const trivialMse = 1 / 6;

export interface AddingBatch {
  /** [T, B, 2] */
  x: Float32Array;
  /** [B, 1] */
  target: Float32Array;
}

export function drawAdding(T: number, B: number, rng: Rng): AddingBatch {
  const x = new Float32Array(T * B * 2);
  const target = new Float32Array(B);
  for (let i = 0; i < T * B; i++) x[2 * i] = rng.uniform();
  const half = Math.floor(T / 2);
  for (let b = 0; b < B; b++) {
    for (const t of [rng.below(half), half + rng.below(T - half)]) {
      x[2 * (t * B + b) + 1] = 1;
      target[b]! += x[2 * (t * B + b)]!;
    }
  }
  return { x, target };
}
