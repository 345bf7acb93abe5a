/**
 * @file Seeded random numbers that can be saved, restored and split.
 * Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): block number in, four words out, so a
 * kernel can draw block `i` without drawing those before it, and the whole state is a key and a position.
 */
import { SluiceError } from "./errors.ts";

/** JSON that restores a generator exactly. */
export interface RngState {
  /** Two unsigned 32-bit words. */
  key: [number, number];
  /** Number of the next block of four words, 0 ≤ block < 2⁵³. */
  block: number;
  /** Words of the last block not handed out yet, 0–3. */
  left: number;
}

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High 32 bits of the 64-bit product of two unsigned 32-bit words. */
function mulHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const mid = ah * bl + ((al * bl) >>> 16);
  const mid2 = al * bh + (mid & 0xffff);
  return (ah * bh + Math.floor(mid / 65536) + Math.floor(mid2 / 65536)) >>> 0;
}

/** Writes the four words of one Philox block into `out`. */
export function philox(key0: number, key1: number, block: number, out: Uint32Array): void {
  let c0 = block >>> 0;
  let c1 = Math.floor(block / 4294967296) >>> 0;
  let c2 = 0;
  let c3 = 0;
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < 10; round++) {
    const h0 = mulHigh(M0, c0);
    const l0 = Math.imul(M0, c0) >>> 0;
    const h1 = mulHigh(M1, c2);
    const l1 = Math.imul(M1, c2) >>> 0;
    c0 = (h1 ^ c1 ^ k0) >>> 0;
    c1 = l1;
    c2 = (h0 ^ c3 ^ k1) >>> 0;
    c3 = l0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A seeded generator. Same seed, same numbers, on every machine; pass it to whatever draws. */
export class Rng {
  #key: [number, number];
  #block = 0;
  #left = 0;
  readonly #words = new Uint32Array(4);

  /** @param seed an integer, 0 ≤ seed < 2⁵³ */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new SluiceError("range", `Rng: seed is ${seed}, expected a whole number from 0 to 2^53 - 1`, { seed });
    }
    this.#key = [seed >>> 0, Math.floor(seed / 4294967296) >>> 0];
  }

  /** The generator that continues exactly where `state` was taken. */
  static from(state: RngState): Rng {
    const rng = new Rng(0);
    rng.#key = [state.key[0] >>> 0, state.key[1] >>> 0];
    rng.#block = state.block;
    rng.#left = state.left;
    if (state.left > 0) philox(rng.#key[0], rng.#key[1], state.block - 1, rng.#words);
    return rng;
  }

  get state(): RngState {
    return { key: [...this.#key], block: this.#block, left: this.#left };
  }

  /** The key that kernels draw with. */
  get key(): readonly [number, number] {
    return this.#key;
  }

  /** Reserves enough blocks for `words` 32-bit words drawn by a kernel, and returns the number of the first. */
  reserve(words: number): number {
    const first = this.#block;
    this.#block += Math.ceil(words / 4);
    this.#left = 0;
    return first;
  }

  /** A generator with a stream of its own; this one moves on by one block. */
  split(): Rng {
    const words = new Uint32Array(4);
    philox(this.#key[0], this.#key[1], this.#block++, words);
    this.#left = 0;
    const child = new Rng(0);
    child.#key = [words[0]!, words[1]!];
    return child;
  }

  /** An unsigned 32-bit word. */
  word(): number {
    if (this.#left === 0) {
      philox(this.#key[0], this.#key[1], this.#block++, this.#words);
      this.#left = 4;
    }
    return this.#words[4 - this.#left--]!;
  }

  /** Uniform in [0, 1), 32 bits fine. */
  uniform(): number {
    return this.word() / 4294967296;
  }

  /** Standard normal, by Box and Muller 1958 (two words a number, so that the position stays a simple count). */
  normal(): number {
    const u = (this.word() + 1) / 4294967297;
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A whole number in [0, n), without bias (Lemire 2019). `n` is from 1 to 2³² − 1. */
  below(n: number): number {
    const threshold = 4294967296 % n;
    for (;;) {
      const w = this.word();
      if ((Math.imul(w, n) >>> 0) >= threshold) return mulHigh(w, n);
    }
  }

  /** Shuffles in place (Fisher and Yates) and returns the same array. */
  shuffle<A extends { length: number; [i: number]: unknown }>(items: A): A {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = items[i];
      (items as { [i: number]: unknown })[i] = items[j];
      (items as { [i: number]: unknown })[j] = held;
    }
    return items;
  }
}
