/** @file A classifier on labelled items of another file. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { type BaselineScores, classifyBaselines } from "./baselines.ts";
import type { Classifier } from "./classifier.ts";
import { countOf, type Labelled, numberLabels } from "./data.ts";
import { type Scores, score } from "./evaluate.ts";
import { joinParts, withoutEmpty } from "./material.ts";

/**
 * Scores of a classifier, and of the baselines where their training items are given.
 * @throws data: no labelled item, a label that the model does not know, or one too many
 */
export function evaluateClassifier(model: Classifier, given: Labelled, train?: Labelled): { test: Scores; baselines: Record<string, BaselineScores>; notes: string[] } {
  const { classes, multiLabel } = model.config;
  const data = withoutEmpty(given);
  const odd = multiLabel ? -1 : data.labels.findIndex((of) => of.length !== 1);
  if (odd >= 0) throw new SluiceError("data", `${data.source}: item ${odd + 1} has ${data.labels[odd]!.length} labels, expected one; the model was trained so`, { source: data.source, item: odd });
  if (countOf(data) === 0) throw new SluiceError("data", `${data.source}: there is no labelled item, expected some to score`, { source: data.source });
  const truth = numberLabels(data, classes);
  const probabilities = model.probabilities(model.read(data));
  const test = score(probabilities, truth, classes, { multiLabel });
  if (train === undefined) return { test, baselines: {}, notes: data.notes };
  const own = withoutEmpty(train);
  const n = countOf(own);
  const samples = model.read(joinParts([own, data]));
  const range = (from: number, count: number) => Int32Array.from({ length: count }, (_, i) => from + i);
  const baselines = classifyBaselines(samples, [...numberLabels(own, classes), ...truth], range(0, n), range(n, truth.length), classes, multiLabel);
  return { test, baselines, notes: data.notes };
}
