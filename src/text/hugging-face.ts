/**
 * @file Tokenizers out of Hugging Face's `tokenizer.json`: byte-level BPE (GPT-2 and its heirs), plain BPE, WordLevel. The same ids as
 * that library's, and whole characters when text comes token by token. No pattern from the file is run.
 */
import { SluiceError } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json.ts";
import { concat, showBytesOf, streamOfBytes, textOfBytes } from "./byte.ts";
import { fromByteLetters } from "./byte-letters.ts";
import { cutterOf, normalizerOf, refusePart } from "./hugging-face-steps.ts";
import { Merges } from "./merges.ts";
import { checkId } from "./special.ts";
import type { SpecialIds, SpecialName, StreamDecoder, Tokenizer } from "./tokenizer.ts";

const encoder = new TextEncoder();
const noBytes = new Uint8Array();
const mostTokens = 1 << 20;

/** What the special tokens of well-known models are called. */
const usualNames: Readonly<Record<SpecialName, readonly string[]>> = {
  unknown: ["<unk>", "[UNK]"],
  end: ["</s>", "<eos>", "[EOS]", "[SEP]", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>"],
  start: ["<s>", "<bos>", "[BOS]", "[CLS]", "<|startoftext|>", "<|begin_of_text|>"],
  pad: ["<pad>", "[PAD]", "<|pad|>"],
};

/**
 * The tokenizer of a parsed `tokenizer.json`. Its post-processor is not asked: `encode` adds no start and no end.
 * @param where names the file in errors
 * @throws format: not such a file, or one that asks for a step Sluice does not have, by name
 */
export function fromHuggingFace(json: unknown, where: string): Tokenizer {
  return new HuggingFaceTokenizer(json, where);
}

class HuggingFaceTokenizer implements Tokenizer {
  readonly kind: "bpe" | "word";
  readonly size: number;
  readonly special: SpecialIds;
  readonly #json: JsonObject;
  readonly #vocabulary: Vocabulary;
  readonly #normalize: (text: string) => string;
  readonly #cut: (text: string) => string[];
  readonly #idsOf: (piece: string) => number[];
  readonly #known = new Map<string, number[]>();
  /** What of a token is the space after it: BPE with an end-of-word mark. */
  readonly #suffix: string;
  readonly #bytes: boolean;

  constructor(json: unknown, where: string) {
    if (!isObject(json)) throw refusePart(where, "the whole", json, "an object");
    const model = json["model"];
    if (!isObject(model)) throw refusePart(where, "model", model, "an object");
    const type = model["type"] ?? (Array.isArray(model["merges"]) ? "BPE" : undefined); // old files leave BPE out
    if (type !== "BPE" && type !== "WordLevel") throw refusePart(where, "model type", type, "BPE or WordLevel");
    this.kind = type === "BPE" ? "bpe" : "word";
    this.#vocabulary = new Vocabulary(model["vocab"], json["added_tokens"], where);
    this.size = this.#vocabulary.size;
    this.#normalize = normalizerOf(json["normalizer"], where);
    const { cut, bytes } = cutterOf(json["pre_tokenizer"], where);
    this.#cut = cut;
    this.#bytes = bytes;
    const decoder = isObject(json["decoder"]) ? json["decoder"]["type"] : null;
    if (decoder !== null && decoder !== "ByteLevel" && decoder !== "BPEDecoder") throw refusePart(where, "decoder type", decoder, "one of ByteLevel, BPEDecoder, null");
    this.#suffix = textOr(model, "end_of_word_suffix", where);
    this.#idsOf = type === "BPE" ? pairsOf(model, this.#vocabulary, this.#suffix, where) : wholeWords(model, this.#vocabulary, where);
    this.special = this.#vocabulary.specials(textOr(model, "unk_token", where));
    this.#json = { ...this.#vocabulary.toJSON(), normalizer: json["normalizer"] ?? null, pre_tokenizer: json["pre_tokenizer"] ?? null, decoder: json["decoder"] ?? null };
    this.#json["model"] = { ...(this.#json["model"] as JsonObject), ...withoutVocabulary(model), type };
  }

  encode(text: string): Int32Array {
    const ids: number[] = [];
    for (const part of this.#vocabulary.parts(text)) {
      if (typeof part === "number") ids.push(part);
      else for (const piece of this.#cut(this.#normalize(part))) for (const id of this.#piece(piece)) ids.push(id);
    }
    return Int32Array.from(ids);
  }

  decode(ids: ArrayLike<number>): string {
    if (this.#bytes) return textOfBytes(concat(Array.from(ids, (id) => this.#bytesOf(id))));
    const piece = this.#pieces();
    return Array.from(ids, piece).join("");
  }

  token(id: number): string {
    checkId(id, this.size);
    const text = this.#vocabulary.tokens[id] ?? `<no token ${id}>`;
    return this.#bytes && !this.#vocabulary.added.has(id) ? showBytesOf(fromByteLetters(text)) : text;
  }

  streamDecoder(): StreamDecoder {
    if (this.#bytes) return streamOfBytes((id) => this.#bytesOf(id));
    const piece = this.#pieces();
    return streamOfBytes((id) => encoder.encode(piece(id)));
  }

  toJSON(): JsonObject {
    return { kind: this.kind, huggingFace: this.#json };
  }

  #piece(piece: string): number[] {
    const known = this.#known.get(piece);
    if (known !== undefined) return known;
    const ids = this.#idsOf(piece);
    if (piece.length > 64) return ids;
    if (this.#known.size >= 1 << 17) this.#known.clear();
    this.#known.set(piece, ids);
    return ids;
  }

  #bytesOf(id: number): Uint8Array {
    const text = this.#text(id);
    if (text === "") return noBytes;
    return this.#vocabulary.added.has(id) ? encoder.encode(text) : fromByteLetters(text);
  }

  /** A token's letters; none where it is special. */
  #text(id: number): string {
    checkId(id, this.size);
    return this.#vocabulary.special.has(id) ? "" : (this.#vocabulary.tokens[id] ?? "");
  }

  /** A function that turns one id after the other into text, with the space before it where one belongs. */
  #pieces(): (id: number) => string {
    let glue = true; // nothing stands before the first word
    return (id) => {
      const text = this.#text(id);
      if (text === "") return "";
      const ends = this.#suffix !== "" && text.endsWith(this.#suffix);
      const letters = ends ? text.slice(0, -this.#suffix.length) : text;
      const piece = glue ? letters : ` ${letters}`;
      glue = this.#suffix !== "" && !ends;
      return piece;
    };
  }
}

/** A token that is found in the text itself, perhaps with the white space beside it. */
interface Added {
  content: string;
  special: boolean;
  lstrip: boolean;
  rstrip: boolean;
}

/** Tokens by id and ids by token, those added beside the model's included. */
class Vocabulary {
  readonly tokens: (string | undefined)[] = [];
  readonly ids = new Map<string, number>();
  readonly added = new Map<number, Added>();
  readonly special = new Set<number>();
  readonly #pattern: RegExp | undefined;
  readonly #longestFirst: readonly Added[];

  constructor(vocab: unknown, added: unknown, where: string) {
    if (!isObject(vocab) && !Array.isArray(vocab)) throw refusePart(where, "model.vocab", vocab, "an object of tokens and ids");
    // Our own files keep a list: no token is then a key.
    const entries: [unknown, unknown][] = Array.isArray(vocab) ? vocab.map((token, id): [unknown, unknown] => [token, id]).filter(([token]) => token !== null) : Object.entries(vocab);
    for (const [token, id] of entries) this.#add(token, id, where);
    if (this.tokens.length === 0) throw refusePart(where, "model.vocab", vocab, "some tokens");
    if (added !== undefined && added !== null && !Array.isArray(added)) throw refusePart(where, "added_tokens", added, "a list");
    for (const [i, token] of ((added ?? []) as unknown[]).entries()) {
      if (!isObject(token)) throw refusePart(where, `added_tokens[${i}]`, token, "an object");
      if (token["single_word"] === true) throw refusePart(where, `added_tokens[${i}].single_word`, true, "false");
      const id = token["id"] as number;
      this.#add(token["content"], id, where);
      const content = token["content"] as string;
      this.added.set(id, { content, special: token["special"] === true, lstrip: token["lstrip"] === true, rstrip: token["rstrip"] === true });
      if (token["special"] === true) this.special.add(id);
    }
    this.#longestFirst = [...this.added.values()].sort((a, b) => b.content.length - a.content.length);
    const one = ({ content, lstrip, rstrip }: Added): string =>
      `${lstrip ? "\\s*" : ""}${content.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")}${rstrip ? "\\s*" : ""}`;
    if (this.added.size > 0) this.#pattern = new RegExp(this.#longestFirst.map(one).join("|"), "gu");
  }

  get size(): number {
    return this.tokens.length;
  }

  /** A text cut at the added tokens that are written in it: their ids, and what stands between them. */
  *parts(text: string): Generator<string | number> {
    let from = 0;
    if (this.#pattern !== undefined) {
      for (const match of text.matchAll(this.#pattern)) {
        if (match.index > from) yield text.slice(from, match.index);
        const content = this.ids.has(match[0]) ? match[0] : this.#longestFirst.find((token) => token.content.trim() === match[0].trim())!.content;
        yield this.ids.get(content)!;
        from = match.index + match[0].length;
      }
    }
    if (from < text.length) yield text.slice(from);
  }

  specials(unknown: string): SpecialIds {
    const id = (name: SpecialName): number => usualNames[name].map((text) => this.ids.get(text)).find((found) => found !== undefined && this.special.has(found)) ?? -1;
    return { unknown: this.ids.get(unknown) ?? id("unknown"), end: id("end"), start: id("start"), pad: id("pad") };
  }

  toJSON(): JsonObject {
    const added = [...this.added].map(([id, token]) => ({ id, ...token }));
    return { model: { vocab: Array.from(this.tokens, (token) => token ?? null) }, added_tokens: added };
  }

  #add(token: unknown, id: unknown, where: string): void {
    if (typeof token !== "string" || token === "" || token.length > 4096) throw refusePart(where, "a token", token, "a text of 1 to 4,096 code units");
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= mostTokens) throw refusePart(where, `the id of ${JSON.stringify(token.slice(0, 40))}`, id, `a whole number from 0 to ${mostTokens - 1}`);
    const other = this.tokens[id as number];
    if ((other ?? token) !== token || (this.ids.get(token) ?? id) !== id) throw refusePart(where, `token ${id as number}`, token, other === undefined ? "a token with one id" : `one token, not ${JSON.stringify(other.slice(0, 40))} too`);
    while (this.tokens.length < (id as number)) this.tokens.push(undefined);
    this.tokens[id as number] = token;
    this.ids.set(token, id as number);
  }
}

/** The ids of a piece by byte-pair merges. */
function pairsOf(model: JsonObject, { ids, size }: Vocabulary, suffix: string, where: string): (piece: string) => number[] {
  for (const name of ["byte_fallback", "continuing_subword_prefix", "dropout"]) {
    if (model[name]) throw refusePart(where, `model.${name}`, model[name], "none");
  }
  const merges = model["merges"];
  if (!Array.isArray(merges) || merges.length > mostTokens) throw refusePart(where, "model.merges", merges, "a list of pairs");
  const pairs: number[] = [];
  const results: number[] = [];
  for (const [i, merge] of merges.entries()) {
    const [left, right, ...more]: unknown[] = typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : [];
    const found = [left, right, `${left}${right}`].map((token) => (typeof token === "string" ? ids.get(token) : undefined));
    if (more.length > 0 || found.includes(undefined)) throw refusePart(where, `model.merges[${i}]`, merge, "two tokens of the vocabulary that make a third");
    pairs.push(found[0]!, found[1]!);
    results.push(found[2]!);
  }
  const table = new Merges(pairs, results, size);
  const unknown = ids.get(textOr(model, "unk_token", where));
  const [fuse, whole] = [model["fuse_unk"] === true, model["ignore_merges"] === true];
  return (piece) => {
    const id = whole ? ids.get(piece) : undefined;
    if (id !== undefined) return [id];
    const letters = Array.from(piece);
    const symbols: number[] = [];
    let missed = false; // the letter before has no token
    for (const [i, letter] of letters.entries()) {
      const symbol = ids.get(i === letters.length - 1 ? letter + suffix : letter);
      if (symbol !== undefined) symbols.push(symbol);
      else if (unknown !== undefined && !(fuse && missed)) symbols.push(unknown);
      missed = symbol === undefined;
    }
    const joined = Int32Array.from(symbols);
    return Array.from(joined.subarray(0, table.apply(joined)));
  };
}

/** The id of a whole piece. */
function wholeWords(model: JsonObject, { ids }: Vocabulary, where: string): (piece: string) => number[] {
  const unknown = ids.get(textOr(model, "unk_token", where));
  return (piece) => {
    const id = ids.get(piece) ?? unknown;
    if (id === undefined) throw new SluiceError("data", `text: a word is ${JSON.stringify(piece.slice(0, 60))}, expected one of the vocabulary; ${where} has no token for the unknown`, { word: piece });
    return [id];
  };
}

function textOr(model: JsonObject, name: string, where: string): string {
  const value = model[name] ?? "";
  if (typeof value !== "string" || value.length > 4096) throw refusePart(where, `model.${name}`, value, "a text or null");
  return value;
}

function withoutVocabulary(model: JsonObject): JsonObject {
  const kept = ["merges", "unk_token", "end_of_word_suffix", "fuse_unk", "ignore_merges"];
  return Object.fromEntries(Object.entries(model).filter(([name]) => kept.includes(name)));
}
