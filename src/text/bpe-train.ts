/**
 * @file Learns byte pairs from text: the most frequent pair of neighbours becomes a symbol of its own, then the most frequent pair
 * of what there is then, and so on. Counts are kept up to date merge by merge instead of counted anew.
 */
import { NumberHeap } from "./heap.ts";

/** Longer pieces (text without spaces) are learnt from in parts, so that no merge has to read a megabyte again. */
const longestPiece = 256;

/** The heap's number for a pair: most frequent first, equals in the order they were met. Both fit into 53 bits. */
const pairs = 2 ** 23;
const mostFrequent = 2 ** 30 - 1;
const priority = (count: number, pair: number): number => (mostFrequent - Math.min(count, mostFrequent)) * pairs + pair;

/**
 * Pairs in the order they were learnt, left and right symbol one after the other. Symbols below `alphabet` are given; merge i
 * makes symbol `alphabet + i`. Fewer than `merges` come back when no pair is left that stands at least `minCount` times.
 * @param pieces symbols of each different piece of text, and how often it stands there; pairs are counted inside pieces only
 * @see Sennrich, Haddow & Birch 2016, arXiv:1508.07909; Gage 1994
 */
export function learnPairs(pieces: Iterable<readonly [ArrayLike<number>, number]>, alphabet: number, merges: number, minCount = 2): number[] {
  return new PairLearner(pieces, alphabet, merges).learn(minCount);
}

class PairLearner {
  readonly #size: number;
  /** Symbols of each piece; a piece becomes shorter as its symbols are joined. */
  readonly #pieces: Int32Array[] = [];
  readonly #times: number[] = [];
  /** left · size + right → number of the pair. */
  readonly #pairs = new Map<number, number>();
  readonly #keys: number[] = [];
  readonly #counts: number[] = [];
  /** Pieces in which a pair stands or stood. */
  readonly #where: number[][] = [];
  readonly #heap = new NumberHeap();
  /** Pairs first met or grown since the heap was last told. */
  readonly #grown = new Set<number>();

  constructor(
    pieces: Iterable<readonly [ArrayLike<number>, number]>,
    readonly alphabet: number,
    readonly merges: number,
  ) {
    this.#size = alphabet + merges;
    for (const [symbols, times] of pieces) {
      for (let from = 0; from < symbols.length; from += longestPiece) {
        const part = Int32Array.from({ length: Math.min(longestPiece, symbols.length - from) }, (_, i) => symbols[from + i]!);
        if (part.length < 2) continue;
        const piece = this.#pieces.push(part) - 1;
        this.#times.push(times);
        for (let i = 1; i < part.length; i++) this.#count(part[i - 1]!, part[i]!, times, piece);
      }
    }
    this.#tellHeap();
  }

  learn(minCount: number): number[] {
    const learnt: number[] = [];
    while (learnt.length < 2 * this.merges && this.#heap.size > 0) {
      const top = this.#heap.pop();
      const pair = top % pairs;
      const count = this.#counts[pair]!;
      if (top !== priority(count, pair)) {
        if (count >= minCount) this.#heap.push(priority(count, pair)); // it has become rarer
        continue;
      }
      if (count < minCount) break;
      const left = Math.floor(this.#keys[pair]! / this.#size);
      const right = this.#keys[pair]! % this.#size;
      const joined = this.alphabet + learnt.length / 2;
      learnt.push(left, right);
      const where = this.#where[pair]!;
      this.#where[pair] = [];
      this.#counts[pair] = 0;
      for (const piece of where) this.#join(piece, left, right, joined);
      this.#tellHeap();
    }
    return learnt;
  }

  /** Replaces left right by joined in one piece; the pairs around each place are counted anew. */
  #join(piece: number, left: number, right: number, joined: number): void {
    const s = this.#pieces[piece]!;
    const times = this.#times[piece]!;
    let n = 0;
    for (let i = 0; i < s.length; i++) {
      if (s[i] !== left || s[i + 1] !== right) {
        s[n++] = s[i]!;
        continue;
      }
      if (n > 0) {
        this.#count(s[n - 1]!, left, -times, piece);
        this.#count(s[n - 1]!, joined, times, piece);
      }
      if (i + 2 < s.length) {
        this.#count(right, s[i + 2]!, -times, piece);
        this.#count(joined, s[i + 2]!, times, piece);
      }
      s[n++] = joined;
      i++;
    }
    if (n < s.length) this.#pieces[piece] = s.subarray(0, n);
  }

  #count(left: number, right: number, times: number, piece: number): void {
    const key = left * this.#size + right;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      if (this.#keys.length === pairs) return; // so many pairs are in no text that fits into memory twice
      pair = this.#keys.push(key) - 1;
      this.#pairs.set(key, pair);
      this.#counts.push(0);
      this.#where.push([]);
    }
    this.#counts[pair]! += times;
    if (times < 0) return;
    this.#grown.add(pair);
    const where = this.#where[pair]!;
    if (where.at(-1) !== piece) where.push(piece);
  }

  #tellHeap(): void {
    for (const pair of this.#grown) this.#heap.push(priority(this.#counts[pair]!, pair));
    this.#grown.clear();
  }
}
