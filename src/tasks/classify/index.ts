/** @file The classification task: texts or series in, classes with probabilities out. */
import type { Engine } from "../../engine/engine.ts";
import { createEngine } from "../../engine/index.ts";
import { decodeModel } from "../../formats/model.ts";
import { Classifier } from "./classifier.ts";

export { evaluateClassifier as evaluate } from "./apply.ts";
export type { BaselineScores } from "./baselines.ts";
export { Classifier, type ClassifierConfig, type Prediction, type Preparation } from "./classifier.ts";
export type { Labelled, LabelledSeries, LabelledTexts, SeriesValues } from "./data.ts";
export { type ClassScores, type ReliabilityBin, type Scores, score } from "./evaluate.ts";
export { explanationHtml, explanationText } from "./explain-show.ts";
export { type Explanation, type ExplainOptions, explainText as explain, type TokenAttribution } from "./explain.ts";
export type { ClassifyData } from "./material.ts";
export type { ClassifyOptions, ClassifyPlan } from "./options.ts";
export { type SeriesColumns, type SeriesDocument, seriesOfJson, seriesOfTable, type TextColumns, textsOfLines, textsOfTable } from "./read.ts";
export type { ClassifyReport } from "./report.ts";
export { type ClassifyEvent, type ClassifyPlanEvent, type TrainedClassifier, trainClassify as train } from "./train.ts";

/**
 * The classifier in a model file.
 * @param bytes the whole file
 * @param where its name, for errors
 * @throws format: damaged, of another version or another task
 */
export function load(bytes: Uint8Array, where = "model", engine: Engine = createEngine()): Classifier {
  return Classifier.fromFile(decodeModel(bytes, where), engine, where);
}
