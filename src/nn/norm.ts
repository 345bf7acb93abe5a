/** @file Layer normalisation. */
import type { Param, Tensor } from "../engine/tensor.ts";
import { layerNorm } from "../ops/norm.ts";
import { checkSize } from "./cell.ts";
import type { Init } from "./init.ts";

/**
 * Every row of the last axis shifted and scaled to mean 0 and variance 1, then by `weight` and `bias` [H].
 * @see Ba et al. 2016, arXiv:1607.06450
 */
export class LayerNorm {
  readonly weight: Param;
  readonly bias: Param;

  /** @param config.epsilon added to the variance, default 1e-5 as in PyTorch */
  constructor(
    readonly config: { size: number; epsilon?: number },
    init: Init,
  ) {
    checkSize("layer norm: size", config.size);
    this.weight = init.constant([config.size], 1);
    this.bias = init.zeros([config.size]);
  }

  forward(x: Tensor): Tensor {
    return layerNorm({ x, gain: this.weight, bias: this.bias }, { eps: this.config.epsilon ?? 1e-5 }).y;
  }
}
