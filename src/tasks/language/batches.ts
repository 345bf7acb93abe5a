/**
 * @file Text as batches of training: one long text as parallel streams whose state is carried from chunk to chunk, or separate items, each
 * from a state of zeros, shuffled and padded. Runs in browsers.
 */
import { SluiceError } from "../../base/errors.ts";
import type { Rng } from "../../base/random.ts";
import { Streams } from "../../train/bptt.ts";

/** Tokens of some steps, time first. */
export interface Batch {
  /** Steps and texts side by side. */
  L: number;
  B: number;
  /** [L, B]: what is read, and what comes next. */
  ids: Int32Array;
  targets: Int32Array;
  /** [L, B]: 0 where an item has ended; null: everything counts. */
  weight: Float32Array | null;
  /** Tokens that count. */
  count: number;
  /** The state goes on from the batch before. */
  carry: boolean;
}

/** What training and scoring go through, batch by batch. */
export interface Batches {
  readonly count: number;
  /** Tokens predicted in one pass, about. */
  readonly tokens: number;
  /** Begins a pass anew: other chunk borders, another order. */
  start(rng: Rng): void;
  batch(index: number): Batch;
}

/** One long text: stream b of B goes through its own part of it, `chunk` steps at a time; each pass has other borders between chunks. */
export class StreamBatches implements Batches {
  readonly #streams: Streams;
  /** Tokens at the start that a pass may leave out, another number each time. */
  readonly #spare: number;
  #from = 0;

  /** @throws data: fewer tokens than streams */
  constructor(
    readonly ids: Int32Array,
    { streams, chunk, jitter = true }: { streams: number; chunk: number; jitter?: boolean },
  ) {
    this.#spare = jitter && ids.length > 20 * streams * chunk ? chunk - 1 : 0;
    this.#streams = new Streams({ length: ids.length - this.#spare, streams, chunk });
  }

  get count(): number {
    return this.#streams.chunks;
  }
  get tokens(): number {
    return this.#streams.steps * this.#streams.streams;
  }

  start(rng: Rng): void {
    this.#from = this.#spare > 0 ? rng.below(this.#spare + 1) : 0;
  }

  batch(index: number): Batch {
    const rows = this.#streams.rows(index);
    const ids = rows.map((row) => this.ids[this.#from + row]!);
    const targets = rows.map((row) => this.ids[this.#from + row + 1]!);
    const B = this.#streams.streams;
    return { L: rows.length / B, B, ids, targets, weight: null, count: rows.length, carry: index > 0 };
  }
}

/** Separate items, each between two marks: a start is an end that was. Items of about one length share a batch. */
export class ItemBatches implements Batches {
  readonly tokens: number;
  /** Where each item begins and ends in `ids`. */
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  #batches: Int32Array[] = [];

  /**
   * @param ids items, each followed by `mark`
   * @throws data: no item
   */
  constructor(
    readonly ids: Int32Array,
    readonly mark: number,
    readonly size: number,
  ) {
    const from: number[] = [];
    const to: number[] = [];
    for (let i = 0, begin = 0; i <= ids.length; i++) {
      if (i < ids.length && ids[i] !== mark) continue;
      if (i > begin) {
        from.push(begin);
        to.push(i);
      }
      begin = i + 1;
    }
    if (from.length === 0) throw new SluiceError("data", "language: there is no line that holds anything, expected at least one item");
    this.#from = Int32Array.from(from);
    this.#to = Int32Array.from(to);
    this.tokens = from.reduce((sum, begin, i) => sum + to[i]! - begin + 1, 0);
    this.#arrange(null);
  }

  get count(): number {
    return this.#batches.length;
  }

  start(rng: Rng): void {
    this.#arrange(rng);
  }

  #length(item: number): number {
    return this.#to[item]! - this.#from[item]!;
  }

  /** Sorts by length within stretches of many batches, so that little is padded and the order stays random at large. */
  #arrange(rng: Rng | null): void {
    const order = this.#from.map((_, i) => i);
    if (rng) rng.shuffle(order);
    const stretch = 50 * this.size;
    const batches: Int32Array[] = [];
    for (let at = 0; at < order.length; at += stretch) {
      const part = order.slice(at, at + stretch).sort((a, b) => this.#length(a) - this.#length(b) || a - b);
      for (let i = 0; i < part.length; i += this.size) batches.push(part.subarray(i, i + this.size));
    }
    this.#batches = rng ? rng.shuffle(batches) : batches;
  }

  batch(index: number): Batch {
    const items = this.#batches[index]!;
    const B = items.length;
    const L = Math.max(...Array.from(items, (i) => this.#length(i))) + 1;
    const ids = new Int32Array(L * B).fill(this.mark);
    const targets = new Int32Array(L * B).fill(this.mark);
    const weight = new Float32Array(L * B);
    let count = 0;
    for (const [b, item] of items.entries()) {
      const n = this.#length(item);
      const from = this.#from[item]!;
      for (let t = 0; t <= n; t++) {
        if (t > 0) ids[t * B + b] = this.ids[from + t - 1]!;
        if (t < n) targets[t * B + b] = this.ids[from + t]!;
        weight[t * B + b] = 1;
      }
      count += n + 1;
    }
    return { L, B, ids, targets, weight, count, carry: false };
  }
}
