/**
 * @file The acceptor: embedded units (or the channels of a series) → dropout → recurrent layers, one direction or both → pooling over time
 * → linear; beside it a linear wide part over n-grams (or summary features). Several of them vote. Runs in browsers.
 */
import type { Rng } from "../../base/random.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Param, Tensor } from "../../engine/tensor.ts";
import { AttentionPool } from "../../nn/attention.ts";
import type { CellKind } from "../../nn/cell.ts";
import { dropout } from "../../nn/dropout.ts";
import type { Init } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { pool } from "../../nn/pool.ts";
import { Recurrent, type StackState } from "../../nn/stack.ts";
import { embedding } from "../../ops/embedding.ts";
import { linear } from "../../ops/linear.ts";
import { concat } from "../../ops/shape.ts";
import { bags } from "./bag.ts";
import type { Batch } from "./batch.ts";

export type PoolingKind = "last" | "mean" | "max" | "attention";

/** JSON that rebuilds the network. */
export interface NetworkConfig {
  input: "text" | "series";
  /** Text: rows of the embedding table. Series: channels. */
  width: number;
  /** Text: numbers per unit. */
  embedding: number;
  cell: CellKind;
  hidden: number;
  layers: number;
  bidirectional: boolean;
  pooling: PoolingKind;
  dropout: number;
  /** Text: share of units hidden while training. */
  unitDropout: number;
  /** Share of the wide part's features hidden while training. */
  wideDropout: number;
  /** Rows (text) or features (series) of the wide part; 0: none. */
  wide: number;
  classes: number;
  members: number;
}

/** Logits [B, C] of the two parts. */
export interface Parts {
  deep: Tensor;
  wide: Tensor | null;
}

/** One acceptor. */
export class Member {
  /** [width, E], text only. */
  readonly table: Param | null;
  readonly recurrent: Recurrent;
  readonly attention: AttentionPool | null;
  readonly head: Linear;
  /** Text: [rows, C]. Series: [C, features]. */
  readonly wide: Param | null;

  constructor(
    readonly config: NetworkConfig,
    init: Init,
  ) {
    const { input, width, cell, hidden, layers, bidirectional, classes, wide } = config;
    this.table = input === "text" ? init.normal([width, config.embedding], EMBEDDING_SPREAD) : null;
    const inputSize = input === "text" ? config.embedding : width;
    this.recurrent = new Recurrent({ cell, inputSize, hiddenSize: hidden, layers, bidirectional: bidirectional ? "concat" : false, dropout: config.dropout }, init);
    this.attention = config.pooling === "attention" ? new AttentionPool({ inputSize: this.recurrent.outputSize }, init) : null;
    this.head = new Linear({ inputSize: this.recurrent.outputSize, outputSize: classes }, init);
    this.wide = wide === 0 ? null : init.zeros(input === "text" ? [wide, classes] : [classes, wide]);
  }

  forward(engine: Engine, batch: Batch, rng?: Rng): Parts {
    return { deep: this.read(engine, batch, this.embed(engine, batch, rng), rng).logits, wide: this.widePart(engine, batch, rng) };
  }

  /** What the recurrent layers read: [L, R, E]. */
  embed(engine: Engine, batch: Batch, rng?: Rng): Tensor {
    const { rows, steps } = batch;
    if (batch.kind === "series") return engine.tensor([steps, rows, this.config.width], batch.x);
    const none = batch.bags.length;
    const vectors = bags(this.table!, [...batch.bags, new Int32Array(0)], "mean");
    let ids = batch.ids;
    const p = this.config.unitDropout;
    if (rng && p > 0) ids = ids.map((id) => (rng.uniform() < p ? none : id));
    return embedding({ ids: engine.ints([steps, rows], ids), weight: vectors }).y;
  }

  /** Logits [B, C] of embedded rows, and the shares [R, L] of each step where pooling gives some. */
  read(engine: Engine, batch: Batch, x: Tensor, rng?: Rng): { logits: Tensor; weights?: Tensor } {
    const { dropout: p, pooling } = this.config;
    const lengths = engine.ints([batch.rows], batch.lengths);
    const { y, state } = this.recurrent.sequence(dropout(x, p, rng), { lengths, rng });
    const { y: rows, weights } = this.#pool(y, state, lengths);
    if (batch.pieces === null) return { logits: this.head.forward(dropout(rows, p, rng)), weights };
    const { ids, counts, most } = batch.pieces;
    const parts = embedding({ ids: engine.ints([most, batch.items], ids), weight: rows }).y;
    const joined = pool(pooling === "max" ? "max" : "mean", parts, engine.ints([batch.items], counts));
    return { logits: this.head.forward(dropout(joined, p, rng)), weights };
  }

  /** One row [R, H] a sequence. */
  #pool(y: Tensor, state: StackState, lengths: Tensor): { y: Tensor; weights?: Tensor } {
    if (this.attention) return this.attention.forward(y, lengths);
    const { pooling, bidirectional } = this.config;
    if (pooling === "mean" || pooling === "max") return { y: pool(pooling, y, lengths) };
    // The last step of the direction that reads backwards stands at the first: its state has it.
    const [forward, backward] = state.slice(bidirectional ? -2 : -1).map((s) => s[0]!);
    return { y: backward ? concat({ a: forward!, b: backward }).y : forward! };
  }

  /** Logits [B, C] of the linear part. */
  widePart(engine: Engine, batch: Batch, rng?: Rng): Tensor | null {
    if (this.wide === null) return null;
    const p = this.config.wideDropout;
    if (batch.kind === "series") return linear({ x: dropout(engine.tensor([batch.items, this.config.wide], batch.features), p, rng), w: this.wide }).y;
    const kept = rng && p > 0 ? batch.wide.map((rows) => rows.filter(() => rng.uniform() >= p)) : batch.wide;
    return bags(this.wide, kept, "sum");
  }
}

/** Standard deviation of an embedding's first values. */
const EMBEDDING_SPREAD = 0.3;

/** The members, whose logits are averaged. */
export class ClassifierNetwork {
  readonly members: readonly Member[];
  constructor(
    readonly config: NetworkConfig,
    init: Init,
  ) {
    this.members = Array.from({ length: config.members }, () => new Member(config, init));
  }
}
