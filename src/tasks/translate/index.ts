/** @file The translation task: texts in, other texts out. */
import type { Engine } from "../../engine/engine.ts";
import { createEngine } from "../../engine/index.ts";
import { decodeModel } from "../../formats/model.ts";
import { Translator } from "./translator.ts";

export type { TranslateTexts } from "./material.ts";
export type { TranslateAttention, TranslateNetworkConfig, Tying } from "./network.ts";
export type { TranslateOptions, TranslatePlan } from "./options.ts";
export type { SearchOptions } from "./rank.ts";
export type { TranslateReport } from "./report.ts";
export { type ParallelTexts, scoreTranslator as evaluate, type TextScores, type TranslateScores } from "./scores.ts";
export { type TrainedTranslator, type TranslateEvent, type TranslatePlanEvent, trainTranslate as train } from "./train.ts";
export { type Alignment, type Alternative, type Translation, type TranslateTextOptions, Translator, type TranslatorConfig } from "./translator.ts";

/**
 * The translator in a model file.
 * @param bytes the whole file
 * @param where its name, for errors
 * @throws format: damaged, of another version or another task
 */
export function load(bytes: Uint8Array, where = "model", engine: Engine = createEngine()): Translator {
  return Translator.fromFile(decodeModel(bytes, where), engine, where);
}
