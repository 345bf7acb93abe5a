/**
 * @file Pairs of token sequences as batches: pairs of about one length travel together, so that little is padded, and a batch has about
 * the same number of tokens however long its sentences are. Runs in browsers.
 */
import { SluiceError } from "../../base/errors.ts";
import type { Rng } from "../../base/random.ts";

/** A source and its target as tokens, without marks. */
export interface Pair {
  readonly source: Int32Array;
  readonly target: Int32Array;
}

/** Marks of both sides. */
export interface Marks {
  readonly sourceEnd: number;
  readonly start: number;
  readonly end: number;
}

/** Sources side by side, time first: each with its end mark, then more of them. */
export interface SourceBatch {
  readonly S: number;
  readonly B: number;
  /** [S, B] */
  readonly ids: Int32Array;
  /** [B], end marks included */
  readonly lengths: Int32Array;
}

/** Pairs side by side, time first. */
export interface PairBatch {
  readonly source: SourceBatch;
  readonly T: number;
  /** [T, B]: what the decoder is given, a start mark first. */
  readonly given: Int32Array;
  /** [T, B]: what it shall write, an end mark last; `ignored` beyond. */
  readonly due: Int32Array;
  /** Target tokens that count, end marks included. */
  readonly count: number;
}

/** A place of `due` that doesn't count. */
export const ignored = -100;

export function sourceBatch(sources: readonly Int32Array[], end: number): SourceBatch {
  const B = sources.length;
  const S = 1 + sources.reduce((n, { length }) => Math.max(n, length), 0);
  const ids = new Int32Array(S * B).fill(end);
  for (const [b, source] of sources.entries()) for (let s = 0; s < source.length; s++) ids[s * B + b] = source[s]!;
  return { S, B, ids, lengths: Int32Array.from(sources, ({ length }) => length + 1) };
}

export function pairBatch(pairs: readonly Pair[], { sourceEnd, start, end }: Marks): PairBatch {
  const B = pairs.length;
  const T = 1 + pairs.reduce((n, { target }) => Math.max(n, target.length), 0);
  const given = new Int32Array(T * B).fill(end);
  const due = new Int32Array(T * B).fill(ignored);
  let count = 0;
  for (const [b, { target }] of pairs.entries()) {
    given[b] = start;
    for (let t = 0; t < target.length; t++) {
      given[(t + 1) * B + b] = target[t]!;
      due[t * B + b] = target[t]!;
    }
    due[target.length * B + b] = end;
    count += target.length + 1;
  }
  return { source: sourceBatch(pairs.map(({ source }) => source), sourceEnd), T, given, due, count };
}

/** Cuts pairs into batches. Every pass has as many: which pairs of one length meet, and the order of batches, is drawn anew. */
export class PairBatches {
  /** Target tokens of one pass, end marks included. */
  readonly tokens: number;
  /** Longer side of each pair, in tokens. */
  readonly #longer: Int32Array;
  #batches: Int32Array[];

  /**
   * @param size tokens in a batch, padding included: pairs × the longest side among them
   * @throws data: no pair
   */
  constructor(
    readonly pairs: readonly Pair[],
    readonly marks: Marks,
    readonly size: number,
  ) {
    if (pairs.length === 0) throw new SluiceError("data", "translate: there are 0 pairs, expected at least one");
    this.#longer = Int32Array.from(pairs, ({ source, target }) => 1 + Math.max(source.length, target.length));
    this.tokens = pairs.reduce((n, { target }) => n + target.length + 1, 0);
    this.#batches = this.#arrange(Int32Array.from(pairs, (_, i) => i));
  }

  get count(): number {
    return this.#batches.length;
  }

  /** Begins a pass anew. */
  start(rng: Rng): void {
    this.#batches = rng.shuffle(this.#arrange(rng.shuffle(Int32Array.from(this.pairs, (_, i) => i))));
  }

  /** Borders depend on the sorted lengths alone, so their number is the same in whatever order equal ones stand. */
  #arrange(order: Int32Array): Int32Array[] {
    const longer = this.#longer;
    const sorted = Array.from(order).sort((a, b) => longer[a]! - longer[b]!);
    const batches: Int32Array[] = [];
    for (let from = 0; from < sorted.length; ) {
      let to = from + 1;
      while (to < sorted.length && (to + 1 - from) * longer[sorted[to]!]! <= this.size) to++;
      batches.push(Int32Array.from(sorted.slice(from, to)));
      from = to;
    }
    return batches;
  }

  batch(index: number): PairBatch {
    return pairBatch(Array.from(this.#batches[index]!, (i) => this.pairs[i]!), this.marks);
  }
}
