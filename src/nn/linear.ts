/** @file The affine map at the end of most networks. */
import type { Param, Tensor } from "../engine/tensor.ts";
import { linear } from "../ops/linear.ts";
import { checkSize } from "./cell.ts";
import type { Init } from "./init.ts";

/** y = x Wᵀ + b. Parameters, PyTorch's names and shapes: `weight` [O, I], `bias` [O]. */
export class Linear {
  readonly weight: Param;
  readonly bias: Param | null;

  constructor(
    readonly config: { inputSize: number; outputSize: number; bias?: boolean },
    init: Init,
  ) {
    const { inputSize, outputSize, bias = true } = config;
    checkSize("linear: inputSize", inputSize);
    checkSize("linear: outputSize", outputSize);
    const bound = 1 / Math.sqrt(inputSize);
    this.weight = init.scheme === "sluice" ? init.glorot(1, outputSize, inputSize) : init.uniform([outputSize, inputSize], bound);
    this.bias = !bias ? null : init.scheme === "sluice" ? init.zeros([outputSize]) : init.uniform([outputSize], bound);
  }

  /** x is [..., I], the result [..., O]. */
  forward(x: Tensor): Tensor {
    return linear({ x, w: this.weight, b: this.bias ?? undefined }).y;
  }
}
