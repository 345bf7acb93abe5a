/** @file Chronological parts of a series: train, then valid, then test. Never shuffled, never overlapping. PURE. */
import { SluiceError } from "../base/errors.ts";
import { formatTime, parseTimes } from "./time.ts";

/** Rows from the first (included) to the second (excluded). */
export type Range = readonly [from: number, to: number];

export interface Split {
  train: Range;
  valid: Range;
  test: Range;
}

export type Part = keyof Split;

/** How to cut: rows of each part, parts of the whole, or the times at which valid and test begin (UTC ms). */
export type SplitSpec =
  | { by: "counts"; train: number; valid: number; test: number }
  | { by: "fractions"; train: number; valid: number; test: number }
  | { by: "dates"; valid: number; test: number };

const due = 'expected rows ("8640,2880,2880"), parts (".7,.1,.2") or the dates valid and test begin ("2017-07-01,2017-10-01")';

/**
 * @param text three counts, three fractions that sum to at most 1, or two dates
 * @throws usage: anything else
 */
export function parseSplit(text: string): SplitSpec {
  const cells = text.split(",").map((cell) => cell.trim());
  const refuse = (why: string) => new SluiceError("usage", `split: it is "${text}"${why}, ${due}`, { split: text });
  if (cells.length === 2) {
    let times: Float64Array;
    try {
      times = parseTimes(cells).times;
    } catch (cause) {
      throw new SluiceError("usage", `split: it is "${text}", ${due}`, { split: text }, { cause });
    }
    if (!(times[0]! < times[1]!)) throw refuse(", its second date is not after the first");
    return { by: "dates", valid: times[0]!, test: times[1]! };
  }
  const numbers = cells.map((cell) => (cell === "" ? Number.NaN : Number(cell)));
  const [train, valid, test] = numbers as [number, number, number];
  if (numbers.length !== 3 || !numbers.every((n) => Number.isFinite(n) && n >= 0) || !(train > 0)) throw refuse("");
  if (numbers.every((n) => n <= 1) && !(train === 1 && valid + test >= 1)) {
    if (train + valid + test > 1 + 1e-9) throw refuse(`, which sums to ${+(train + valid + test).toFixed(6)}`);
    return { by: "fractions", train, valid, test };
  }
  if (!numbers.every(Number.isInteger)) throw refuse(", a mixture of rows and parts");
  return { by: "counts", train, valid, test };
}

/**
 * The parts of one series. Without a `spec`: .7, .1, .2, where valid and test hold at least a horizon, and two if that leaves
 * them under 15% of the rows.
 * @param series its `length` and `times`
 * @throws usage: sizes below 0, fractions that sum to more than 1, dates out of order
 * @throws data: the series has fewer rows than the counts ask for, or a date leaves a part without rows
 */
export function splitSeries(series: { length: number; times: Float64Array; id?: string }, spec?: SplitSpec, horizon = 1): Split {
  const n = series.length;
  const who = series.id ? `split of series "${series.id}"` : "split";
  if (spec === undefined) {
    const least = Math.max(horizon, Math.min(2 * horizon, Math.floor(0.15 * n)));
    const test = Math.min(n, Math.max(Math.round(0.2 * n), least));
    const valid = Math.min(n - test, Math.max(Math.round(0.1 * n), least));
    return ranges(n - valid - test, valid, test);
  }
  if (!isSplit(spec)) throw new SluiceError("usage", `${who}: it is ${JSON.stringify(spec)}, ${due}`, { split: spec });
  if (spec.by === "counts") {
    const need = spec.train + spec.valid + spec.test;
    if (need > n)
      throw new SluiceError(
        "data",
        `${who}: the series has ${n} rows, expected at least ${need} = ${spec.train} + ${spec.valid} + ${spec.test}`,
        { rows: n, need },
      );
    return ranges(spec.train, spec.valid, spec.test);
  }
  if (spec.by === "fractions") {
    const train = Math.round(spec.train * n);
    const valid = Math.round((spec.train + spec.valid) * n) - train;
    const end = Math.min(n, Math.round((spec.train + spec.valid + spec.test) * n));
    return ranges(train, valid, end - train - valid);
  }
  const rowOf = (time: number): number => {
    const row = series.times.findIndex((t) => t >= time);
    return row < 0 ? n : row;
  };
  const [valid, test] = [rowOf(spec.valid), rowOf(spec.test)];
  if (valid === 0 || valid === test || test === n) {
    const part = valid === 0 ? "train" : valid === test ? "valid" : "test";
    throw new SluiceError(
      "data",
      `${who}: ${part} has no rows, expected dates inside ${formatTime(series.times[0]!)} to ${formatTime(series.times[n - 1]!)}; ` +
        `valid begins ${formatTime(spec.valid)}, test ${formatTime(spec.test)}`,
      { part },
    );
  }
  return ranges(valid, test - valid, n - test);
}

/** Whether a spec that may come from a file can be meant. */
function isSplit(spec: SplitSpec): boolean {
  if (spec.by === "dates") return Number.isFinite(spec.valid) && Number.isFinite(spec.test) && spec.valid < spec.test;
  const { by, train, valid, test } = spec;
  const sizes = [train, valid, test];
  if (by === "counts") return sizes.every((n) => Number.isSafeInteger(n) && n >= 0);
  return by === "fractions" && sizes.every((n) => Number.isFinite(n) && n >= 0) && train + valid + test <= 1 + 1e-9;
}

const ranges = (train: number, valid: number, test: number): Split => ({
  train: [0, train],
  valid: [train, train + valid],
  test: [train + valid, train + valid + test],
});
