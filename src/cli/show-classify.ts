/** @file What a person reads before and after the training of a classifier, and of its scores. Node-only. */
import { confusionText } from "../plot/confusion.ts";
import type { BaselineScores } from "../tasks/classify/baselines.ts";
import type { Scores } from "../tasks/classify/evaluate.ts";
import type { ClassifyReport } from "../tasks/classify/report.ts";
import type { ClassifyPlanEvent } from "../tasks/classify/train.ts";
import { layOut } from "../tasks/common/report.ts";
import { count, list } from "./show.ts";

const percent = (v: number | undefined): string => (v === undefined ? "–" : `${(100 * v).toFixed(1)}%`);

/** What was chosen, and what was noticed about the data. */
export function showPlan({ plan, kind, classes, items, notes, parameters }: ClassifyPlanEvent): string {
  const what = kind === "text" ? "texts" : "series";
  const input = kind === "text" ? `${plan.tokens} tokens${plan.tokens.startsWith("word") && plan.gramBuckets > 0 ? " and their character n-grams" : ""}${plan.spaced ? ", spaced already" : ""}, embedding ${plan.embedding}` : "channels on one scale";
  const wide = !plan.wide ? "" : kind === "text" ? `, beside it a linear part over runs of up to ${plan.wideOrder}` : ", beside it a linear part over summary features";
  return [
    `classify  ${items.train.toLocaleString("en-US")} ${what} to train, ${items.valid.toLocaleString("en-US")} to validate${plan.members > 1 ? " the members" : ""}, ${items.test.toLocaleString("en-US")} to test; ${count(classes.length, "class", "classes")}: ${list(classes)}${plan.multiLabel ? " (several for an item)" : ""}`,
    `input     ${input}`,
    `network   ${plan.members > 1 ? `${plan.members} voting, each ` : ""}${plan.bidirectional ? "both directions of " : ""}${plan.cell}, hidden ${plan.hidden}, ${count(plan.layers, "layer")}, ${plan.pooling} pooling, dropout ${plan.dropout}${wide}; ${count(parameters, "parameter")}`,
    `training  ${plan.optimizer.kind}, lr ${plan.lr}, batch ${plan.batch}, at most ${count(plan.epochs, "epoch")}, patience ${plan.patience}, seed ${plan.seed}`,
    ...notes.map((note) => `note      ${note}`),
  ].join("\n");
}

/** Scores beside the baselines', by class, and which class is taken for which. */
export function showScores(scores: Scores, baselines: Readonly<Record<string, BaselineScores>>, title: string): string {
  const several = scores.microF1 !== undefined;
  const head = [title, several ? "all right" : "accuracy", "macro F1", ...(several ? ["micro F1"] : []), "nats", "ECE"];
  const own = ["classifier", percent(scores.accuracy), percent(scores.macroF1), ...(several ? [percent(scores.microF1)] : []), scores.nats.toFixed(4), percent(scores.ece)];
  const others = Object.entries(baselines).map(([name, b]) => [name, percent(b.accuracy), percent(b.macroF1), ...(several ? ["–"] : []), "–", "–"]);
  const lines = [layOut([head, own, ...others])];
  if (scores.classes.length <= 20) {
    const rows = scores.classes.map((c) => [c.name, String(c.items), percent(c.precision), percent(c.recall), percent(c.f1)]);
    lines.push("", layOut([["class", "items", "precision", "recall", "F1"], ...rows]));
  }
  if (scores.confusion) lines.push("", confusionText({ title: "", classes: scores.classes.map((c) => c.name), counts: scores.confusion }));
  return lines.join("\n");
}

export function showReport({ test, valid, baselines, verdict }: ClassifyReport): string {
  return `${showScores(test ?? valid, baselines, test ? "test" : "validation")}\n\n${verdict.text}`;
}

/** Draws what was asked for. @throws io: it cannot be written */
export async function drawScores(scores: Scores, source: string, flags: { confusion?: string; reliability?: string }): Promise<void> {
  const [{ confusionSvg }, { reliabilitySvg }, { writeAtomic }] = await Promise.all([import("../plot/confusion.ts"), import("../plot/reliability.ts"), import("../formats/files.ts")]);
  const subtitle = `${scores.items.toLocaleString("en-US")} items, accuracy ${percent(scores.accuracy)}, macro F1 ${percent(scores.macroF1)}`;
  if (flags.confusion !== undefined && scores.confusion) writeAtomic(flags.confusion, confusionSvg({ title: `${source}: which class is taken for which`, subtitle, classes: scores.classes.map((c) => c.name), counts: scores.confusion }));
  if (flags.reliability !== undefined) writeAtomic(flags.reliability, reliabilitySvg({ title: `${source}: does 80% mean 80%?`, subtitle: `expected calibration error ${percent(scores.ece)}`, bins: scores.reliability }));
}
