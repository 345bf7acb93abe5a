/** @file How good translations are: BLEU, chrF, how many are exact, and how likely the references are. Runs in browsers. */
import { bleu, chrf } from "../../text/index.ts";
import { atOnce, type Steps } from "../common/turns.ts";
import { type Pair, PairBatches } from "./batches.ts";
import { meanLoss } from "./learn.ts";
import { encodeText } from "./side.ts";
import type { TranslateTextOptions, Translator } from "./translator.ts";

/** Scores that need no network. */
export interface TextScores {
  /** 0 to 100, as sacreBLEU computes it; `signature` says how. */
  bleu: number;
  signature: string;
  /** chrF2, 0 to 100. */
  chrf: number;
  /** Share of translations that are the reference to the letter. */
  exact: number;
}

export interface TranslateScores extends TextScores {
  /** Mean nats of a target token, the teacher's tokens given before it, and their exponential. */
  nats: number;
  perplexity: number;
  /** Pairs scored. */
  sentences: number;
  /** How translations were searched for. */
  beam: number;
}

/** Sources and their translations, line by line. */
export interface ParallelTexts {
  source: readonly string[];
  target: readonly string[];
}

/** @param lowercase capital and small letters are the same */
export function textScores(translations: readonly string[], references: readonly string[], lowercase: boolean): TextScores {
  const { score, signature } = bleu(translations, references, { lowercase });
  const plain = (text: string): string => (lowercase ? text.toLowerCase() : text).trim().replace(/\s+/gu, " ");
  const exact = translations.reduce((n, text, i) => n + Number(plain(text) === plain(references[i]!)), 0) / translations.length;
  return { bleu: score, signature, chrf: chrf(translations, references, { lowercase }).score, exact };
}

/** Pairs as tokens. */
export const encodePairs = ({ source, target }: Pick<Translator, "source" | "target">, texts: ParallelTexts): Pair[] =>
  texts.source.map((text, i) => ({ source: encodeText(source, text), target: encodeText(target, texts.target[i]!) }));

/**
 * Translates every source and holds it against its reference. Texts too long for the model lose their end.
 * @throws data: no pairs, or an empty source
 */
export function scoreTranslator(model: Translator, texts: ParallelTexts, options: TranslateTextOptions = {}): { scores: TranslateScores; translations: string[] } {
  return atOnce(scoring(model, texts, options));
}

/** The same step by step. */
export function* scoring(model: Translator, texts: ParallelTexts, options: TranslateTextOptions = {}): Steps<{ scores: TranslateScores; translations: string[] }> {
  const translations = (yield* model.translating(texts.source, { ...options, cut: true })).map(({ text }) => text);
  const { maxLength } = model.config;
  const short = encodePairs(model, texts).map(({ source, target }) => ({ source: source.slice(0, maxLength), target: target.slice(0, maxLength) }));
  const nats = yield* meanLoss(model.engine, model.network, new PairBatches(short, model.marks, 4000));
  const scores = { ...textScores(translations, texts.target, model.lowercase), nats, perplexity: Math.exp(nats), sentences: texts.source.length, beam: options.beam ?? 5 };
  return { scores, translations };
}
