/** @file Numbers for tokens. */
import type { Param, Tensor } from "../engine/tensor.ts";
import { embedding } from "../ops/embedding.ts";
import { checkSize } from "./cell.ts";
import type { Init } from "./init.ts";

/** A row of `weight` [V, E] for every token number from 0 to V − 1. Drawn from N(0, 1), as PyTorch does. */
export class Embedding {
  readonly weight: Param;

  constructor(
    readonly config: { vocabulary: number; size: number; deviation?: number },
    init: Init,
  ) {
    checkSize("embedding: vocabulary", config.vocabulary);
    checkSize("embedding: size", config.size);
    this.weight = init.normal([config.vocabulary, config.size], config.deviation ?? 1);
  }

  /** ids is int [...], the result [..., E]. */
  forward(ids: Tensor): Tensor {
    return embedding({ ids, weight: this.weight }).y;
  }
}
