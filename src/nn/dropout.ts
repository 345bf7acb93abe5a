/** @file Dropout as a layer sees it: there while training, gone otherwise. */
import type { Rng } from "../base/random.ts";
import type { Tensor } from "../engine/tensor.ts";
import { dropoutBy } from "../ops/dropout.ts";

/** `x` with elements dropped with probability p, drawn from `rng`; `x` itself without an `rng` or when p is 0. */
export const dropout = (x: Tensor, p: number, rng: Rng | undefined): Tensor => (rng && p > 0 ? dropoutBy(x, p, rng) : x);
