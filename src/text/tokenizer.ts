/**
 * @file What a tokenizer is: text to whole numbers and back, with a state that fits into a model file. Every kind normalises first
 * (NFC, and small letters if wished), so that texts that look the same are the same.
 */
import type { JsonObject } from "../base/json.ts";

/** How text is cut: code points (or graphemes), words, UTF-8 bytes, or byte pairs that were learnt from text. */
export type TokenizerKind = "char" | "word" | "byte" | "bpe";

/** Tokens that stand for no text of their own. */
export type SpecialName = "unknown" | "end" | "start" | "pad";

/** Ids of the special tokens; −1 where a tokenizer has none. */
export type SpecialIds = Readonly<Record<SpecialName, number>>;

/** Text to ids in 0 … size − 1 and back. Special tokens come first, in the order unknown, end, start, pad. */
export interface Tokenizer {
  readonly kind: TokenizerKind;
  /** V, the number of tokens. */
  readonly size: number;
  readonly special: SpecialIds;
  /**
   * Ids of a text, without start; without end too, except where a tokenizer of lines has one for each line end.
   * @throws data: a character the tokenizer does not know, where it has no token for the unknown
   */
  encode(text: string): Int32Array;
  /** The text of ids; special tokens are left out, and bytes that are not UTF-8 become U+FFFD. @throws range: no such id */
  decode(ids: ArrayLike<number>): string;
  /** One token as it is shown to people: `the`, `\n`, `<eos>`, `0xE2`. @throws range: no such id */
  token(id: number): string;
  /** A decoder for ids that come one at a time. */
  streamDecoder(): StreamDecoder;
  /** JSON that `restoreTokenizer` takes. */
  toJSON(): JsonObject;
}

/**
 * `push` returns the text that no later id can change: whole characters, and graphemes (a letter with its accents, an emoji of
 * several code points) only when the next one has begun; `end` returns what was held back. Together they are `decode`.
 */
export interface StreamDecoder {
  push(id: number): string;
  end(): string;
}

/** How a tokenizer is made; what a kind does not use it ignores. */
export interface TokenizerOptions {
  /** Small letters only. Default: false. */
  lowercase?: boolean;
  /** Special tokens wanted. Default: unknown for characters and words, none for bytes and byte pairs; `lines` adds end. */
  special?: readonly SpecialName[];
  /** Each line end becomes the token end (`<eos>`), and comes back as a line end. Words only. Default: false. */
  lines?: boolean;
  /** Words: `words` finds words, numbers and punctuation; `spaces` trusts text that is tokenised already. Default: words. */
  split?: "words" | "spaces";
  /** Characters: whole graphemes instead of code points. Default: false. */
  graphemes?: boolean;
  /** Characters and words seen less often become unknown. Default: 1. */
  minCount?: number;
  /** The most tokens, special ones included. Default: no limit for characters and words; 8,000 byte pairs. */
  size?: number;
}

/** What `trainTokenizer` makes. As a text: `char`, `word`, `word:10000`, `byte`, `bpe:8000`. */
export interface TokenizerSpec {
  kind: TokenizerKind;
  size?: number;
  minCount?: number;
}
