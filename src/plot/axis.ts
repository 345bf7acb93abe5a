/**
 * @file Axes a person can read: times in UTC with the date only where it changes, numbers with a true minus and no false digits.
 */
import { type ScaleLinear, type ScaleLogarithmic, scaleLinear, scaleUtc } from "d3-scale";
import { label, rule, textWidth } from "./svg.ts";

/** Where a label stands, and under it what it belongs to (the day of an hour, the year of a month) where that changes. */
export interface Tick {
  readonly x: number;
  readonly text: string;
  readonly context?: string;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number): string => String(n).padStart(2, "0");

/** `3 Jan 2017`, or with the time of day when it is not midnight; UTC. */
export function showTime(time: number): string {
  const t = new Date(time);
  const day = `${dayOf(t)} ${t.getUTCFullYear()}`;
  return time % 86_400_000 === 0 ? day : `${day} ${clockOf(t)}`;
}
const dayOf = (t: Date): string => `${t.getUTCDate()} ${months[t.getUTCMonth()]}`;
const clockOf = (t: Date): string => `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;

/** The coarsest unit that tells these times apart decides what is written large and what is written under it. */
function wording(times: readonly Date[]): (t: Date) => [text: string, context: string] {
  const all = (test: (t: Date) => boolean): boolean => times.every(test);
  const year = (t: Date): string => String(t.getUTCFullYear());
  if (all((t) => t.getTime() % 86_400_000 === 0)) {
    if (all((t) => t.getUTCDate() === 1 && t.getUTCMonth() === 0)) return (t) => [year(t), ""];
    if (all((t) => t.getUTCDate() === 1)) return (t) => [months[t.getUTCMonth()]!, year(t)];
    return (t) => [dayOf(t), year(t)];
  }
  const date = (t: Date): string => `${dayOf(t)} ${year(t)}`;
  if (all((t) => t.getTime() % 60_000 === 0)) return (t) => [clockOf(t), date(t)];
  if (all((t) => t.getTime() % 1000 === 0)) return (t) => [`${clockOf(t)}:${two(t.getUTCSeconds())}`, date(t)];
  return (t) => [`${two(t.getUTCSeconds())}.${String(t.getUTCMilliseconds()).padStart(3, "0")} s`, `${date(t)} ${clockOf(t)}`];
}

/**
 * Ticks of a time axis from `x0` to `x1` pixels. Labels never touch: of two that would, the later one with news under it stays.
 */
export function timeTicks(domain: readonly [number, number], x0: number, x1: number): Tick[] {
  const scale = scaleUtc([new Date(domain[0]), new Date(domain[1])], [x0, x1]);
  const times = scale.ticks(Math.max(2, Math.floor((x1 - x0) / 85)));
  const words = wording(times);
  const ticks: { x: number; text: string; context?: string }[] = [];
  let current = "";
  for (const time of times) {
    const x = scale(time);
    const [text, context] = words(time);
    const last = ticks.at(-1);
    if (last && x - last.x < (textWidth(last.text) + textWidth(text)) / 2 + 6) continue; // the 31st, just before the 1st
    const news = context !== current && context !== "";
    current = context;
    const lastNews = news ? ticks.findLast((tick) => tick.context) : undefined;
    if (lastNews && x - lastNews.x < (textWidth(lastNews.context!) + textWidth(context)) / 2 + 8) lastNews.context = undefined;
    ticks.push({ x, text, ...(news && { context }) });
  }
  return ticks;
}

/** Ticks of an axis of whole numbers (training steps). */
export function numberTicks(domain: readonly [number, number], x0: number, x1: number): Tick[] {
  const scale = scaleLinear(domain, [x0, x1]);
  const count = Math.max(2, Math.floor((x1 - x0) / 90));
  const format = numberFormat(scale, Math.min(count, domain[1] - domain[0]));
  return scale
    .ticks(count)
    .filter(Number.isInteger)
    .map((value) => ({ x: scale(value), text: format(value) }));
}

/** How to write the tick values of `scale`: 1,000 and 0.05; 2.5M above a million; 2e−7 below a thousandth. */
export function numberFormat(scale: ScaleLinear<number, number>, count: number): (value: number) => string {
  const [a, b] = scale.domain() as [number, number];
  const largest = Math.max(Math.abs(a), Math.abs(b));
  const format = scale.tickFormat(count, largest >= 1e15 || largest < 1e-3 ? "~g" : largest >= 1e6 ? "~s" : undefined);
  return (value) => (value === 0 ? "0" : format(value).replaceAll("-", "−").replace("G", "B"));
}

/**
 * Three digits of one number, for labels that stand alone: `12.3`, `0.0457`, `1,234`, `2.5e−7`.
 * @param zeros keep those at the end (`0.100`), as numbers in a column should
 */
export function showNumber(value: number, zeros = false): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text =
    size !== 0 && (size < 1e-4 || size >= 1e9)
      ? value.toExponential(1)
      : size >= 1000
        ? Math.round(value).toLocaleString("en-US")
        : zeros
          ? value.toPrecision(3)
          : String(Number(value.toPrecision(3)));
  return text.replaceAll("-", "−");
}

/** The y axis: a grid line and a label for each tick. */
export function yAxis(
  scale: ScaleLinear<number, number> | ScaleLogarithmic<number, number>,
  ticks: readonly number[],
  format: (v: number) => string,
  x0: number,
  x1: number,
): string {
  return ticks
    .map(
      (value) =>
        rule(x0, scale(value), x1, scale(value), "grid") +
        label(x0 - 8, scale(value) + 4, format(value), { anchor: "end", className: "muted" }),
    )
    .join("");
}

/** The x axis' labels below `y`, kept inside a picture `width` wide; takes 22 pixels, 38 with contexts. */
export function xAxis(ticks: readonly Tick[], y: number, width: number): string {
  const put = (x: number, dy: number, text: string, className: string): string => {
    const half = textWidth(text) / 2 + 2;
    return label(Math.min(Math.max(x, half), width - half), y + dy, text, { anchor: "middle", className });
  };
  return ticks.map(({ x, text, context }) => put(x, 18, text, "muted") + (context ? put(x, 34, context, "ink") : "")).join("");
}
