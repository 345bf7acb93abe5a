/**
 * @file Where a moment stands in its hour, day, week and year, as points on a circle, so that midnight is next to 23:59. PURE,
 * browser-safe.
 */
import type { Frequency } from "./frequency.ts";

const minute = 60_000;
const day = 86_400_000;

interface Cycle {
  name: string;
  /** Whether steps of this frequency move within the cycle. */
  fits: (freq: Frequency) => boolean;
  /** Place in the cycle, 0 ≤ phase < 1. */
  phase: (ms: number) => number;
}

const clock = (freq: Frequency, least: number, most: number): boolean =>
  freq.unit === "ms" && freq.step >= least && freq.step < most;
const wrap = (ms: number, period: number): number => (((ms % period) + period) % period) / period;

const cycles: readonly Cycle[] = [
  { name: "hour", fits: (f) => clock(f, 0, 60 * minute), phase: (ms) => wrap(ms, 60 * minute) },
  { name: "day", fits: (f) => clock(f, 0, day), phase: (ms) => wrap(ms, day) },
  // 1 January 1970 was a Thursday: Monday is three days earlier.
  { name: "week", fits: (f) => f.unit === "weekday" || clock(f, 0, 7 * day), phase: (ms) => wrap(ms + 3 * day, 7 * day) },
  {
    name: "year",
    fits: (f) => f.unit === "weekday" || clock(f, minute, 180 * day) || (f.unit === "month" && f.step < 12),
    phase: yearPhase,
  },
];

function yearPhase(ms: number): number {
  const y = new Date(ms).getUTCFullYear();
  const start = Date.UTC(y, 0, 1);
  return (ms - start) / (Date.UTC(y + 1, 0, 1) - start);
}

/**
 * Names of the calendar features a frequency calls for, two per cycle (`day.sin`, `day.cos`): hour below hourly steps, day below
 * daily, week up to daily and for weekdays, year from minutes to months. None for rows, years, or anything without a clock.
 */
export function calendarNames(freq: Frequency): string[] {
  return cycles.filter((c) => c.fits(freq)).flatMap((c) => [`${c.name}.sin`, `${c.name}.cos`]);
}

/**
 * Calendar features of `times` (UTC ms): sine and cosine of the place in each cycle, in [−1, 1].
 * @returns `values` [T, F] row-major in the order of `names`
 */
export function calendarFeatures(times: Float64Array, freq: Frequency): { names: string[]; values: Float32Array } {
  const used = cycles.filter((c) => c.fits(freq));
  const width = used.length * 2;
  const values = new Float32Array(times.length * width);
  for (let t = 0; t < times.length; t++) {
    used.forEach((cycle, k) => {
      const angle = 2 * Math.PI * cycle.phase(times[t]!);
      values[t * width + 2 * k] = Math.sin(angle);
      values[t * width + 2 * k + 1] = Math.cos(angle);
    });
  }
  return { names: calendarNames(freq), values };
}
