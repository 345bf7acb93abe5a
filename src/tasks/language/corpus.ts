/** @file From texts to token numbers: what is learnt from, stopped by and scored on, and how a text is cut where only one is given. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { Rng } from "../../base/random.ts";
import type { SplitSpec } from "../../data/split.ts";
import { type Tokenizer, type TokenizerOptions, trainTokenizer } from "../../text/index.ts";
import { requireOneSource } from "../common/split.ts";
import { itemsOf, itemsText, joinItems, looksLikeItems } from "./items.ts";

/** A text and its name, for notes and errors. */
export interface NamedText {
  name: string;
  text: string;
}

/** The texts of a training; what is left out is cut from `train`. */
export interface LanguageTexts {
  train: NamedText;
  valid?: NamedText | undefined;
  test?: NamedText | undefined;
}

/** One part, ready to be read. */
export interface TextPart {
  name: string;
  text: string;
  ids: Int32Array;
}

/** A language model's material. */
export interface Corpus {
  tokenizer: Tokenizer;
  /** Every line is an item of its own, in no order. */
  items: boolean;
  /** The token of a line's end; −1 where the text has none. */
  mark: number;
  train: TextPart;
  valid: TextPart | null;
  test: TextPart | null;
}

export interface CorpusOptions {
  /** `char`, `byte`, `word`, `word:10000`, `bpe:8000`. */
  tokens: string;
  lowercase?: boolean | undefined;
  /** Words: how they are found in a line. */
  words?: TokenizerOptions["split"] | undefined;
  /** Lines are items; `auto`: where nearly every line is a single word. */
  items: boolean | "auto";
  split?: Exclude<SplitSpec, { by: "dates" }> | undefined;
  seed: number;
}

const DEFAULT_SPLIT = { by: "fractions", train: 0.8, valid: 0.1, test: 0.1 } as const;

/** The token of a line's end, −1 where it is none of its own. */
export function markOf(tokenizer: Tokenizer): number {
  const ids = tokenizer.encode("\n");
  return ids.length === 1 && ids[0] !== tokenizer.special.unknown ? ids[0]! : -1;
}

/**
 * Cuts, learns the tokens from the training part alone, and encodes.
 * @throws data: a part without text; usage, range: tokens or a split that cannot be meant
 */
export function makeCorpus(texts: LanguageTexts, options: CorpusOptions): Corpus {
  for (const { name, text } of [texts.train, texts.valid, texts.test].filter((t) => t !== undefined)) {
    if (text.trim() === "") throw new SluiceError("data", `${name}: there is no text, expected some; is it the right file?`, { file: name });
  }
  const items = options.items === "auto" ? looksLikeItems(texts.train.text) : options.items;
  const { train, valid, test } = cut(texts, options, items);
  const tokenizer = trainTokenizer(options.tokens, [train.text], tokenizerOptions(options));
  const mark = markOf(tokenizer);
  if (items && mark < 0) throw new SluiceError("data", `${train.name}: a line's end is no token of its own, expected one, for every line is an item; use --tokens char or word, or leave out --lines`, { file: train.name });
  const encode = ({ name, text }: NamedText): TextPart => ({ name, text, ids: tokenizer.encode(text) });
  return { tokenizer, items, mark, train: encode(train), valid: valid && encode(valid), test: test && encode(test) };
}

const tokenizerOptions = ({ lowercase = false, words = "words" }: CorpusOptions): TokenizerOptions => ({ lowercase, split: words, lines: true });

type Parts = { train: NamedText; valid: NamedText | null; test: NamedText | null };

/** The three parts; those that have no file of their own are cut from the training text: its lines drawn at random, or its end. */
function cut({ train, valid, test }: LanguageTexts, { split, seed }: CorpusOptions, items: boolean): Parts {
  const { name } = train;
  requireOneSource("language", split, { valid, test });
  const from = split ?? (valid || test ? { ...DEFAULT_SPLIT, train: valid && test ? 1 : 0.9 } : DEFAULT_SPLIT);
  const share = { train: from.train, valid: valid ? 0 : from.valid, test: test ? 0 : from.test };
  const whole = (part: string, text: string): NamedText | null => (text === "" ? null : { name: `${name} (${part})`, text });
  const given = (part: NamedText): NamedText => (items ? { ...part, text: itemsText(part.text) } : part);
  const units = items ? new Rng(seed).shuffle(itemsOf(train.text)) : null;
  const n = units?.length ?? train.text.length;
  const sizes = sizesOf(n, from.by, share, name, units ? "lines" : "characters");
  const take = (begin: number, end: number): string => (units ? joinItems(units.slice(begin, end)) : train.text.slice(border(train.text, begin), border(train.text, end)));
  const trained = take(0, sizes.train);
  if (trained.trim() === "") throw new SluiceError("data", `${name}: the training part is empty, expected some text; give more of it, or another split`, { file: name });
  return {
    train: { name, text: trained },
    valid: valid ? given(valid) : whole("valid", take(sizes.train, sizes.train + sizes.valid)),
    test: test ? given(test) : whole("test", take(sizes.train + sizes.valid, sizes.train + sizes.valid + sizes.test)),
  };
}

function sizesOf(n: number, by: "counts" | "fractions", share: Record<"train" | "valid" | "test", number>, name: string, unit: string): Record<"train" | "valid" | "test", number> {
  const { train, valid, test } = share;
  if (by === "counts") {
    if (train + valid + test > n) throw new SluiceError("data", `${name}: it has ${n} ${unit}, expected at least ${train + valid + test} = ${train} + ${valid} + ${test}; the split says so`, { file: name });
    return { train, valid, test };
  }
  const first = Math.floor(train * n + 1e-9);
  const second = Math.floor((train + valid) * n + 1e-9);
  return { train: first, valid: second - first, test: Math.floor((train + valid + test) * n + 1e-9) - second };
}

/** The nearest place at or before `at` that is not inside a character. */
function border(text: string, at: number): number {
  const code = at > 0 && at < text.length ? text.charCodeAt(at) : 0;
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
