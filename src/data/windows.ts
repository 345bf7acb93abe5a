/** @file Where the windows of a part begin. A window is a row number; the series is never copied. PURE. */
import { SluiceError } from "../base/errors.ts";
import type { Series } from "./series.ts";
import type { Part, Range } from "./split.ts";

export interface WindowOptions {
  /** Input steps, ≥ 1. */
  lookback: number;
  /** Steps to forecast, ≥ 1. */
  horizon: number;
  /** Train windows lie wholly in their range; those of valid and test may look back into the rows before it. */
  part: Part;
  /** Every how many rows a window begins, ≥ 1; default 1. */
  stride?: number;
}

/**
 * First row of the look-back of every usable window, ascending. Rows `start … start + lookback − 1` are the input, the `horizon`
 * rows after them the target, which lies wholly inside `range` (the protocol of Informer, Zhou et al. 2021, arXiv:2012.07436): a
 * part of n rows has n − horizon + 1 windows, the training part n − lookback − horizon + 1. Left out are windows with a NaN
 * among their inputs (any column over the look-back, future covariates over the horizon too), with no measured target at all over
 * the horizon, or that end inside a filled gap: the line that fills it was drawn knowing what comes after.
 * @throws range: a size is not a whole number from 1; the range is not inside the series
 */
export function windowStarts(series: Series, range: Range, { lookback, horizon, part, stride = 1 }: WindowOptions): Int32Array {
  for (const [name, value] of Object.entries({ lookback, horizon, stride })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new SluiceError("range", `windows: ${name} is ${value}, expected a whole number from 1`, { [name]: value });
  }
  const [from, to] = range;
  if (!(from >= 0 && from <= to && to <= series.length)) {
    throw new SluiceError("range", `windows: range is [${from}, ${to}], expected rows inside 0 to ${series.length}`, { range });
  }
  const broken = rowMarks(series, 0, series.width, "values", "any");
  const futureBroken = rowMarks(series, series.width - series.future, series.width, "values", "any");
  const unmeasured = rowMarks(series, 0, series.targets, "measured", "all");
  const first = part === "train" ? from : Math.max(0, from - lookback);
  const starts = new Int32Array(Math.max(0, Math.floor((to - horizon - lookback - first) / stride) + 1));
  let count = 0;
  for (let start = first; start + lookback + horizon <= to; start += stride) {
    const now = start + lookback;
    if (broken[now]! > broken[start]! || futureBroken[now + horizon]! > futureBroken[now]!) continue;
    if (filledAt(series, now - 1)) continue;
    if (unmeasured[now + horizon]! - unmeasured[now]! === horizon) continue;
    starts[count++] = start;
  }
  return starts.slice(0, count);
}

/** Whether some value of row `t` was filled in rather than measured. */
function filledAt({ values, measured, width }: Series, t: number): boolean {
  for (let i = t * width; i < (t + 1) * width; i++) if (Number.isNaN(measured[i]!) && !Number.isNaN(values[i]!)) return true;
  return false;
}

/** [T + 1] running count of rows in which any (or all) of the columns `from … to − 1` is NaN. */
function rowMarks(series: Series, from: number, to: number, key: "values" | "measured", quantifier: "any" | "all"): Uint32Array {
  const marks = new Uint32Array(series.length + 1);
  const data = series[key];
  for (let t = 0; t < series.length; t++) {
    let missing = 0;
    for (let c = from; c < to; c++) if (Number.isNaN(data[t * series.width + c])) missing++;
    marks[t + 1] = marks[t]! + (missing > 0 && (quantifier === "any" || missing === to - from) ? 1 : 0);
  }
  return marks;
}
