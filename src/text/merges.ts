/** @file Learnt pairs put to use: joins the symbols of a piece of text, the pair learnt first going first. */
import { NumberHeap } from "./heap.ts";

/** The room for a position beside a rank in one exact double: 2²⁹ symbols, 2²⁴ merges. */
const positions = 2 ** 29;

/** Up to so many symbols a piece is short. */
const short = 48;
/** Above every rank. */
const none = 2 ** 30;

/** Byte-pair merges in the order they were learnt. @see Sennrich, Haddow & Birch 2016, arXiv:1508.07909 */
export class Merges {
  readonly #ranks = new Map<number, number>();
  readonly #results: ArrayLike<number>;
  readonly #size: number;
  readonly #scratch = new Int32Array(short);

  /**
   * @param pairs left and right symbol of each merge, one merge after the other
   * @param results the symbol each makes
   * @param size above every symbol's number
   */
  constructor(pairs: ArrayLike<number>, results: ArrayLike<number>, size: number) {
    this.#results = results;
    this.#size = size;
    for (let rank = 0; rank < results.length; rank++) {
      const key = pairs[2 * rank]! * size + pairs[2 * rank + 1]!;
      if (!this.#ranks.has(key)) this.#ranks.set(key, rank);
    }
  }

  /** Joins the first `n` of `symbols` in place and returns how many are left: O(n log n) for long pieces. */
  apply(symbols: Int32Array, n = symbols.length): number {
    return n <= short ? this.#applyShort(symbols, n) : this.#applyLong(symbols, n);
  }

  #rank(left: number, right: number): number {
    return this.#ranks.get(left * this.#size + right) ?? none;
  }

  /** Words: looks through all pairs at every step, which for a few is faster than keeping order among them. */
  #applyShort(symbols: Int32Array, n: number): number {
    const ranks = this.#scratch;
    for (let i = 0; i + 1 < n; i++) ranks[i] = this.#rank(symbols[i]!, symbols[i + 1]!);
    for (;;) {
      let at = 0;
      for (let i = 1; i + 1 < n; i++) if (ranks[i]! < ranks[at]!) at = i;
      if (n < 2 || ranks[at] === none) return n;
      symbols[at] = this.#results[ranks[at]!]!;
      n--;
      for (let i = at + 1; i < n; i++) {
        symbols[i] = symbols[i + 1]!;
        ranks[i - 1] = ranks[i]!;
      }
      if (at > 0) ranks[at - 1] = this.#rank(symbols[at - 1]!, symbols[at]!);
      if (at + 1 < n) ranks[at] = this.#rank(symbols[at]!, symbols[at + 1]!);
    }
  }

  #applyLong(symbols: Int32Array, n: number): number {
    const next = new Int32Array(n);
    const before = new Int32Array(n);
    const heap = new NumberHeap();
    const offer = (at: number): void => {
      const to = next[at]!;
      if (to >= n) return;
      const rank = this.#rank(symbols[at]!, symbols[to]!);
      if (rank !== none) heap.push(rank * positions + at);
    };
    for (let i = 0; i < n; i++) {
      next[i] = i + 1;
      before[i] = i - 1;
    }
    for (let i = 0; i < n - 1; i++) offer(i);
    while (heap.size > 0) {
      const top = heap.pop();
      const at = top % positions;
      const rank = (top - at) / positions;
      const to = next[at]!;
      // A neighbour may have gone into another symbol since; what stands here now was offered anew then.
      if (symbols[at]! < 0 || to >= n || this.#rank(symbols[at]!, symbols[to]!) !== rank) continue;
      symbols[at] = this.#results[rank]!;
      symbols[to] = -1;
      next[at] = next[to]!;
      if (next[at]! < n) before[next[at]!] = at;
      if (before[at]! >= 0) offer(before[at]!);
      offer(at);
    }
    let left = 0;
    for (let i = 0; i < n; i = next[i]!) symbols[left++] = symbols[i]!;
    return left;
  }
}
