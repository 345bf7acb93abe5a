/** @file Words as tokens, found by Unicode's letter classes or given by spaces. */
import { SluiceError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { streamOfText } from "./graphemes.ts";
import { normalizeText } from "./normal.ts";
import { checkId, namesOf, specialIds, specialText } from "./special.ts";
import type { SpecialIds, SpecialName, StreamDecoder, Tokenizer } from "./tokenizer.ts";

/** What a word tokenizer is made of. `tokens` are words, without the special ones, the most frequent first. */
export interface WordState {
  tokens: readonly string[];
  lowercase: boolean;
  split: "words" | "spaces";
  /** Line ends are the token end. */
  lines: boolean;
  special: readonly SpecialName[];
}

/** Scripts that write without spaces and whose single characters carry meaning. */
const ideograph = String.raw`[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]`;
const emoji = String.raw`\p{Extended_Pictographic}[\p{M}\p{Emoji_Modifier}]*`;

/** In this order: an ideograph; a word, apostrophes inside; a number, points inside; a flag; an emoji; a run of one sign. */
const pattern = new RegExp(
  [
    String.raw`${ideograph}\p{M}*`,
    String.raw`(?:(?!${ideograph})[\p{L}\p{M}])+(?:['’](?:(?!${ideograph})[\p{L}\p{M}])+)*`,
    String.raw`\p{N}+(?:[.,:]\p{N}+)*`,
    String.raw`\p{Regional_Indicator}{2}`,
    String.raw`${emoji}(?:\u200d${emoji})*`,
    String.raw`(\S)\1*`,
  ].join("|"),
  "gu",
);

/** The words of one line, or of a text whose line ends don't count, that is normalised already. */
export function wordsOf(text: string, split: "words" | "spaces" = "words"): string[] {
  return split === "spaces" ? text.split(/\s+/u).filter((word) => word !== "") : (text.match(pattern) ?? []);
}

/** Calls `word` for each word of a text and `lineEnd` after each line. A last line end ends the text and begins no new line. */
export function eachWord(text: string, split: "words" | "spaces", word: (word: string) => void, lineEnd?: () => void): void {
  for (let from = 0; from < text.length; ) {
    const found = text.indexOf("\n", from);
    const to = found < 0 ? text.length : found;
    for (const w of wordsOf(text.slice(from, to), split)) word(w);
    if (found >= 0) lineEnd?.();
    from = to + 1;
  }
}

/** No space before these, none after those, when words become text again. */
const closing = /^(?:[.,!?;:%)\]}»”…。、，！？；：）」』]+|['’]\p{L}{1,2})$/u;
const opening = /^[([{«“¿¡（「『]+$/u;
const unspaced = new RegExp(`^${ideograph}`, "u");

/** One id a word. Encoding and decoding keeps the words, not every space between them. */
export class WordTokenizer implements Tokenizer {
  readonly kind = "word";
  readonly size: number;
  readonly special: SpecialIds;
  readonly #state: WordState;
  readonly #first: number;
  readonly #ids: Map<string, number>;

  constructor(state: WordState) {
    this.#state = state;
    this.special = specialIds(state.lines ? ["end", ...state.special] : state.special);
    const names = namesOf(this.special);
    this.#first = names.length;
    this.size = this.#first + state.tokens.length;
    this.#ids = new Map(state.tokens.map((token, i) => [token, this.#first + i]));
    // Text that is tokenised already writes its special tokens out.
    if (state.split === "spaces") for (const [id, name] of names.entries()) this.#ids.set(specialText[name], id);
  }

  encode(text: string): Int32Array {
    const { lowercase, split, lines } = this.#state;
    const { unknown, end } = this.special;
    const ids: number[] = [];
    const word = (w: string): void => {
      const id = this.#ids.get(w) ?? unknown;
      if (id < 0) throw unknownWord(w, ids.length, this.#state.tokens.length);
      ids.push(id);
    };
    eachWord(normalizeText(text, lowercase), split, word, lines ? () => ids.push(end) : undefined);
    return Int32Array.from(ids);
  }

  decode(ids: ArrayLike<number>): string {
    const piece = this.#pieces();
    let text = "";
    for (let i = 0; i < ids.length; i++) text += piece(ids[i]!);
    return text;
  }

  token(id: number): string {
    checkId(id, this.size);
    return id < this.#first ? specialText[namesOf(this.special)[id]!] : this.#state.tokens[id - this.#first]!;
  }

  streamDecoder(): StreamDecoder {
    return streamOfText(this.#pieces());
  }

  toJSON(): JsonObject {
    const { tokens, lowercase, split, lines } = this.#state;
    return { kind: "word", lowercase, split, lines, special: namesOf(this.special), tokens: [...tokens] };
  }

  /** A function that turns one id after the other into text, with the space before it where one belongs. */
  #pieces(): (id: number) => string {
    const { split, lines, tokens } = this.#state;
    let glue = true; // nothing stands before the first word
    let before = "";
    return (id) => {
      checkId(id, this.size);
      if (id < this.#first) {
        if (!lines || id !== this.special.end) return "";
        glue = true;
        return "\n";
      }
      const word = tokens[id - this.#first]!;
      const tight = glue || (split === "words" && (closing.test(word) || (unspaced.test(word) && unspaced.test(before))));
      glue = split === "words" && opening.test(word);
      before = word;
      return tight ? word : ` ${word}`;
    };
  }
}

function unknownWord(word: string, at: number, known: number): SluiceError {
  const message = `text: word ${at + 1} is ${JSON.stringify(word.slice(0, 60))}, expected one of the ${known} the tokenizer has learnt; it has no token for the unknown`;
  return new SluiceError("data", `${message}. Leave it out, or train with special: ["unknown"]`, { word, at });
}
