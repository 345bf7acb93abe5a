/** @file Byte pairs as tokens: frequent words whole, rare ones in parts, any text at all in bytes. */
import type { JsonObject } from "../base/json.ts";
import { learnPairs } from "./bpe-train.ts";
import { concat, showBytesOf, streamOfBytes, textOfBytes } from "./byte.ts";
import { Merges } from "./merges.ts";
import { normalizeText } from "./normal.ts";
import { checkId, namesOf, specialIds, specialText } from "./special.ts";
import type { SpecialIds, SpecialName, StreamDecoder, Tokenizer } from "./tokenizer.ts";

const encoder = new TextEncoder();
const noBytes = new Uint8Array();

/**
 * Pieces within which bytes are joined: letters, digits (three at most), or other signs, each with a space before it if there is
 * one; line ends with the white space before them; else white space, of which the last space goes with what follows.
 */
const piece = / ?[\p{L}\p{M}]+| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+|\s*\n+|\s+(?!\S)|\s+/gu;

/** The pieces of a text that is normalised already; joined they are the text. */
export const piecesOf = (text: string): string[] => text.match(piece) ?? [];

/** What a byte-pair tokenizer is made of. Bytes are symbols 0–255, pair i is symbol 256 + i; ids are symbols + special tokens. */
export interface BpeState {
  /** Left and right symbol of each pair, one pair after the other, in the order they were learnt. */
  pairs: readonly number[];
  lowercase: boolean;
  special: readonly SpecialName[];
}

/** Pieces whose ids are remembered; then the memory starts anew. */
const remembered = 1 << 17;

/** Ids of UTF-8 bytes and of learnt runs of bytes. */
export class BpeTokenizer implements Tokenizer {
  readonly kind = "bpe";
  readonly size: number;
  readonly special: SpecialIds;
  readonly #state: BpeState;
  readonly #first: number;
  /** Bytes of each symbol. */
  readonly #bytes: Uint8Array[];
  readonly #merges: Merges;
  readonly #known = new Map<string, Int32Array>();

  constructor(state: BpeState) {
    this.#state = state;
    this.special = specialIds(state.special);
    this.#first = namesOf(this.special).length;
    const { pairs } = state;
    this.#bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
    for (let i = 0; i < pairs.length; i += 2) this.#bytes.push(concat([this.#bytes[pairs[i]!]!, this.#bytes[pairs[i + 1]!]!]));
    const n = this.#bytes.length;
    this.#merges = new Merges(pairs, Int32Array.from({ length: pairs.length / 2 }, (_, i) => 256 + i), n);
    this.size = this.#first + n;
  }

  /** @param size V, special tokens and 256 bytes included */
  static train(texts: Iterable<string>, size: number, options: { lowercase: boolean; special: readonly SpecialName[]; minCount: number }): BpeTokenizer {
    const { lowercase, special, minCount } = options;
    const counts = new Map<string, number>();
    for (const text of texts) for (const p of piecesOf(normalizeText(text, lowercase))) counts.set(p, (counts.get(p) ?? 0) + 1);
    const symbols = function* (): Generator<[Uint8Array, number]> {
      for (const [p, times] of counts) yield [encoder.encode(p), times];
    };
    return new BpeTokenizer({ pairs: learnPairs(symbols(), 256, size - 256 - special.length, minCount), lowercase, special });
  }

  encode(text: string): Int32Array {
    const pieces = piecesOf(normalizeText(text, this.#state.lowercase)).map((p) => this.#piece(p));
    const ids = new Int32Array(pieces.reduce((n, p) => n + p.length, 0));
    let n = 0;
    for (const p of pieces) {
      for (let i = 0; i < p.length; i++) ids[n++] = p[i]!;
    }
    return ids;
  }

  decode(ids: ArrayLike<number>): string {
    return textOfBytes(concat(Array.from(ids, (id) => this.#bytesOf(id))));
  }

  token(id: number): string {
    checkId(id, this.size);
    return id < this.#first ? specialText[namesOf(this.special)[id]!] : showBytesOf(this.#bytesOf(id));
  }

  streamDecoder(): StreamDecoder {
    return streamOfBytes((id) => this.#bytesOf(id));
  }

  toJSON(): JsonObject {
    const { pairs, lowercase } = this.#state;
    return { kind: "bpe", lowercase, special: namesOf(this.special), pairs: [...pairs] };
  }

  #bytesOf(id: number): Uint8Array {
    checkId(id, this.size);
    return id < this.#first ? noBytes : this.#bytes[id - this.#first]!;
  }

  #piece(p: string): Int32Array {
    const known = this.#known.get(p);
    if (known !== undefined) return known;
    const symbols = Int32Array.from(encoder.encode(p));
    const ids = symbols.slice(0, this.#merges.apply(symbols));
    if (this.#first > 0) for (let i = 0; i < ids.length; i++) ids[i]! += this.#first;
    if (p.length > 64) return ids; // hardly met twice
    if (this.#known.size >= remembered) this.#known.clear();
    this.#known.set(p, ids);
    return ids;
  }
}
