/** @file What a person reads before and after a training. Node-only. */
import type { Evaluation } from "../tasks/forecast/evaluate.ts";
import type { ForecastOptions } from "../tasks/forecast/options.ts";
import { type ForecastReport, showEvaluation } from "../tasks/forecast/report.ts";
import type { ForecastEvent } from "../tasks/forecast/train.ts";
import { showSchedule } from "../train/schedule.ts";
import { showClock } from "./command.ts";

export const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;

/** Names for a line: the first few of many. */
export function list(names: readonly string[], most = 8): string {
  return names.length <= most ? names.join(", ") : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

/** What was chosen, in two lines, and what was noticed about the data. */
export function showPlan({
  plan,
  step,
  columns,
  series,
  notes,
  windows,
  parameters,
}: Extract<ForecastEvent, { type: "plan" }>): string {
  const { lr, optimizer, output } = plan;
  const steps = step === "row" ? "rows" : `steps of ${step}`;
  const beside = [
    ...(columns.past.length > 0 ? [`past ${list(columns.past)}`] : []),
    ...(columns.future.length > 0 ? [`future ${list(columns.future)}`] : []),
    ...(columns.calendar.length > 0 ? ["calendar"] : []),
  ];
  const what = `forecast  ${list(columns.targets)}: the next ${plan.horizon} ${steps} from the last ${plan.lookback}${beside.length > 0 ? ` (with ${beside.join("; ")})` : ""}`;
  const data = `${series > 1 ? `${count(series, "series", "series")}, ` : ""}${plan.season > 1 ? `season ${plan.season}, ` : ""}windows: ${windows.train.toLocaleString("en-US")} train, ${windows.valid.toLocaleString("en-US")} valid, ${windows.test.toLocaleString("en-US")} test`;
  const model = plan.model === "segment" ? `segments of ${plan.segment}` : "step by step";
  const fan =
    output.kind === "quantiles"
      ? `quantiles ${output.quantiles.join(" ")}`
      : output.kind === "point"
        ? `point (${output.loss})`
        : output.kind;
  const rate = typeof lr === "object" ? showSchedule(lr) : lr;
  const network = `network   ${plan.cell}, ${model}, hidden ${plan.hidden}, ${count(plan.layers, "layer")}, dropout ${plan.dropout}${plan.linear ? ", plus linear map" : ""}; ${fan}; ${count(parameters, "parameter")}`;
  const training = `training  ${optimizer.kind}, lr ${rate}, batch ${plan.batch}, at most ${count(plan.epochs, "epoch")}, patience ${plan.patience}, seed ${plan.seed}`;
  return [what, `          ${data}`, network, training, ...notes.map((note) => `note      ${note}`)].join("\n");
}

/** Why and when the training ended. */
export function whyEnded(
  { reason, epoch, step, best, seconds }: Extract<ForecastEvent, { type: "end" }>,
  { timeLimit }: Partial<ForecastOptions>,
): string {
  const why = {
    epochs: "all epochs done",
    steps: "all steps done",
    time: `the time limit of ${showClock(timeLimit ?? 0)} is reached`,
    patience: "no longer getting better",
    aborted: `stopped at step ${step}`,
  }[reason];
  // An epoch that a limit cut short was measured too, and is not among those that were done.
  const cut = best !== null && best.epoch > epoch ? ", as far as it went" : "";
  const kept = best === null ? "" : `; the best was epoch ${best.epoch}${cut} (valid ${best.value.toPrecision(4)})`;
  return `${why}: ${count(epoch, "epoch")} in ${showClock(seconds)}${kept}`;
}

/** Scores beside baselines, and who won. */
export function showReport(report: ForecastReport): string {
  const { test, baselines, targets, windows, plan, verdict } = report;
  const evaluation: Evaluation = { windows: windows.test, network: test, baselines, targets };
  return `${showEvaluation(evaluation, plan)}\n\n${verdict.text}`;
}
