/** @file Attention as layers: a decoder that looks back at its encoder's memory, and pooling by learned weights. */
import { SluiceError } from "../base/errors.ts";
import type { Param, Tensor } from "../engine/tensor.ts";
import { additiveAttention, dotAttention } from "../ops/attention.ts";
import { checkSize } from "./cell.ts";
import type { Init } from "./init.ts";
import { Linear } from "./linear.ts";

/**
 * How a query is compared with a step of the memory. `additive`: v·tanh(W q + U k) (Bahdanau et al. 2015); `dot`: q·k, which need one width;
 * `general`: q·(U k) (both Luong et al. 2015).
 */
export type AttentionKind = "additive" | "dot" | "general";

export interface AttentionConfig {
  kind: AttentionKind;
  /** Width of the queries, the decoder's states. */
  querySize: number;
  /** Width of the memory, the encoder's outputs. */
  keySize: number;
  /** Width of the hidden layer of `additive`; default `querySize`. */
  size?: number;
  /** Divide the scores of `dot` and `general` by the square root of the width; default no, as Luong et al. */
  scaled?: boolean;
}

/** A memory ready to be read, its keys projected once. */
export interface PreparedMemory {
  /** [L, B, A] */
  readonly keys: Tensor;
  /** [L, B, H] */
  readonly values: Tensor;
  /** int [B] */
  readonly lengths: Tensor | undefined;
}

/** What reading gives. */
export interface AttentionRead {
  /** [Q, B, H], or [B, H] for a query [B, querySize] */
  context: Tensor;
  /** [Q, B, L], or [B, L]: shares that sum to 1, exactly 0 beyond an item's length */
  weights: Tensor;
}

/**
 * Reads a memory. Parameters: `query.weight` [A, querySize] and `v` [A] (additive), `key.weight` [A, keySize] (additive with `key.bias` [A],
 * general).
 */
export class Attention {
  readonly query: Linear | null;
  readonly key: Linear | null;
  readonly v: Param | null;

  /** @throws range: an unknown kind or a size below 1; shape: `dot` between two widths */
  constructor(
    readonly config: AttentionConfig,
    init: Init,
  ) {
    const { kind, querySize, keySize, size = querySize } = config;
    if (kind !== "additive" && kind !== "dot" && kind !== "general") {
      throw new SluiceError("range", `attention: kind is "${String(kind)}", expected additive, dot or general`);
    }
    for (const [name, n] of Object.entries({ querySize, keySize, size })) checkSize(`attention: ${name}`, n);
    if (kind === "dot" && querySize !== keySize) {
      throw new SluiceError("shape", `attention: keySize is ${keySize}, expected ${querySize}; dot compares keys with queries of querySize as they are; kind general projects them`);
    }
    const additive = kind === "additive";
    this.query = additive ? new Linear({ inputSize: querySize, outputSize: size, bias: false }, init) : null;
    this.key = kind === "dot" ? null : new Linear({ inputSize: keySize, outputSize: additive ? size : querySize, bias: additive }, init);
    this.v = additive ? init.uniform([size], Math.sqrt(6 / (size + 1))) : null;
  }

  /**
   * Projects the memory once for any number of reads.
   * @param memory [L, B, keySize]
   * @param lengths int [B]: real steps of each item; all L when left out
   */
  prepare(memory: Tensor, lengths?: Tensor): PreparedMemory {
    return { keys: this.key ? this.key.forward(memory) : memory, values: memory, lengths };
  }

  /** @param query [Q, B, querySize] for Q reads at once (a decoder's whole sequence, or the beams of one step), or [B, querySize] for one */
  read(query: Tensor, memory: PreparedMemory): AttentionRead {
    if (query.shape.length === 2) {
      const { context, weights } = this.read(query.reshape(1, ...query.shape), memory);
      return { context: context.at(0), weights: weights.at(0) };
    }
    if (this.query && this.v) return additiveAttention({ ...memory, query: this.query.forward(query), v: this.v });
    return dotAttention({ ...memory, query }, { scale: this.config.scaled ? 1 / Math.sqrt(this.config.querySize) : 1 });
  }
}

/**
 * A sequence as one row an item, weighed by what a learned vector finds in each step: weights = softmax_t(v · tanh(W x[t] + b)).
 * Parameters: `key.weight` [A, H], `key.bias` [A], `v` [A].
 * @see Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", equations 5 to 7
 */
export class AttentionPool {
  readonly key: Linear;
  readonly v: Param;

  /** @param config.size width A of the hidden layer; default `inputSize` */
  constructor(
    readonly config: { inputSize: number; size?: number },
    init: Init,
  ) {
    const { inputSize, size = inputSize } = config;
    this.key = new Linear({ inputSize, outputSize: size }, init);
    this.v = init.uniform([size], Math.sqrt(6 / (size + 1)));
  }

  /**
   * `y` [B, H] and the weights [B, L], for x [L, B, H].
   * @param lengths int [B]: real steps; all L when left out. An item of length 0 gives zeros.
   */
  forward(x: Tensor, lengths?: Tensor): { y: Tensor; weights: Tensor } {
    const query = x.engine.tensor([1, x.shape[1] ?? 0, this.v.size]);
    const { context, weights } = additiveAttention({ query, keys: this.key.forward(x), v: this.v, values: x, lengths });
    return { y: context.at(0), weights: weights.at(0) };
  }
}
