/** @file The step of a series: fixed lengths, calendar months, weekdays, or plain rows. Names, arithmetic, seasons. PURE. */
import { nearNames, SluiceError } from "../base/errors.ts";
import { daysInMonth } from "./time.ts";

/** JSON-safe. A time axis is a start and this. */
export interface Frequency {
  /**
   * "ms": steps of a fixed length; "month": calendar months, so a year is 12; "weekday": Monday to Friday, holidays simply
   * absent; "row": rows are counted and a time is only a label.
   */
  unit: "ms" | "month" | "weekday" | "row";
  /** Length of a step in the unit, ≥ 1. */
  step: number;
  /** Canonical name: "15min", "1h", "1D", "1W", "1M", "1Q", "1Y", "weekday", "row". */
  name: string;
  /** Months are counted between their last days. */
  monthEnd?: boolean;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Spelling → unit and length; the first spelling of a length is its canonical name. */
const spellings: readonly { names: readonly string[]; unit: "ms" | "month"; step: number }[] = [
  { names: ["ms", "millisecond", "milliseconds"], unit: "ms", step: 1 },
  { names: ["s", "S", "sec", "second", "seconds", "secondly"], unit: "ms", step: second },
  { names: ["min", "T", "mins", "minute", "minutes", "minutely"], unit: "ms", step: minute },
  { names: ["h", "H", "hr", "hour", "hours", "hourly"], unit: "ms", step: hour },
  { names: ["D", "d", "day", "days", "daily"], unit: "ms", step: day },
  { names: ["W", "w", "week", "weeks", "weekly"], unit: "ms", step: 7 * day },
  { names: ["M", "MS", "ME", "month", "months", "monthly"], unit: "month", step: 1 },
  { names: ["Q", "q", "QS", "QE", "quarter", "quarters", "quarterly"], unit: "month", step: 3 },
  { names: ["Y", "y", "A", "YS", "YE", "year", "years", "yearly", "annual"], unit: "month", step: 12 },
];

export const rowFrequency: Frequency = { unit: "row", step: 1, name: "row" };
export const weekdayFrequency: Frequency = { unit: "weekday", step: 1, name: "weekday" };

/** The frequency of `step` units under its canonical name. */
export function frequency(unit: "ms" | "month", step: number, monthEnd = false): Frequency {
  const whole = spellings.filter((s) => s.unit === unit && step % s.step === 0).at(-1)!;
  // A name may say weeks only when it is whole ones; 14 days is "2W", 10 days "10D".
  return { unit, step, name: `${step / whole.step}${whole.names[0]}`, ...(monthEnd ? { monthEnd } : {}) };
}

/**
 * The frequency written as `15min`, `1h`, `H`, `D`, `2W`, `M`, `Q`, `Y`, `weekday` (also B), `row`, or in words (hourly, daily,
 * …).
 * @throws usage: not one of them
 */
export function parseFrequency(text: string): Frequency {
  const trimmed = text.trim();
  if (/^(rows?|index|none)$/i.test(trimmed)) return rowFrequency;
  if (/^(B|weekdays?|business[- ]?days?)$/i.test(trimmed)) return weekdayFrequency;
  const parts = /^(\d*)\s*([A-Za-z]+)$/.exec(trimmed);
  const word = parts?.[2] ?? "";
  const count = parts?.[1] ? Number(parts[1]) : 1;
  const found = spellings.find((s) => s.names.includes(word) || (word.length > 2 && s.names.includes(word.toLowerCase())));
  if (found && Number.isSafeInteger(count * found.step) && count >= 1) {
    return frequency(found.unit, count * found.step, /^[MQY]E$/.test(word));
  }
  const known = [...spellings.flatMap((s) => s.names), "weekday", "row"];
  const near = word === "m" ? ["min", "M"] : found || word === "" ? [] : nearNames(word, known);
  throw new SluiceError(
    "usage",
    `frequency: it is "${text}", expected a count and one of ms, s, min, h, D, W, M, Q, Y (such as "15min"), or "weekday", or "row"` +
      (near.length > 0 ? `. Did you mean ${near.map((n) => `"${n}"`).join(" or ")}?` : ""),
    { frequency: text, near },
  );
}

/** Months since year 0 and whether `ms` is in a month's last day. */
function monthOf(ms: number): { index: number; day: number; last: boolean; rest: number } {
  const d = new Date(ms);
  const [y, m, dom] = [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()];
  return { index: y * 12 + m, day: dom, last: dom === daysInMonth(y, m + 1), rest: ((ms % day) + day) % day };
}

/**
 * The moment `n` steps after `time` (before, if negative). Months keep the day of `time`, or the month's last day where it has
 * fewer.
 */
export function addSteps(time: number, freq: Frequency, n: number): number {
  if (freq.unit === "row") return time + n;
  if (freq.unit === "ms") return time + n * freq.step;
  if (freq.unit === "weekday") return addWeekdays(time, n);
  const from = monthOf(time);
  const index = from.index + n * freq.step;
  const [y, m] = [Math.floor(index / 12), index - Math.floor(index / 12) * 12];
  const most = daysInMonth(y, m + 1);
  return Date.UTC(y, m, freq.monthEnd ? most : Math.min(from.day, most)) + from.rest;
}

/** Whole steps from `a` to `b`, to the nearest. */
export function stepsBetween(a: number, b: number, freq: Frequency): number {
  if (freq.unit === "row") return b - a;
  if (freq.unit === "ms") return Math.round((b - a) / freq.step);
  if (freq.unit === "weekday") return weekdaysBefore(b) - weekdaysBefore(a);
  return Math.round((monthOf(b).index - monthOf(a).index) / freq.step);
}

/** Weekdays from Monday 29 December 1969 to the day of `ms`; Saturday and Sunday count as the Monday after. */
function weekdaysBefore(ms: number): number {
  const days = Math.floor(ms / day) + 3;
  const week = Math.floor(days / 7);
  return week * 5 + Math.min(days - week * 7, 5);
}

function addWeekdays(time: number, n: number): number {
  const target = weekdaysBefore(time) + n;
  const week = Math.floor(target / 5);
  const rest = ((time % day) + day) % day;
  return (week * 7 + (target - week * 5) - 3) * day + rest;
}

/**
 * How far `time` lies from its step of the grid that begins at `start`, as a part of a step (0 to 0.5). Rows and weekdays are
 * always 0.
 */
export function offGrid(start: number, time: number, freq: Frequency): number {
  if (freq.unit === "row" || freq.unit === "weekday") return 0;
  const near = addSteps(start, freq, stepsBetween(start, time, freq));
  return Math.abs(time - near) / (freq.unit === "ms" ? freq.step : freq.step * 30 * day);
}

/**
 * Steps after which the pattern repeats, shortest first: hour, day, week and year for clock steps; week and year for days; the
 * year for months; the week for weekdays. Only lengths of 2 steps or more.
 */
export function seasonCandidates(freq: Frequency): number[] {
  if (freq.unit === "row") return [];
  if (freq.unit === "weekday") return [5, 261];
  const cycles = freq.unit === "month" ? [12] : [hour, day, 7 * day];
  const steps = cycles.filter((c) => c % freq.step === 0).map((c) => c / freq.step);
  if (freq.unit === "ms" && freq.step <= 28 * day) steps.push(Math.round((365.2425 * day) / freq.step));
  return [...new Set(steps)].filter((s) => s >= 2).sort((a, b) => a - b);
}

/**
 * The season to assume when nothing is known: the day for steps under a day (96, 48, 24, …), the week for days (7), the year for
 * weeks, months and quarters (52, 12, 4), five weekdays; the hour or minute where a day would be over 1,440 steps; 1 = none.
 */
export function seasonOf(freq: Frequency): number {
  if (freq.unit === "row") return 1;
  if (freq.unit === "weekday") return 5;
  if (freq.unit === "month") return 12 % freq.step === 0 ? 12 / freq.step : 1;
  if (freq.step === 7 * day) return 52;
  const cycle = [7 * day, day, hour, minute].find(
    (c) => (c < 7 * day || freq.step >= day) && c % freq.step === 0 && c / freq.step <= 1440,
  );
  return cycle === undefined ? 1 : cycle / freq.step;
}
