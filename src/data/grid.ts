/** @file Puts the rows of one series on a regular time axis: duplicates joined, absent steps as NaN rows. PURE. */
import { showBytes, SluiceError } from "../base/errors.ts";
import type { Feature } from "./features.ts";
import type { Frequency } from "./frequency.ts";
import { addSteps, offGrid, stepsBetween } from "./frequency.ts";
import type { Table } from "./table.ts";
import { place } from "./table.ts";

/** What laying on the grid had to repair. */
export interface GridTally {
  duplicates: number;
  averaged: number;
  gaps: number;
  gapRows: number;
  longest: number;
  moved: number;
  /** First place of each repair. */
  places: { duplicate?: string; averaged?: string; gap?: string; moved?: string };
}

export const emptyTally = (): GridTally => ({
  duplicates: 0,
  averaged: 0,
  gaps: 0,
  gapRows: 0,
  longest: 0,
  moved: 0,
  places: {},
});

/** A series may take this many bytes; above it the frequency is most likely wrong. */
const mostBytes = 2 ** 31;

/**
 * Times [T] and values [T, C] of the rows given, which are sorted by time. With weekdays and rows the axis is the different
 * times themselves.
 * @throws memory: the grid would be over 2 GB
 */
export function layOnGrid(
  table: Table,
  rows: Uint32Array,
  times: Float64Array,
  features: readonly Feature[],
  freq: Frequency,
  tally: GridTally,
): { times: Float64Array; values: Float32Array } {
  const regular = freq.unit === "ms" || freq.unit === "month";
  const start = times[rows[0]!]!;
  const slots = new Uint32Array(rows.length); // grid row of each table row
  for (let i = 1; i < rows.length; i++) {
    const time = times[rows[i]!]!;
    const before = slots[i - 1]!;
    if (!regular) slots[i] = before + (time > times[rows[i - 1]!]! ? 1 : 0);
    else {
      slots[i] = stepsBetween(start, time, freq);
      const gap = slots[i]! - before - 1;
      if (gap > 0) {
        tally.gaps++;
        tally.gapRows += gap;
        tally.longest = Math.max(tally.longest, gap);
        tally.places.gap ??= place(table, rows[i - 1]!);
      }
      if (offGrid(start, time, freq) > 1e-6) {
        tally.moved++;
        tally.places.moved ??= place(table, rows[i]!);
      }
    }
  }
  const length = slots.at(-1)! + 1;
  const width = features.length;
  if (length * width * 4 > mostBytes) {
    throw new SluiceError(
      "memory",
      `${table.source}: a row every ${freq.name} makes ${length} rows of ${width} columns, ${showBytes(length * width * 4)}, expected at most ` +
        `${showBytes(mostBytes)}; give a coarser frequency, or "row"`,
      { rows: length, columns: width },
    );
  }
  const values = new Float32Array(length * width).fill(Number.NaN);
  const axis = new Float64Array(length);
  if (regular) for (let t = 0; t < length; t++) axis[t] = addSteps(start, freq, t);
  for (let i = 0; i < rows.length; ) {
    const slot = slots[i]!;
    let end = i + 1;
    while (end < rows.length && slots[end] === slot) end++;
    if (!regular) axis[slot] = times[rows[i]!]!;
    if (end - i > 1) joinDuplicates(table, rows.subarray(i, end), features, values.subarray(slot * width), tally);
    else for (let c = 0; c < width; c++) values[slot * width + c] = features[c]!.values[rows[i]!]!;
    i = end;
  }
  return { times: axis, values };
}

/** Writes the mean of rows of one time, missing cells aside, into `out` [C]. */
function joinDuplicates(
  table: Table,
  rows: Uint32Array,
  features: readonly Feature[],
  out: Float32Array,
  tally: GridTally,
): void {
  const same = features.every(({ values }) => rows.every((row) => Object.is(values[row], values[rows[0]!])));
  if (same) {
    tally.duplicates += rows.length - 1;
    tally.places.duplicate ??= place(table, rows[1]!);
  } else {
    tally.averaged += rows.length - 1;
    tally.places.averaged ??= place(table, rows[1]!);
  }
  features.forEach(({ values }, c) => {
    let sum = 0;
    let count = 0;
    for (const row of rows) {
      if (Number.isNaN(values[row])) continue;
      sum += values[row]!;
      count++;
    }
    out[c] = same ? values[rows[0]!]! : sum / count; // 0/0 is NaN: missing in all
  });
}

/** The tally as sentences for the report. */
export function gridNotes(t: GridTally, freq: Frequency): string[] {
  const n = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;
  const notes: string[] = [];
  if (t.moved > 0)
    notes.push(`${n(t.moved, "time")} off the grid of ${freq.name} moved to the nearest step (first at ${t.places.moved})`);
  if (t.duplicates > 0) notes.push(`${n(t.duplicates, "identical duplicate row")} dropped (first at ${t.places.duplicate})`);
  if (t.averaged > 0) notes.push(`${n(t.averaged, "duplicate row")} with other values averaged (first at ${t.places.averaged})`);
  if (t.gaps > 0)
    notes.push(
      `${n(t.gaps, "gap")} of ${n(t.gapRows, "absent row")} in all, the longest ${t.longest} (first after ${t.places.gap})`,
    );
  return notes;
}
