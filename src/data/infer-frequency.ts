/** @file Finds the step of a time axis from the times alone, through gaps, jitter and changes of the clock. PURE. */
import { SluiceError } from "../base/errors.ts";
import type { Frequency } from "./frequency.ts";
import { frequency, offGrid, rowFrequency, weekdayFrequency } from "./frequency.ts";
import { daysInMonth } from "./time.ts";

const day = 86_400_000;
/** Steps that clocks are set to, in milliseconds. */
const usual = [
  1,
  1000,
  5000,
  10_000,
  15_000,
  30_000,
  ...[1, 2, 3, 5, 6, 10, 12, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720].map((m) => m * 60_000),
  day,
  7 * day,
];

/**
 * The frequency of `times` (UTC ms, ascending; repeats are allowed) and what had to be decided for it.
 * Months when every time stands on one day of the month or on its last; weekdays when days are daily but for the weekends;
 * otherwise the fixed step that at least 99% of the times lie on within a quarter of it, tried in this order: greatest common
 * divisor, commonest difference, the usual step nearest to the median difference. Times with many breaks that leave out more
 * than half of the steps (a market's hours) count as rows.
 * @throws data: fewer than three different times, or no step fits
 */
export function inferFrequency(times: Float64Array): { freq: Frequency; note?: string } {
  const unique = times.filter((t, i) => i === 0 || t !== times[i - 1]);
  if (unique.length < 3) {
    throw new SluiceError(
      "data",
      `frequency: there are ${unique.length} different times, expected at least 3 to find their step; give it, as in "1h"`,
      {
        times: unique.length,
      },
    );
  }
  const monthly = asMonths(unique);
  if (monthly) return { freq: monthly };
  const differences = Float64Array.from({ length: unique.length - 1 }, (_, i) => unique[i + 1]! - unique[i]!);
  const step = fixedStep(unique, differences);
  if (step === undefined) {
    const median = Float64Array.from(differences).sort()[differences.length >> 1]!;
    throw new SluiceError(
      "data",
      `frequency: the times are irregular (steps from ${showMs(Math.min(...bounds(differences)))} to ${showMs(Math.max(...bounds(differences)))},` +
        ` median ${showMs(median)}), expected one step throughout; give it, as in "1h" (times are moved to the nearest step), or "row" to count rows`,
      { median },
    );
  }
  if (step === day && isWeekdays(unique)) {
    return { freq: weekdayFrequency, note: "no Saturdays or Sundays: steps are weekdays, and holidays are simply absent" };
  }
  const freq = frequency("ms", step);
  let breaks = 0;
  for (const d of differences) if (d > step * 1.5) breaks++;
  const steps = (unique.at(-1)! - unique[0]!) / step + 1;
  if (breaks >= 10 && unique.length < steps / 2) {
    return {
      freq: rowFrequency,
      note: `times are ${freq.name} apart with ${breaks} breaks that leave out over half of the steps: rows are counted`,
    };
  }
  return { freq };
}

/** Least and greatest, without spreading a million arguments. */
function bounds(values: Float64Array): [number, number] {
  let [least, most] = [Infinity, -Infinity];
  for (const v of values) {
    if (v < least) least = v;
    if (v > most) most = v;
  }
  return [least, most];
}

const showMs = (ms: number): string =>
  ms >= 86_400_000 ? `${+(ms / 86_400_000).toFixed(2)} days` : `${+(ms / 1000).toFixed(3)} s`;

function gcd(a: number, b: number): number {
  while (b > 0) [a, b] = [b, a % b];
  return a;
}

/**
 * Calendar months, quarters, years or any other number of months, if every time stands on the same day and clock of its month.
 */
function asMonths(times: Float64Array): Frequency | undefined {
  const dates = Array.from(times.subarray(0, 5000), (t) => new Date(t));
  const first = dates[0]!;
  const sameClock = times.every((t) => (t - times[0]!) % day === 0);
  if (!sameClock) return undefined;
  const sameDay = dates.every((d) => d.getUTCDate() === first.getUTCDate());
  const lastDay = dates.every((d) => d.getUTCDate() === daysInMonth(d.getUTCFullYear(), d.getUTCMonth() + 1));
  if (!sameDay && !lastDay) return undefined;
  const months = dates.map((d) => d.getUTCFullYear() * 12 + d.getUTCMonth());
  const step = months.slice(1).reduce((g, m, i) => gcd(g, m - months[i]!), 0);
  return step > 0 ? frequency("month", step, lastDay) : undefined;
}

function fixedStep(times: Float64Array, differences: Float64Array): number | undefined {
  const counts = new Map<number, number>();
  let common = 0;
  let divisor = 0;
  for (const d of differences) {
    const seen = (counts.get(d) ?? 0) + 1;
    counts.set(d, seen);
    if (seen > (counts.get(common) ?? 0)) common = d;
    divisor = Number.isInteger(d) ? gcd(divisor, d) : Number.NaN;
  }
  const half = differences.length / 2;
  const median = Float64Array.from(differences).sort()[differences.length >> 1]!;
  const nearest = usual.find((u) => Math.abs(median - u) <= 0.05 * u);
  const candidates = [(counts.get(divisor) ?? 0) >= half ? divisor : undefined, common, nearest];
  return candidates.find((step): step is number => step !== undefined && step > 0 && fits(times, differences, step));
}

/** Whether the times lie on a grid of `step`, nearly all of them, and most neighbours are one step apart. */
function fits(times: Float64Array, differences: Float64Array, step: number): boolean {
  const freq: Frequency = { unit: "ms", step, name: "" };
  let on = 0;
  for (const t of times) if (offGrid(times[0]!, t, freq) <= 0.25) on++;
  let single = 0;
  for (const d of differences) if (Math.abs(d - step) <= step / 2) single++;
  return on >= 0.99 * times.length && single >= differences.length / 2;
}

/** Daily times of which two weeks or more have hardly any at a weekend and most weekdays. */
function isWeekdays(times: Float64Array): boolean {
  let weekend = 0;
  for (const t of times) if ([0, 6].includes(new Date(t).getUTCDay())) weekend++;
  const days = (times.at(-1)! - times[0]!) / day + 1;
  return days >= 13 && weekend <= 0.005 * times.length && times.length >= (0.8 * (days * 5)) / 7;
}
