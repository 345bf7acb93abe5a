/** @file Learnt pairs put to use: joins the symbols of a piece of text, the pair learnt first going first. */
import { NumberHeap } from "./heap.ts";

/** The room for a position beside a rank in one exact double: 2²⁹ symbols, 2²⁴ merges. */
const positions = 2 ** 29;

/** Byte-pair merges in the order they were learnt. @see Sennrich, Haddow & Birch 2016, arXiv:1508.07909 */
export class Merges {
  readonly #ranks = new Map<number, number>();
  readonly #results: ArrayLike<number>;
  readonly #size: number;

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

  /** Joins the first `n` of `symbols` in place and returns how many are left. O(n log n). */
  apply(symbols: Int32Array, n = symbols.length): number {
    if (n < 2) return n;
    const next = new Int32Array(n);
    const before = new Int32Array(n);
    const heap = new NumberHeap();
    const offer = (at: number): void => {
      const to = next[at]!;
      if (to >= n) return;
      const rank = this.#ranks.get(symbols[at]! * this.#size + symbols[to]!);
      if (rank !== undefined) heap.push(rank * positions + at);
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
      if (symbols[at]! < 0 || to >= n || this.#ranks.get(symbols[at]! * this.#size + symbols[to]!) !== rank) continue;
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
