/** @file `sluice/text`: tokenizers, text files, the scores of language and translation, and the baselines that a network must beat. */
export type { JsonObject } from "../base/json.ts";
export { type BleuOptions, type BleuScore, bleu, type References } from "./bleu.ts";
export { type ChrfScore, chrf } from "./chrf.ts";
export { fromHuggingFace } from "./hugging-face.ts";
export { parseTokens, restoreTokenizer, trainTokenizer } from "./make.ts";
export type { SpecialIds, SpecialName, StreamDecoder, Tokenizer, TokenizerKind, TokenizerOptions, TokenizerSpec } from "./tokenizer.ts";
export { alignLines, linesOf, type ParallelText } from "./lines.ts";
export { type ClassBaselines, classBaselines, type LabelledTokens, type NaiveBayes, type NaiveBayesOptions, naiveBayes } from "./naive-bayes.ts";
export { type NgramBaselines, type NgramScore, ngramBaselines } from "./ngram.ts";
export { normalizeText } from "./normal.ts";
export { readLines, readParallel, readText } from "./read.ts";
export { decodeText } from "./utf8.ts";
export { wordsOf } from "./word.ts";
