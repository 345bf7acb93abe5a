/** @file Numbers for tokens. */
import type { Rng } from "../base/random.ts";
import type { Param, Tensor } from "../engine/tensor.ts";
import { embedding } from "../ops/embedding.ts";
import { scaleRows } from "../ops/rows.ts";
import { checkSize, drawMask } from "./cell.ts";
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

  /**
   * ids is int [...], the result [..., E]. While training (`rng`), each word is dropped wherever it stands with probability `dropout`, the others
   * divided by 1 − dropout.
   * @throws range: an id outside 0 to V − 1, or a probability outside [0, 1)
   * @see Gal and Ghahramani 2016, arXiv:1512.05287, section 4.2
   */
  forward(ids: Tensor, { dropout = 0, rng }: { dropout?: number; rng?: Rng | undefined } = {}): Tensor {
    const x = embedding({ ids, weight: this.weight }).y;
    const words = drawMask(ids.engine, [this.config.vocabulary, 1], dropout, 1 / (1 - dropout), rng);
    return words ? scaleRows({ x, scale: embedding({ ids, weight: words }).y.reshape(...ids.shape) }).y : x;
  }
}
