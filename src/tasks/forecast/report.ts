/** @file The result of a training as data and as a table to read: the network beside its baselines, and a plain word on who won. Runs in browsers. */
import type { Scores } from "../../train/metrics.ts";
import type { TrainResult } from "../../train/task.ts";
import type { Evaluation, PartScores } from "./evaluate.ts";
import type { ForecastPlan } from "./options.ts";
import type { Prepared } from "./prepare.ts";

/** JSON: what `--json` prints and a model keeps. */
export interface ForecastReport {
  task: "forecast";
  source: string;
  /** What errors are counted in: standard deviations of the training rows, unless another scaler was chosen. */
  units: string;
  test: PartScores;
  valid: PartScores;
  /** Test scores of the baselines, on the same windows. */
  baselines: Record<string, PartScores>;
  /** Test scores in each target's own units. */
  targets: Evaluation["targets"];
  verdict: { beatsAll: boolean; best: string; text: string };
  windows: { train: number; valid: number; test: number };
  parameters: number;
  seconds: number;
  ended: string;
  epochs: number;
  plan: ForecastPlan;
  backend: string;
  notes: string[];
}

interface ReportParts {
  plan: ForecastPlan;
  windows: ForecastReport["windows"];
  parameters: number;
  notes: string[];
  seconds: number;
  ended: TrainResult;
  valid: Evaluation;
  test: Evaluation;
  data: Prepared;
  source: string;
  backend: string;
}

export function makeReport({ plan, windows, parameters, notes, seconds, ended, valid, test, source, backend }: ReportParts): ForecastReport {
  return {
    ...{ task: "forecast" as const, source, units: unitsOf(plan) },
    ...{ test: test.network, valid: valid.network, baselines: test.baselines, targets: test.targets, verdict: judge(test) },
    ...{ windows, parameters, seconds, ended: ended.reason, epochs: ended.epoch, plan, backend, notes },
  };
}

export const unitsOf = ({ scaler }: Pick<ForecastPlan, "scaler">): string =>
  ({ standard: "standard deviations of the training rows", robust: "interquartile ranges of the training rows", minmax: "ranges of the training rows", none: "the series' own units" })[scaler];

/** Who is best, by squared error and by absolute error: said plainly. */
export function judge({ network, baselines }: Pick<Evaluation, "network" | "baselines">): ForecastReport["verdict"] {
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

const number = (v: number | null | undefined, digits = 4): string => (v === null || v === undefined || Number.isNaN(v) ? "–" : Math.abs(v) >= 1000 ? v.toFixed(1) : v.toPrecision(digits));

/** Columns padded to their widest cell; the first to the left, the others to the right. */
function layOut(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((r) => r[c]!.length)));
  return rows.map((r) => r.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join("  ").trimEnd()).join("\n");
}

/** The test scores as a table for a person. */
export function showEvaluation(test: Evaluation, plan: Pick<ForecastPlan, "scaler" | "horizon" | "cell">): string {
  const names = Object.keys(test.targets);
  const row = (name: string, s: Scores, unit: Scores | undefined) => [
    name,
    number(s.mse),
    number(s.mae),
    ...(unit ? [number(unit.rmse), number(unit.mae), number(unit.smape, 3), number(unit.mase, 3)] : []),
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
      ...names.map((name) => [name, number(test.targets[name]!.network.rmse), ...Object.values(test.targets[name]!.baselines).map((s) => number(s.rmse))]),
    ];
    blocks.push("", layOut(per));
  }
  const steps = pickSteps(plan.horizon);
  blocks.push(
    "",
    layOut([
      ["MSE at step", ...steps.map((s) => String(s + 1))],
      ["network", ...steps.map((s) => number(test.network.perStep.mse[s], 3))],
      ...Object.entries(test.baselines).map(([name, b]) => [name, ...steps.map((s) => number(b.perStep.mse[s], 3))]),
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
