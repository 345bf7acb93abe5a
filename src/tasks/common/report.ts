/** @file The result of a training as every task gives it: the network beside its baselines, and a plain word on who won. Runs in browsers. */
import type { Engine } from "../../engine/engine.ts";
import type { TrainResult } from "../../train/task.ts";
import type { TaskPlan } from "./run.ts";

/** Who is best, said plainly. */
export interface Verdict {
  beatsAll: boolean;
  /** `network`, or the baseline that is best. */
  best: string;
  text: string;
}

/** JSON: what `--json` prints and a model keeps. A task's report may have more. */
export interface TaskReport<Scores = unknown, BaselineScores = Scores> {
  task: string;
  /** Name of the data. */
  source: string;
  /** Null: there was no such part. */
  test: Scores | null;
  valid: Scores | null;
  /** Scores of the baselines on the test part (on the validation part where there is no test part). */
  baselines: Record<string, BaselineScores>;
  verdict: Verdict;
  plan: TaskPlan;
  parameters: number;
  seconds: number;
  /** Why the training ended. */
  ended: TrainResult["reason"];
  epochs: number;
  seed: number;
  backend: string;
  notes: string[];
}

/** What a report says of the training itself. @param began `performance.now()` when it began */
export function runFacts<P extends TaskPlan>(parts: { plan: P; parameters: number; notes: string[]; ended: TrainResult; engine: Engine; began: number }) {
  const { plan, parameters, notes, ended, engine, began } = parts;
  const seconds = (performance.now() - began) / 1000;
  return { plan, parameters, seconds, ended: ended.reason, epochs: ended.epoch, seed: plan.seed, backend: engine.backend, notes };
}

/** A figure that networks are told apart by. */
export interface Measure {
  /** `perplexity` */
  name: string;
  better: "lower" | "higher";
  /** `Use more text or train longer.` */
  advice: string;
}

/** The verdict where a single figure decides. Baselines without one (null, NaN) don't compete. */
export function judgeBy({ name, better, advice }: Measure, network: number, baselines: Readonly<Record<string, number | null>>): Verdict {
  const rivals = Object.entries(baselines).filter((rival): rival is [string, number] => rival[1] !== null && !Number.isNaN(rival[1]));
  const beats = (a: number, b: number): boolean => (better === "lower" ? a < b : a > b);
  const first = rivals.reduce<[string, number] | null>((a, b) => (a === null || beats(b[1], a[1]) ? b : a), null);
  const said = showNumber(network);
  if (first === null) return { beatsAll: true, best: "network", text: `${name}: ${said}. There is no baseline to hold it against.` };
  const [rival, value] = first;
  if (beats(network, value)) return { beatsAll: true, best: "network", text: `The network beats every baseline: its ${name} is ${said}, that of the next best ("${rival}") ${showNumber(value)}.` };
  const good = rivals.filter(([, v]) => !beats(network, v)).map(([who]) => `"${who}"`);
  const text = `The network does NOT beat every baseline: by ${name}, ${good.join(" and ")} ${good.length > 1 ? "are" : "is"} as good or better (${showNumber(value)} against ${said}). ${advice}`;
  return { beatsAll: false, best: value === network ? "network" : rival, text };
}

/** A score in a table: four digits, `–` where there is none. */
export const showNumber = (v: number | null | undefined, digits = 4): string =>
  v === null || v === undefined || Number.isNaN(v) ? "–" : Math.abs(v) >= 1000 ? v.toFixed(1) : v.toPrecision(digits);

/** Columns padded to their widest cell; the first to the left, the others to the right. */
export function layOut(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((r) => r[c]!.length)));
  return rows.map((r) => r.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join("  ").trimEnd()).join("\n");
}
