/** @file From two texts of lines to pairs of token numbers: what is learnt from, stopped by and scored on. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { Rng } from "../../base/random.ts";
import type { Tokenizer } from "../../text/index.ts";
import { requireOneSource } from "../common/split.ts";
import type { Pair } from "./batches.ts";
import { sideOptions, type TranslateOptions } from "./options.ts";
import { encodePairs, type ParallelTexts } from "./scores.ts";
import { makeTokenizer } from "./side.ts";

/** Pairs of a training; parts that are left out are cut from `train`. */
export interface TranslateTexts {
  /** What they are called in reports and errors: `train.de, train.en`. */
  name: string;
  train: ParallelTexts;
  valid?: ParallelTexts | undefined;
  test?: ParallelTexts | undefined;
}

/** A translator's material. */
export interface Material {
  /** What texts are cut into: `bpe:8000`. */
  tokens: string;
  source: Tokenizer;
  target: Tokenizer;
  texts: { train: ParallelTexts; valid: ParallelTexts | null; test: ParallelTexts | null };
  /** Pairs to learn from, and to stop by; pairs that are too long are not among them. */
  train: Pair[];
  valid: Pair[] | null;
  /** Pairs that were too long, both parts together. */
  tooLong: number;
  /** The most target tokens for a source token. */
  ratio: number;
}

const DEFAULT_SPLIT = { by: "fractions", train: 0.9, valid: 0.05, test: 0.05 } as const;

/**
 * Cuts, learns the tokens of both sides from the training part alone, and encodes.
 * @throws data: sides of different lengths, a part without pairs, an empty source, every pair too long; usage, range: tokens that cannot be meant
 */
export function makeMaterial(texts: TranslateTexts, options: TranslateOptions, maxLength: number, seed: number): Material {
  for (const [part, { source, target }] of Object.entries({ training: texts.train, validation: texts.valid, test: texts.test }).flatMap(([name, p]) => (p ? [[name, p] as const] : []))) {
    if (source.length !== target.length) {
      throw new SluiceError("data", `${texts.name}: the ${part} sources are ${source.length}, their targets ${target.length}, expected as many; line n of one belongs to line n of the other`);
    }
    if (source.length === 0) throw new SluiceError("data", `${texts.name}: the ${part} part has 0 pairs, expected at least one`);
    // Here, for the test part is read again only when the training is over.
    const empty = source.findIndex((text) => text.trim() === "");
    if (empty >= 0) throw new SluiceError("data", `${texts.name}: source ${empty + 1} of the ${part} part is empty, expected text`, { line: empty + 1 });
  }
  const parts = cut(texts, options.split, seed);
  const { train } = parts;
  const characters = [...train.source, ...train.target].reduce((n, text) => n + text.length, 0);
  const side = sideOptions(options, characters);
  const source = makeTokenizer(options.shared ? [...train.source, ...train.target] : train.source, side);
  const target = options.shared ? source : makeTokenizer(train.target, side);
  let tooLong = 0;
  const encode = (part: ParallelTexts, name: string): Pair[] => {
    const all = encodePairs({ source, target }, part);
    const kept = all.filter((pair) => Math.max(pair.source.length, pair.target.length) <= maxLength);
    tooLong += all.length - kept.length;
    if (kept.length > 0) return kept;
    const least = all.reduce((n, pair) => Math.min(n, Math.max(pair.source.length, pair.target.length)), Number.POSITIVE_INFINITY);
    throw new SluiceError("data", `${texts.name}: every pair of the ${name} part is too long, the shortest has ${least} tokens, expected some of at most ${maxLength}; set maxLength (--max-length) higher`, { least, maxLength });
  };
  const learnt = encode(train, "training");
  const valid = parts.valid && encode(parts.valid, "validation");
  const ratio = learnt.reduce((most, pair) => Math.max(most, pair.target.length / pair.source.length), 1);
  return { tokens: side.tokens, source, target, texts: parts, train: learnt, valid, tooLong, ratio };
}

/** The three parts; those that were not given are drawn from the training pairs by the seed. */
function cut({ name, train, valid, test }: TranslateTexts, split: TranslateOptions["split"], seed: number): Material["texts"] {
  requireOneSource("translate", split, { valid, test });
  if (split === undefined && (valid || test)) split = { by: "fractions", train: valid ? 1 : 0.95, valid: valid ? 0 : 0.05, test: 0 };
  const { by, ...share } = split ?? DEFAULT_SPLIT;
  const n = train.source.length;
  const size = (part: number): number => (by === "counts" ? part : Math.floor(part * n + 1e-9));
  const sizes = { valid: valid ? 0 : size(share.valid), test: test ? 0 : size(share.test), train: 0 };
  sizes.train = Math.min(size(share.train), n - (by === "counts" ? 0 : sizes.valid + sizes.test));
  const all = sizes.train + sizes.valid + sizes.test;
  if (sizes.train < 1 || all > n) throw new SluiceError("data", `${name}: there are ${n} pairs, expected at least ${Math.max(all, 1)}; the split says so`, { pairs: n });
  const order = new Rng(seed).shuffle(Int32Array.from({ length: n }, (_, i) => i));
  const take = (from: number, count: number): ParallelTexts | null => {
    if (count === 0) return null;
    const rows = Array.from(order.subarray(from, from + count)).sort((a, b) => a - b);
    return { source: rows.map((i) => train.source[i]!), target: rows.map((i) => train.target[i]!) };
  };
  return {
    train: sizes.train === n ? train : take(0, sizes.train)!,
    valid: valid ?? take(sizes.train, sizes.valid),
    test: test ?? take(sizes.train + sizes.valid, sizes.test),
  };
}
