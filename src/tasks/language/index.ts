/** @file The language task: a model of text that scores, writes on, chats and suggests. */
export { type BeamOptions, type BeamText, beamSearch } from "./beam.ts";
export { Chat, type Said } from "./chat.ts";
export type { LanguageTexts, NamedText } from "./corpus.ts";
export type { Continuation, GenerateOptions } from "./generate.ts";
export { type DialogueMarks, type LanguageConfig, LanguageModel } from "./model.ts";
export type { LanguageOptions, LanguagePlan } from "./options.ts";
export type { LearnOptions } from "./personal.ts";
export { judge, type LanguageReport, showScores } from "./report.ts";
export type { SampleOptions } from "./sample.ts";
export type { LanguageScores } from "./scores.ts";
export type { Fed, Session } from "./session.ts";
export type { Suggestion } from "./suggest.ts";
export { type LanguageEvent, type TrainedLanguage, trainLanguage as train } from "./train.ts";

import type { Engine } from "../../engine/engine.ts";
import { LanguageModel } from "./model.ts";

/**
 * The language model in a file.
 * @param bytes the whole file
 * @param where its name, for errors
 * @throws format: damaged, of another version or another task
 */
export const load = (bytes: Uint8Array, where = "model", engine?: Engine): LanguageModel => LanguageModel.load(bytes, where, engine);
