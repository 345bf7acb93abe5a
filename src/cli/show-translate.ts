/** @file What a person reads before and after the training of a translator. Node-only. */
import { showScores, type TranslateReport } from "../tasks/translate/report.ts";
import type { TranslatePlanEvent } from "../tasks/translate/train.ts";
import { showSchedule } from "../train/schedule.ts";
import { showClock } from "./command.ts";
import { count } from "./show.ts";

/** What was chosen, and what was noticed about the pairs. */
export function showPlan({ plan, pairs, vocabulary, notes, parameters }: TranslatePlanEvent): string {
  const { network: n, lr, optimizer } = plan;
  const size = (v: number) => v.toLocaleString("en-US");
  const kinds = plan.shared ? `${size(vocabulary.source)} kinds on both sides` : `${size(vocabulary.source)} and ${size(vocabulary.target)} kinds`;
  const what = `translate ${plan.tokens} tokens, ${kinds}: ${size(pairs.train)} train, ${size(pairs.valid)} valid, ${size(pairs.test)} test pairs`;
  const layers = `${count(n.encoderLayers, "layer")} to read, ${n.decoderLayers} to write`;
  const attention = n.attention === "none" ? "no attention" : `${n.attention} attention${n.inputFeeding ? " with input feeding" : ""}`;
  const network = `network   ${n.cell}, hidden ${n.hidden}, ${layers}, ${attention}, embedding ${n.embedding}${n.tying === "none" ? "" : " (tied)"}, dropout ${n.dropout}; ${count(parameters, "parameter")}`;
  const rate = typeof lr === "object" ? showSchedule(lr) : lr;
  const until = plan.timeLimit === null ? count(plan.epochs, "epoch") : `${showClock(plan.timeLimit)}${plan.epochs < 100_000 ? ` or ${count(plan.epochs, "epoch")}` : ""}`;
  const smoothing = plan.labelSmoothing > 0 ? `, label smoothing ${plan.labelSmoothing}` : "";
  const sampling = plan.sampling > 0 ? `, own tokens up to ${plan.sampling}` : "";
  const training = `training  ${optimizer.kind}, lr ${rate}, batches of ${size(plan.batch)} tokens${smoothing}${sampling}, ${until}, seed ${plan.seed}`;
  return [what, network, training, ...notes.map((note) => `note      ${note}`)].join("\n");
}

/** Scores beside what needs no network, and who won. */
export function showReport({ test, valid, baselines, verdict }: TranslateReport): string {
  const scores = test ?? valid;
  return `${scores ? `${showScores(test ? "Test" : "Validation", scores, baselines)}\n\n` : ""}${verdict.text}`;
}
