/** @file What a person reads before and after the training of a forecaster. Node-only. */
import type { Evaluation } from "../tasks/forecast/evaluate.ts";
import { type ForecastReport, showEvaluation } from "../tasks/forecast/report.ts";
import type { ForecastPlanEvent } from "../tasks/forecast/train.ts";
import { showSchedule } from "../train/schedule.ts";
import { count, list } from "./show.ts";

/** What was chosen, in two lines, and what was noticed about the data. */
export function showPlan({
  plan,
  step,
  columns,
  series,
  notes,
  windows,
  parameters,
}: ForecastPlanEvent): string {
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

/** Scores beside baselines, and who won. */
export function showReport(report: ForecastReport): string {
  const { test, baselines, targets, windows, plan, verdict } = report;
  const evaluation: Evaluation = { windows: windows.test, network: test, baselines, targets };
  return `${showEvaluation(evaluation, plan)}\n\n${verdict.text}`;
}
