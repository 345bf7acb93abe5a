/** @file The result of a training as data and as a table to read: the network beside its baselines, and a plain word on who won. Runs in browsers. */
import type { Scores } from "../../train/metrics.ts";
import { layOut, type runFacts, showNumber, type TaskReport, type Verdict } from "../common/report.ts";
import type { Evaluation, PartScores } from "./evaluate.ts";
import type { ForecastPlan } from "./options.ts";

/** JSON: what `--json` prints and a model keeps. */
export interface ForecastReport extends TaskReport<PartScores> {
  task: "forecast";
  /** What errors are counted in: standard deviations of the training rows, unless another scaler was chosen. */
  units: string;
  test: PartScores;
  valid: PartScores;
  /** Test scores in each target's own units. */
  targets: Evaluation["targets"];
  windows: { train: number; valid: number; test: number };
  plan: ForecastPlan;
}

interface ReportParts {
  source: string;
  windows: ForecastReport["windows"];
  valid: Evaluation;
  test: Evaluation;
}

export function makeReport({ source, windows, valid, test }: ReportParts, run: ReturnType<typeof runFacts<ForecastPlan>>): ForecastReport {
  return {
    ...{ task: "forecast" as const, source, units: unitsOf(run.plan) },
    ...{ test: test.network, valid: valid.network, baselines: test.baselines, targets: test.targets, verdict: judge(test) },
    ...{ windows, ...run },
  };
}

export const unitsOf = ({ scaler }: Pick<ForecastPlan, "scaler">): string =>
  ({ standard: "standard deviations of the training rows", robust: "interquartile ranges of the training rows", minmax: "ranges of the training rows", none: "the series' own units" })[scaler];

/** Who is best, by squared error and by absolute error: said plainly. */
export function judge({ network, baselines }: Pick<Evaluation, "network" | "baselines">): Verdict {
  const rivals = Object.entries(baselines);
  const better = (key: "mse" | "mae") => rivals.filter(([, b]) => b[key]! <= network[key]!).map(([name]) => name);
  const bySquare = better("mse");
  const byAbsolute = better("mae");
  const best = [...rivals, ["network", network] as const].reduce((a, b) => (b[1].mse! < a[1].mse! ? b : a))[0];
  if (bySquare.length + byAbsolute.length === 0) {
    const [name, rival] = rivals.reduce((a, b) => (b[1].mse! < a[1].mse! ? b : a));
    const gain = ((1 - network.mse! / rival.mse!) * 100).toFixed(1);
    return { beatsAll: true, best, text: `The network beats every baseline: its squared error is ${gain}% below that of the next best ("${name}").` };
  }
  const said = (names: string[], what: string) => (names.length > 0 ? [`by ${what}, ${names.map((n) => `"${n}"`).join(" and ")} ${names.length > 1 ? "are" : "is"} as good or better`] : []);
  const text = `The network does NOT beat every baseline: ${[...said(bySquare, "squared error"), ...said(byAbsolute, "absolute error")].join("; ")}. Use the baseline, or give more data, covariates or a longer look-back.`;
  return { beatsAll: false, best, text };
}

/** The test scores as a table for a person. */
export function showEvaluation(test: Evaluation, plan: Pick<ForecastPlan, "scaler" | "horizon" | "cell">): string {
  const names = Object.keys(test.targets);
  const row = (name: string, s: Scores, unit: Scores | undefined) => [
    name,
    showNumber(s.mse),
    showNumber(s.mae),
    ...(unit ? [showNumber(unit.rmse), showNumber(unit.mae), showNumber(unit.smape, 3), showNumber(unit.mase, 3)] : []),
  ];
  const only = names.length === 1 ? test.targets[names[0]!] : undefined;
  const head = ["", "MSE", "MAE", ...(only ? [`RMSE ${names[0]}`, `MAE ${names[0]}`, "sMAPE %", "MASE"] : [])];
  const lines = [
    head,
    row(`network (${plan.cell})`, test.network, only?.network),
    ...Object.entries(test.baselines).map(([name, s]) => row(name, s, only?.baselines[name])),
  ];
  const blocks = [`Test, ${test.windows} windows of ${plan.horizon} steps; MSE and MAE in ${unitsOf(plan)}`, layOut(lines)];
  if (!only) {
    const per = [
      ["in own units: RMSE", "network", ...Object.keys(test.baselines)],
      ...names.map((name) => [name, showNumber(test.targets[name]!.network.rmse), ...Object.values(test.targets[name]!.baselines).map((s) => showNumber(s.rmse))]),
    ];
    blocks.push("", layOut(per));
  }
  const steps = pickSteps(plan.horizon);
  blocks.push(
    "",
    layOut([
      ["MSE at step", ...steps.map((s) => String(s + 1))],
      ["network", ...steps.map((s) => showNumber(test.network.perStep.mse[s], 3))],
      ...Object.entries(test.baselines).map(([name, b]) => [name, ...steps.map((s) => showNumber(b.perStep.mse[s], 3))]),
    ]),
  );
  for (const { level, coverage } of test.network.intervals) {
    blocks.push("", `${Math.round(level * 100)}% interval: ${coverage === null ? "–" : (coverage * 100).toFixed(1)}% of the truths lie inside`);
  }
  return blocks.join("\n");
}

/** Up to six steps spread over the horizon, first and last among them. */
function pickSteps(horizon: number): number[] {
  const count = Math.min(6, horizon);
  return [...new Set(Array.from({ length: count }, (_, i) => Math.round((i * (horizon - 1)) / Math.max(1, count - 1))))];
}
