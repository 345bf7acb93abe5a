/** @file Characters as tokens: Unicode code points, or whole graphemes. */
import { SluiceError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { graphemesOf, streamOfText } from "./graphemes.ts";
import { normalizeText } from "./normal.ts";
import { checkId, namesOf, specialIds, specialText } from "./special.ts";
import type { SpecialIds, SpecialName, StreamDecoder, Tokenizer } from "./tokenizer.ts";

/** The characters of a text that is normalised already. */
export const charactersOf = (text: string, graphemes: boolean): Iterable<string> => (graphemes ? graphemesOf(text) : text);

/** What a character tokenizer is made of. `tokens` are characters, without the special ones, in the order of their ids. */
export interface CharState {
  tokens: readonly string[];
  lowercase: boolean;
  graphemes: boolean;
  special: readonly SpecialName[];
}

/** One id a character. */
export class CharTokenizer implements Tokenizer {
  readonly kind = "char";
  readonly size: number;
  readonly special: SpecialIds;
  readonly #state: CharState;
  readonly #first: number;
  readonly #ids: ReadonlyMap<string, number>;

  constructor(state: CharState) {
    this.#state = state;
    this.special = specialIds(state.special);
    this.#first = namesOf(this.special).length;
    this.size = this.#first + state.tokens.length;
    this.#ids = new Map(state.tokens.map((token, i) => [token, this.#first + i]));
  }

  encode(text: string): Int32Array {
    const { unknown } = this.special;
    const whole = normalizeText(text, this.#state.lowercase);
    const ids = new Int32Array(whole.length);
    let n = 0;
    for (const c of charactersOf(whole, this.#state.graphemes)) {
      const id = this.#ids.get(c) ?? unknown;
      if (id < 0) throw unknownCharacter(c, n, this.#state.tokens.length);
      ids[n++] = id;
    }
    return ids.slice(0, n);
  }

  decode(ids: ArrayLike<number>): string {
    let text = "";
    for (let i = 0; i < ids.length; i++) text += this.#text(ids[i]!);
    return text;
  }

  token(id: number): string {
    checkId(id, this.size);
    return id < this.#first ? specialText[namesOf(this.special)[id]!] : this.#state.tokens[id - this.#first]!;
  }

  streamDecoder(): StreamDecoder {
    return streamOfText((id) => this.#text(id));
  }

  toJSON(): JsonObject {
    const { tokens, lowercase, graphemes } = this.#state;
    return { kind: "char", lowercase, graphemes, special: namesOf(this.special), tokens: [...tokens] };
  }

  #text(id: number): string {
    checkId(id, this.size);
    return id < this.#first ? "" : this.#state.tokens[id - this.#first]!;
  }
}

function unknownCharacter(c: string, at: number, known: number): SluiceError {
  const codes = [...c].map((p) => `U+${p.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`).join(" ");
  const message = `text: character ${at + 1} is ${JSON.stringify(c)} (${codes}), expected one of the ${known} the tokenizer has learnt; it has no token for the unknown`;
  return new SluiceError("data", `${message}. Leave it out, or train with special: ["unknown"]`, { character: c, at });
}
