/** @file The network of a language model: numbers for tokens, recurrent layers, a score for every token that may come next. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { Rng } from "../../base/random.ts";
import type { Param, Tensor } from "../../engine/tensor.ts";
import { AdaptiveSoftmax } from "../../nn/adaptive.ts";
import { type CellKind, type CellState, checkProbability } from "../../nn/cell.ts";
import { dropout, lockedDropout } from "../../nn/dropout.ts";
import { Embedding } from "../../nn/embedding.ts";
import type { Init } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { Recurrent, type StackState } from "../../nn/stack.ts";
import { linear } from "../../ops/linear.ts";
import { logSoftmax } from "../../ops/softmax.ts";

/** JSON that rebuilds the network. */
export interface LanguageNetworkConfig {
  /** Tokens that there are, V. */
  vocabulary: number;
  /** Numbers for a token, E. */
  embedding: number;
  cell: CellKind;
  /** Hidden size H of every layer. */
  hidden: number;
  layers: number;
  /** Scores are products with the embedding's rows (Press and Wolf 2017, arXiv:1608.05859; Inan et al. 2017, arXiv:1611.01462). */
  tied: boolean;
  /** Where clusters of rarer tokens begin, rising, for adaptive softmax (Grave et al. 2017, arXiv:1609.04309); none: every token is scored alike. */
  adaptive: number[];
  /** Share of units hidden behind every layer; behind the embedding `inputDropout`. */
  dropout: number;
  inputDropout: number;
  /** Hide the same units at every step of a chunk (Gal and Ghahramani 2016, arXiv:1512.05287), not others at each. */
  variational: boolean;
  /** Share of token kinds whose embedding is hidden throughout a chunk (the same paper). */
  embeddingDropout: number;
  /** Share of units hidden from the recurrent product, the same at every step. */
  recurrentDropout: number;
}

/** The scores' affine map: a matrix of its own or the embedding's. */
export class Output {
  constructor(
    readonly config: { inputSize: number; outputSize: number },
    readonly weight: Param,
    readonly bias: Param,
  ) {}

  /** x is [..., I], the result [..., V]. */
  forward(x: Tensor): Tensor {
    return linear({ x, w: this.weight, b: this.bias }).y;
  }
}

/**
 * Reads tokens and scores the next. Parameters: `embedding.weight`, `recurrent.weight_ih_l0`, …, `projection.weight`, `output.weight`, `output.bias`;
 * with adaptive softmax `output.head.weight`, `output.tails.0.down.weight`, ….
 */
export class LanguageNetwork {
  readonly embedding: Embedding;
  readonly recurrent: Recurrent;
  /** From the hidden size to the embedding's, where the scores are tied and the two differ. */
  readonly projection: Linear | null;
  readonly output: Output | AdaptiveSoftmax;

  constructor(
    readonly config: LanguageNetworkConfig,
    init: Init,
  ) {
    const { vocabulary, embedding: E, cell, hidden: H, layers, tied, recurrentDropout } = config;
    for (const key of ["dropout", "inputDropout", "embeddingDropout"] as const) checkProbability(`language: ${key}`, config[key]);
    this.embedding = new Embedding({ vocabulary, size: E, deviation: 1 / Math.sqrt(E) }, init);
    this.recurrent = new Recurrent({ cell, inputSize: E, hiddenSize: H, layers, recurrentDropout }, init);
    this.projection = tied && E !== H ? new Linear({ inputSize: H, outputSize: E, bias: false }, init) : null;
    const inputSize = tied ? E : H;
    if (config.adaptive.length > 0 && tied) throw new SluiceError("usage", "language: outputs are tied and adaptive, expected one of the two; adaptive softmax has weights of its own");
    this.output = config.adaptive.length > 0 ? new AdaptiveSoftmax({ size: H, vocabulary, cutoffs: config.adaptive }, init) : new Output({ inputSize, outputSize: vocabulary }, tied ? this.embedding.weight : init.glorot(1, vocabulary, H), init.zeros([vocabulary]));
  }

  /** Zeros for `batch` texts. */
  initialState(batch: number): StackState {
    return this.recurrent.initialState(batch);
  }

  /**
   * What the scores are made of: [L, B, E or H], and the state behind the last step.
   * @param ids int [L, B]
   * @param options.lengths int [B]: real steps of each item
   * @param options.rng present while training
   */
  read(ids: Tensor, options: { state?: StackState | undefined; lengths?: Tensor | undefined; rng?: Rng | undefined } = {}): { x: Tensor; state: StackState } {
    const { state, lengths, rng } = options;
    const { dropout: p, inputDropout, embeddingDropout } = this.config;
    const hide = this.config.variational ? lockedDropout : dropout;
    let x = hide(this.embedding.forward(ids, { dropout: embeddingDropout, rng }), inputDropout, rng);
    const last: CellState[] = [];
    for (const [i, [cell]] of this.recurrent.cells.entries()) {
      const { y, state: after } = cell!.sequence(x, { state: state?.[i], lengths, rng });
      last.push(after);
      x = hide(y, p, rng);
    }
    return { x: this.projection ? this.projection.forward(x) : x, state: last };
  }

  /** Log probabilities of every token [N, V], given x [N, …] from `read`. */
  logProbabilities(x: Tensor): Tensor {
    return this.output instanceof AdaptiveSoftmax ? this.output.logProbabilities(x) : logSoftmax({ x: this.output.forward(x) }).y;
  }
}
