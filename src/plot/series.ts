/**
 * @file What plots are made of: a line in time, a forecast with its
 * intervals; checked once, and thinned to what a screen can show.
 */
import { SluiceError, showShape } from "../base/errors.ts";

/**
 * Whether a value is drawn: any finite one of a size that arithmetic on axes can bear (float32 ends at 3.4e38). Others are gaps.
 */
export const drawable = (value: number | undefined): boolean => Math.abs(value!) < 1e100;

/** A series over time. A value that is NaN or infinite is a gap. */
export interface Line {
  /** Milliseconds since 1970 (UTC), or step numbers; rising. */
  readonly times: ArrayLike<number>;
  /** As many as `times`. */
  readonly values: ArrayLike<number>;
}

/** A central prediction interval. */
export interface Band {
  /** Share of truths it should hold, between 0 and 1. */
  readonly level: number;
  readonly lower: ArrayLike<number>;
  readonly upper: ArrayLike<number>;
}

/** One target: what was, what is forecast, and what came (where that is known). */
export interface ForecastPanel {
  /** The series' name, as a person would say it. */
  readonly name: string;
  readonly unit?: string;
  readonly history: Line;
  readonly forecast: { readonly times: ArrayLike<number>; readonly point: ArrayLike<number>; readonly bands?: readonly Band[] };
  readonly truth?: Line;
  /** Another forecast to compare with, for example the seasonal naive one. */
  readonly baseline?: Line & { readonly name: string };
}

/** `[time, value]`; the value is NaN in a gap. */
export type Point = [time: number, value: number];
/** `[time, lower, upper]`. */
export type Span = [time: number, lower: number, upper: number];

/**
 * Throws unless every part of the panel fits together: as many values as times, times finite and not falling.
 * @throws shape: different lengths; range: times that fall or are not finite, a level outside 0 to 1
 */
export function checkPanel({ name, history, forecast, truth, baseline }: ForecastPanel, where: string): void {
  const lines: [string, ArrayLike<number>, ArrayLike<number>][] = [
    ["history", history.times, history.values],
    ["forecast", forecast.times, forecast.point],
  ];
  if (truth) lines.push(["truth", truth.times, truth.values]);
  if (baseline) lines.push(["baseline", baseline.times, baseline.values]);
  for (const band of forecast.bands ?? []) {
    if (!(band.level > 0 && band.level < 1))
      throw new SluiceError("range", `${where}: "${name}" has a band of level ${band.level}, expected between 0 and 1`);
    lines.push(["band lower", forecast.times, band.lower], ["band upper", forecast.times, band.upper]);
  }
  for (const [part, times, values] of lines) checkLine(times, values, `${where}: "${name}" ${part}`);
}

/** @throws as `checkPanel` */
export function checkLine(times: ArrayLike<number>, values: ArrayLike<number>, where: string): void {
  if (times.length !== values.length) {
    throw new SluiceError(
      "shape",
      `${where}: values is ${showShape([values.length])}, expected ${showShape([times.length])}; there are that many times`,
    );
  }
  for (let i = 0; i < times.length; i++) {
    if (!(Math.abs(times[i]!) <= 8.64e15) || (i > 0 && times[i]! < times[i - 1]!)) {
      throw new SluiceError(
        "range",
        `${where}: time ${i} is ${times[i]}, expected a time a Date can hold, not below the one before it; sort the rows by time`,
      );
    }
  }
}

/**
 * At most about `limit` points that look the same when drawn: the lowest and the highest of
 * every bucket, in their order, so that no peak is lost. A gap narrower than a bucket is closed.
 */
export function thin({ times, values }: Line, limit: number, from = 0): Point[] {
  const n = times.length - from;
  if (n <= limit) return Array.from({ length: n }, (_, i) => [times[from + i]!, values[from + i]!]);
  const points: Point[] = [];
  const buckets = Math.max(1, Math.floor(limit / 2));
  for (let b = 0; b < buckets; b++) {
    const [begin, end] = bucket(b, buckets, n);
    let low = -1;
    let high = -1;
    for (let i = from + begin; i < from + end; i++) {
      if (!drawable(values[i])) continue;
      if (low < 0 || values[i]! < values[low]!) low = i;
      if (high < 0 || values[i]! > values[high]!) high = i;
    }
    if (low < 0) points.push([times[from + begin]!, Number.NaN]);
    else for (const i of low === high ? [low] : [Math.min(low, high), Math.max(low, high)]) points.push([times[i]!, values[i]!]);
  }
  return points;
}

/** As `thin`, for an interval: the widest of every bucket. */
export function thinBand(times: ArrayLike<number>, { lower, upper }: Band, limit: number): Span[] {
  const n = times.length;
  const count = Math.min(n, limit);
  return Array.from({ length: count }, (_, b): Span => {
    const [begin, end] = bucket(b, count, n);
    let low = Number.NaN;
    let high = Number.NaN;
    for (let i = begin; i < end; i++) {
      if (drawable(lower[i]) && !(lower[i]! >= low)) low = lower[i]!;
      if (drawable(upper[i]) && !(upper[i]! <= high)) high = upper[i]!;
    }
    return [times[begin]!, low, high];
  });
}

/** The half-open part of n items that belongs to bucket b of `count`. */
const bucket = (b: number, count: number, n: number): [number, number] => [
  Math.floor((b * n) / count),
  Math.floor(((b + 1) * n) / count),
];

/**
 * How many of the last history points to draw before a forecast: `context` times the
 * forecast's own length in time, at least 48 points. Returns the index of the first.
 */
export function historyStart(history: Line, forecastTimes: ArrayLike<number>, context: number): number {
  const n = history.times.length;
  if (n === 0 || forecastTimes.length === 0) return 0;
  const split = history.times[n - 1]!;
  const since = split - context * (forecastTimes[forecastTimes.length - 1]! - split);
  let start = n;
  while (start > 0 && (history.times[start - 1]! >= since || n - start < 48)) start--;
  return start;
}

/** Lowest and highest of all drawable numbers; [Infinity, -Infinity] if there are none. */
export function extent(...lists: ArrayLike<number>[]): [low: number, high: number] {
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const v = list[i]!;
      if (!drawable(v)) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  return [low, high];
}

/**
 * Ends of an axis for what lies between `low` and `high`: the same, or some room around a single value, or 0 to 1 around nothing.
 */
export function widened([low, high]: readonly [low: number, high: number]): [low: number, high: number] {
  if (low > high) return [0, 1];
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > Math.max(size * 1e-9, 1e-250)) return [low, high];
  const room = size > 1e-250 ? size * 0.1 : 1;
  return [low - room, high + room];
}
