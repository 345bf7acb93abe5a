/** @file One side of a translator, source or target: texts to tokens and back. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { normalizeText, type SpecialName, type Tokenizer, type TokenizerOptions, parseTokens, trainTokenizer, wordsOf } from "../../text/index.ts";

/** How texts of a side become tokens. */
export interface SideOptions {
  /** `bpe:8000`, `word:10000`, `word`, `char`, `byte` */
  tokens: string;
  lowercase: boolean;
  /** Words: texts are tokenised already, spaces part the words. */
  spaces: boolean;
  /** Words and characters seen less often are unknown. */
  minCount: number;
}

/** @throws usage: no such kind of tokens; data: no text */
export function makeTokenizer(texts: Iterable<string>, { tokens, lowercase, spaces, minCount }: SideOptions): Tokenizer {
  const spec = parseTokens(tokens, "translate: tokens");
  const known = spec.kind === "char" || spec.kind === "word";
  const special: SpecialName[] = [...(known ? (["unknown"] as const) : []), "end", "start", "pad"];
  const options: TokenizerOptions = { lowercase, special, split: spaces ? "spaces" : "words", ...(known ? { minCount } : {}) };
  return trainTokenizer(spec, prefixed(spec.kind, texts), options);
}

/** Byte pairs tell a word after a space from one without: a space in front makes the first word like the others. */
const inFront = (kind: Tokenizer["kind"]): string => (kind === "bpe" ? " " : "");

function* prefixed(kind: Tokenizer["kind"], texts: Iterable<string>): Generator<string> {
  for (const text of texts) yield inFront(kind) + text;
}

/** Tokens of a text, without marks; spaces at its ends don't count. */
export function encodeText(tokenizer: Tokenizer, text: string): Int32Array {
  return tokenizer.encode(inFront(tokenizer.kind) + text.trim());
}

/** Each token of a text as it stands there: what is copied where the translator has no word for it. */
export function surfaces(tokenizer: Tokenizer, text: string, ids: Int32Array): string[] {
  const { kind, lowercase, split } = tokenizer.toJSON() as { kind: string; lowercase?: boolean; split?: "words" | "spaces" };
  if (kind === "word") {
    const words = wordsOf(normalizeText(text, lowercase ?? false).replaceAll("\n", " "), split);
    if (words.length === ids.length) return words;
  }
  return Array.from(ids, (id) => tokenizer.token(id));
}

/**
 * The text of target tokens; an unknown one becomes what `copied` has for its place.
 * @param copied texts by place; undefined leaves the place out
 */
export function decodeTokens(tokenizer: Tokenizer, ids: ArrayLike<number>, copied: readonly (string | undefined)[] = []): string {
  const { unknown } = tokenizer.special;
  const all = Array.from(ids);
  if (unknown < 0 || !all.includes(unknown)) return tokenizer.decode(all).trim();
  const between = tokenizer.kind === "word" ? " " : "";
  const parts: string[] = [];
  for (let from = 0, at = 0; at <= all.length; at++) {
    if (at < all.length && all[at] !== unknown) continue;
    if (at > from) parts.push(tokenizer.decode(all.slice(from, at)));
    if (at < all.length && copied[at] !== undefined) parts.push(copied[at]!);
    from = at + 1;
  }
  return parts.join(between).trim();
}

/** @throws data: not a source that the model can read, with its number of tokens */
export function requireReadable(tokens: number, most: number, where: string): void {
  if (tokens >= 1 && tokens <= most) return;
  if (tokens === 0) throw new SluiceError("data", `${where}: the text is empty, expected something to translate`, { where });
  throw new SluiceError("data", `${where}: the text has ${tokens} tokens, expected at most ${most}; split it into sentences, or ask for texts to be cut (cut, --cut)`, { where, tokens, most });
}
