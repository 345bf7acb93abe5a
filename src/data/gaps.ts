/** @file Fills short gaps so that windows can be fed; long ones stay open. PURE. */
import { SluiceError } from "../base/errors.ts";
import { seasonOf } from "./frequency.ts";
import { historyLength, type SeriesSet } from "./series.ts";

/**
 * What was filled and what stays missing, in cells of all series. Rows after a series' history give what is known of the future: that
 * the rest is empty there is no gap, and is not counted.
 */
export interface GapReport {
  maxGap: number;
  filled: number;
  left: number;
  /** The same by column: targets, past, future. */
  columns: { name: string; filled: number; left: number }[];
}

/**
 * The set with every run of up to `maxGap` missing cells that has a value on both sides filled by a straight line between them.
 * Longer runs, and runs at either end, stay NaN: a window whose inputs touch one is skipped (`windowStarts`).
 * Targets are filled for feeding only: `measured` keeps the NaN, so nothing made up is ever trained towards or scored.
 * @param maxGap in steps, ≥ 0; default: one season of the frequency (a day of hours, a week of days, …)
 * @throws range: `maxGap` is negative or no whole number
 */
export function fillGaps(set: SeriesSet, options: { maxGap?: number } = {}): { set: SeriesSet; report: GapReport } {
  const maxGap = options.maxGap ?? seasonOf(set.freq);
  if (!Number.isInteger(maxGap) || maxGap < 0) {
    throw new SluiceError("range", `fillGaps: maxGap is ${maxGap}, expected a whole number of steps from 0`, { maxGap });
  }
  const columns = [...set.targetNames, ...set.pastNames, ...set.futureNames].map((name) => ({ name, filled: 0, left: 0 }));
  const series = set.series.map((s) => {
    const values = s.values.slice();
    const history = s.future > 0 ? historyLength(s) : s.length;
    columns.forEach((tally, c) => {
      const counts = fillColumn(values, c, s.width, maxGap);
      tally.filled += counts.filled;
      tally.left += counts.left;
      if (c >= s.width - s.future) return;
      for (let t = history; t < s.length; t++) if (Number.isNaN(values[t * s.width + c])) tally.left--;
    });
    return { ...s, values };
  });
  const sum = (key: "filled" | "left") => columns.reduce((n, c) => n + c[key], 0);
  return { set: { ...set, series }, report: { maxGap, filled: sum("filled"), left: sum("left"), columns } };
}

/** Fills column `c` of `values` [T, width] in place; returns how many cells were filled and how many are still missing. */
export function fillColumn(values: Float32Array, c: number, width: number, maxGap: number): { filled: number; left: number } {
  const length = values.length / width;
  let last = -1; // last row with a value
  let filled = 0;
  let known = 0;
  for (let t = 0; t < length; t++) {
    const to = values[t * width + c]!;
    if (Number.isNaN(to)) continue;
    known++;
    const gap = t - last - 1;
    if (last >= 0 && gap > 0 && gap <= maxGap) {
      const from = values[last * width + c]!;
      for (let k = 1; k <= gap; k++) values[(last + k) * width + c] = from + ((to - from) * k) / (gap + 1);
      filled += gap;
    }
    last = t;
  }
  return { filled, left: length - known - filled };
}
