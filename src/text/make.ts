/** @file Tokenizers from text and from a model file. */
import { nearNames, SluiceError } from "../base/errors.ts";
import { isObject, type JsonObject, show } from "../base/json.ts";
import { BpeTokenizer } from "./bpe.ts";
import { ByteTokenizer } from "./byte.ts";
import { CharTokenizer, charactersOf } from "./char.ts";
import { fromHuggingFace } from "./hugging-face.ts";
import { normalizeText } from "./normal.ts";
import { specialNames, specialText } from "./special.ts";
import type { SpecialName, Tokenizer, TokenizerKind, TokenizerOptions, TokenizerSpec } from "./tokenizer.ts";
import { eachWord, WordTokenizer } from "./word.ts";

const kinds: readonly TokenizerKind[] = ["char", "word", "byte", "bpe"];

/** No vocabulary is larger; a file that says so is not trusted with memory. */
const mostTokens = 1 << 20;

/**
 * The spec that a text such as `word:10000` means.
 * @throws usage: no such kind, or a size that is none
 */
export function parseTokens(text: string, where = "tokens"): TokenizerSpec {
  const [kind = "", size, ...more] = text.split(":");
  if (!kinds.includes(kind as TokenizerKind)) {
    const near = nearNames(kind, kinds);
    throw new SluiceError(
      "usage",
      `${where}: the kind is ${show(kind)}, expected char, word, byte or bpe, as in word:10000 or bpe:8000${near.length > 0 ? `; did you mean ${near.join(" or ")}?` : ""}`,
      { kind },
    );
  }
  if (size === undefined) return { kind: kind as TokenizerKind };
  if (!/^[1-9]\d{0,8}$/.test(size) || more.length > 0 || kind === "byte") {
    throw new SluiceError("usage", `${where}: the size is ${show([size, ...more].join(":"))}, expected ${kind === "byte" ? "none, bytes are 256" : `a whole number above 0, as in ${kind}:8000`}`, { size });
  }
  return { kind: kind as TokenizerKind, size: Number(size) };
}

/**
 * A tokenizer that has learnt its tokens from texts.
 * @param spec `char`, `word`, `word:10000` (the most frequent 10,000, special tokens included), `byte`, `bpe:8000`, or the same as an object
 * @param texts any number of pieces; none is cut out of the middle of a word
 * @throws usage: no such kind; data: no text; range: a size too small
 */
export function trainTokenizer(spec: string | TokenizerSpec, texts: Iterable<string>, options: TokenizerOptions = {}): Tokenizer {
  const asked = typeof spec === "string" ? parseTokens(spec) : spec;
  const { lowercase = false, graphemes = false, split = "words", lines = false } = options;
  const minCount = asked.minCount ?? options.minCount ?? 1;
  const size = asked.size ?? options.size;
  const special = options.special ?? (asked.kind === "char" || asked.kind === "word" ? ["unknown"] : []);
  switch (asked.kind) {
    case "byte":
      return new ByteTokenizer(lowercase, special);
    case "char": {
      const counts = new Map<string, number>();
      for (const text of texts) {
        for (const c of charactersOf(normalizeText(text, lowercase), graphemes)) counts.set(c, (counts.get(c) ?? 0) + 1);
      }
      return new CharTokenizer({ tokens: frequent(counts, minCount, size, special.length), lowercase, graphemes, special });
    }
    case "word": {
      const counts = new Map<string, number>();
      const count = (word: string): void => void counts.set(word, (counts.get(word) ?? 0) + 1);
      for (const text of texts) eachWord(normalizeText(text, lowercase), split, count);
      const all: SpecialName[] = specialNames.filter((name) => special.includes(name) || (lines && name === "end"));
      if (split === "spaces") for (const name of all) counts.delete(specialText[name]);
      return new WordTokenizer({ tokens: frequent(counts, minCount, size, all.length), lowercase, split, lines, special: all });
    }
    case "bpe":
      return trainPairs(texts, size ?? 8000, { lowercase, special, minCount: asked.minCount ?? options.minCount ?? 2 });
  }
}

function trainPairs(texts: Iterable<string>, size: number, options: { lowercase: boolean; special: readonly SpecialName[]; minCount: number }): Tokenizer {
  const least = 256 + new Set(options.special).size;
  if (!Number.isInteger(size) || size < least || size > mostTokens) {
    throw new SluiceError("range", `tokens: size is ${size}, expected ${least} to ${mostTokens}; 256 bytes and the special tokens come first`, { size });
  }
  let empty = true;
  const seen = function* (): Generator<string> {
    for (const text of texts) {
      empty &&= text === "";
      yield text;
    }
  };
  const tokenizer = BpeTokenizer.train(seen(), size, options);
  if (empty) throw noText();
  return tokenizer;
}

const noText = (): SluiceError => new SluiceError("data", "tokens: the text is empty, expected some to learn tokens from; is it the right file?");

/** What was counted at least `minCount` times, the most frequent first (equals in code unit order), at most `size` with `taken` others. */
function frequent(counts: ReadonlyMap<string, number>, minCount: number, size = Number.POSITIVE_INFINITY, taken = 0): string[] {
  if (counts.size === 0) throw noText();
  if (size <= taken) {
    throw new SluiceError("range", `tokens: size is ${size}, expected more than ${taken}; special tokens count too`, { size });
  }
  const kept = [...counts].filter(([, n]) => n >= minCount);
  if (kept.length === 0) {
    throw new SluiceError("range", `tokens: minCount is ${minCount}, expected at most ${[...counts.values()].reduce((a, b) => Math.max(a, b))}, the count of the most frequent token`, { minCount });
  }
  return kept
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .slice(0, size - taken)
    .map(([token]) => token);
}

/**
 * The tokenizer whose `toJSON` is `state`.
 * @param where names the file in errors
 * @throws format: not such a state, whatever it holds
 */
export function restoreTokenizer(state: unknown, where: string): Tokenizer {
  if (!isObject(state)) throw wrong(where, "", state, "an object");
  const kind = state["kind"];
  if (state["huggingFace"] !== undefined) return fromHuggingFace(state["huggingFace"], where);
  const special = specialOf(state, where);
  const lowercase = flag(state, "lowercase", where);
  if (kind === "byte") return new ByteTokenizer(lowercase, special);
  if (kind === "char") return new CharTokenizer({ tokens: tokensOf(state, where), lowercase, graphemes: flag(state, "graphemes", where), special });
  if (kind === "word") {
    const split = state["split"];
    if (split !== "words" && split !== "spaces") throw wrong(where, ".split", split, '"words" or "spaces"');
    const lines = flag(state, "lines", where);
    if (lines && !special.includes("end")) throw wrong(where, ".special", special, '"end" among them, for the lines');
    return new WordTokenizer({ tokens: tokensOf(state, where), lowercase, split, lines, special });
  }
  if (kind === "bpe") return new BpeTokenizer({ pairs: pairsOf(state, where), lowercase, special });
  throw wrong(where, ".kind", kind, kinds.join(", "));
}

const wrong = (where: string, path: string, got: unknown, due: string): SluiceError =>
  new SluiceError("format", `${where}: tokenizer${path} is ${show(got)}, expected ${due}; the file is damaged or another program's`, { file: where });

function flag(state: JsonObject, name: string, where: string): boolean {
  const value = state[name];
  if (typeof value !== "boolean") throw wrong(where, `.${name}`, value, "true or false");
  return value;
}

function specialOf(state: JsonObject, where: string): SpecialName[] {
  const value = state["special"];
  const good = Array.isArray(value) && value.length <= 4 && new Set(value).size === value.length && value.every((name) => specialNames.includes(name as SpecialName));
  if (!good) throw wrong(where, ".special", value, `different names out of ${specialNames.join(", ")}`);
  return value as SpecialName[];
}

function tokensOf(state: JsonObject, where: string): string[] {
  const value = state["tokens"];
  if (!Array.isArray(value) || value.length === 0 || value.length > mostTokens) throw wrong(where, ".tokens", value, "a list of texts");
  const seen = new Set<string>();
  for (const [i, token] of value.entries()) {
    if (typeof token !== "string" || token === "" || token.length > 4096) throw wrong(where, `.tokens[${i}]`, token, "a text of 1 to 4,096 code units");
    if (seen.has(token)) throw wrong(where, `.tokens[${i}]`, token, "a text that no other token has");
    seen.add(token);
  }
  return value as string[];
}

/** Each pair is made of bytes and of pairs before it. A symbol stands for at most 64 KB, as pairs of pairs double and double. */
function pairsOf(state: JsonObject, where: string): number[] {
  const value: unknown = state["pairs"];
  if (!Array.isArray(value) || value.length % 2 !== 0 || value.length > 2 * mostTokens) throw wrong(where, ".pairs", value, "a list of an even number of symbols");
  const lengths: number[] = new Array<number>(256).fill(1);
  let total = 0;
  for (let i = 0; i < value.length; i += 2) {
    for (const at of [i, i + 1]) {
      const symbol: unknown = value[at];
      const good = Number.isInteger(symbol) && (symbol as number) >= 0 && (symbol as number) < lengths.length;
      if (!good) throw wrong(where, `.pairs[${at}]`, symbol, `a whole number from 0 to ${lengths.length - 1}`);
    }
    const length = lengths[value[i] as number]! + lengths[value[i + 1] as number]!;
    total += length;
    if (length > 65_536 || total > 1 << 28) throw wrong(where, `.pairs[${i}]`, value[i], "symbols of at most 65,536 bytes, 256 MB in all");
    lengths.push(length);
  }
  return value as number[];
}
