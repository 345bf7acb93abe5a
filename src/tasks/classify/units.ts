/**
 * @file From a text to what the network reads: a row of units (words, sub-words or characters), each a bag of rows of one table, and the
 * n-grams that the wide part counts. Runs in browsers.
 */
import { normalizeText } from "../../text/normal.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { wordsOf } from "../../text/word.ts";
import { hashText } from "./hash.ts";

/** How texts are cut and which parts of them are looked up. JSON, kept with the model. */
export interface UnitConfig {
  /** Small letters only. */
  lowercase: boolean;
  /** `words` finds words, numbers and punctuation; `spaces` trusts text that is tokenised already. Word tokens only. */
  split: "words" | "spaces";
  /** Shortest and longest character n-gram of a word, its ends marked; rows they share by hashing, 0: none. Word tokens only. */
  grams: { from: number; to: number; buckets: number };
  /** Longest run of units that the wide part counts, and the rows these share by hashing; 0 rows: no wide part. */
  wide: { order: number; buckets: number };
  /** A text is read up to so many units. */
  maxLength: number;
}

/** A text, cut. */
export interface UnitText {
  /** Numbers of its units in the lexicon. */
  units: Int32Array;
  /** Rows of the wide part, each once. */
  wide: Int32Array;
  /** Units beyond `maxLength`, not read. */
  cut: number;
}

/** A run of units that the wide part knows: which row, from which unit, how many. */
export interface WideRun {
  row: number;
  from: number;
  length: number;
}

/** Begins and ends a text for the wide part, so that what stands first or last is a feature. */
const EDGE = "\u0002";
/** Words met beyond this many are forgotten together: a server must not grow by what it is sent. */
const MOST_UNITS = 200_000;

/** Cuts texts and remembers the bag of every unit met. */
export class Lexicon {
  #numbers = new Map<string, number>();
  #names: string[] = [];
  #bags: Int32Array[] = [];

  constructor(
    readonly tokenizer: Tokenizer,
    readonly config: UnitConfig,
  ) {}

  /** Rows of the table: the tokens, then the hashed n-grams. */
  get rows(): number {
    return this.tokenizer.size + (this.#grams ? this.config.grams.buckets : 0);
  }

  get #words(): boolean {
    return this.tokenizer.kind === "word";
  }
  get #grams(): boolean {
    return this.#words && this.config.grams.buckets > 0;
  }

  /** The units of a text as they are shown to people. */
  cut(text: string): string[] {
    const { lowercase, split } = this.config;
    if (this.#words) return wordsOf(normalizeText(text, lowercase), split);
    return Array.from(this.tokenizer.encode(text), (id) => this.tokenizer.token(id));
  }

  /** A text as numbers. They hold until the next `forget`. */
  read(text: string): UnitText {
    const names = this.cut(text);
    const cut = Math.max(0, names.length - this.config.maxLength);
    const kept = cut > 0 ? names.slice(0, this.config.maxLength) : names;
    const units = this.#words
      ? Int32Array.from(kept, (name) => this.#numberOf(name))
      : this.tokenizer.encode(text).subarray(0, kept.length).map((id) => this.#numberOf(this.tokenizer.token(id), id));
    return { units, wide: Int32Array.from(new Set(this.runs(kept).map(({ row }) => row))), cut };
  }

  /** The runs of units that the wide part counts, edges included. */
  runs(names: readonly string[]): WideRun[] {
    const { order, buckets } = this.config.wide;
    if (buckets === 0) return [];
    const edged = [EDGE, ...names, EDGE];
    const runs: WideRun[] = [];
    for (let length = 1; length <= order; length++) {
      // An edge alone says nothing.
      for (let at = length === 1 ? 1 : 0; at + length <= edged.length - (length === 1 ? 1 : 0); at++) {
        const row = hashText(edged.slice(at, at + length).join("\u0001"), length) % buckets;
        const from = Math.max(at - 1, 0);
        runs.push({ row, from, length: Math.min(at - 1 + length, names.length) - from });
      }
    }
    return runs;
  }

  /** Rows of the table that a unit is the mean of. */
  bag(unit: number): Int32Array {
    return this.#bags[unit]!;
  }
  name(unit: number): string {
    return this.#names[unit]!;
  }

  /** Drops the units met so far, once they are many; texts read before must be read again. */
  forget(): void {
    if (this.#names.length <= MOST_UNITS) return;
    this.#numbers = new Map();
    this.#names = [];
    this.#bags = [];
  }

  #numberOf(name: string, id?: number): number {
    let n = this.#numbers.get(name);
    if (n === undefined) {
      n = this.#names.length;
      this.#numbers.set(name, n);
      this.#names.push(name);
      this.#bags.push(id === undefined ? this.#wordBag(name) : Int32Array.of(id));
    }
    return n;
  }

  /** The word's own row, if it has one, and those of its n-grams. @see Bojanowski et al. 2017, arXiv:1607.04606 */
  #wordBag(word: string): Int32Array {
    const id = this.tokenizer.encode(word)[0] ?? this.tokenizer.special.unknown;
    const known = id !== this.tokenizer.special.unknown;
    if (!this.#grams) return Int32Array.of(id);
    const { from, to, buckets } = this.config.grams;
    const rows = known ? [id] : [];
    const letters = Array.from(`<${word}>`);
    for (let n = from; n <= to; n++) {
      for (let at = 0; at + n <= letters.length; at++) {
        if (n === letters.length) continue; // the whole word has a row of its own
        rows.push(this.tokenizer.size + (hashText(letters.slice(at, at + n).join(""), 0x9a) % buckets));
      }
    }
    return Int32Array.from(rows.length > 0 ? rows : [id]);
  }
}
