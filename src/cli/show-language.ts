/** @file What a person reads before and after the training of a language model. Node-only. */
import { UNCOUNTED } from "../tasks/common/run.ts";
import { type LanguageReport, showScores } from "../tasks/language/report.ts";
import type { LanguagePlanEvent } from "../tasks/language/train.ts";
import { showSchedule } from "../train/schedule.ts";
import { showClock } from "./command.ts";
import { count } from "./show.ts";

/** What was chosen, and what was noticed about the text. */
export function showPlan({ plan, tokens, notes, parameters }: LanguagePlanEvent): string {
  const { network: n, lr, optimizer } = plan;
  const size = (v: number) => v.toLocaleString("en-US");
  const what = `language  ${plan.tokens} tokens, ${size(tokens.vocabulary)} kinds${plan.lines ? ", line by line" : ""}: ${size(tokens.train)} train, ${size(tokens.valid)} valid, ${size(tokens.test)} test`;
  const hidden = [`dropout ${n.dropout}`, ...(n.recurrentDropout > 0 ? [`recurrent ${n.recurrentDropout}`] : []), ...(n.variational ? ["the same at every step"] : [])].join(", ");
  const network = `network   ${n.cell}, hidden ${n.hidden}, ${count(n.layers, "layer")}, embedding ${n.embedding}${n.tied ? " (tied)" : ""}, ${hidden}; ${count(parameters, "parameter")}`;
  const rate = typeof lr === "object" ? showSchedule(lr) : lr;
  const until = plan.timeLimit === null ? count(plan.epochs, "epoch") : `${showClock(plan.timeLimit)}${plan.epochs < UNCOUNTED ? ` or ${count(plan.epochs, "epoch")}` : ""}`;
  const training = `training  ${optimizer.kind}, lr ${rate}, ${count(plan.batch, plan.lines ? "line" : "stream")}${plan.lines ? "" : ` of ${plan.chunk} steps`}, average ${plan.ema}, ${until}, seed ${plan.seed}`;
  return [what, network, training, ...notes.map((note) => `note      ${note}`)].join("\n");
}

/** Scores beside what counting predicts, and who won. */
export function showReport({ test, valid, baselines, verdict }: LanguageReport): string {
  const scores = test ?? valid;
  return `${scores ? `${showScores(test ? "Test" : "Validation", scores, baselines)}\n\n` : ""}${verdict.text}`;
}
