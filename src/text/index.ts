/** @file `sluice/text`: tokenizers, text files, the scores of language and translation, and the baselines that a network must beat. */
export type { JsonObject } from "../base/json.ts";
export { parseTokens, restoreTokenizer, trainTokenizer } from "./make.ts";
export type { SpecialIds, SpecialName, StreamDecoder, Tokenizer, TokenizerKind, TokenizerOptions, TokenizerSpec } from "./tokenizer.ts";
