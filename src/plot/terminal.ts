/**
 * @file Plots for a terminal. A braille letter is a grid of 2 × 4 dots, so a line of 60 letters shows 120 points in time;
 * intervals are shown as light shade, the truth as the letter o where the forecast is not. Without colours unless asked.
 */

import { scaleLinear } from "d3-scale";
import { numberFormat, showTime } from "./axis.ts";
import { checkPanel, drawable, extent, type ForecastPanel, historyStart, thin, widened } from "./series.ts";

export interface TerminalOptions {
  /** Letters in a row, at least 40; 80 unless given. */
  readonly columns?: number;
  /** Rows of the plot itself, at least 4; 12 unless given. */
  readonly rows?: number;
  /** ANSI colours. Off unless given. */
  readonly colour?: boolean;
  /** As in `forecastSvg`. */
  readonly context?: number;
  readonly axis?: "time" | "step";
}

/** What a cell belongs to, weakest first: a stronger one takes the cell over. */
const kinds = ["band", "history", "forecast", "truth"] as const;
type Kind = (typeof kinds)[number];
const paint: Record<Kind, string> = { band: "2;34", history: "", forecast: "1;34", truth: "33" };

/** Bit of the dot in column 0–1, row 0–3 of a braille letter (Unicode block U+2800). */
const dots = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** Letters with dots in them; each cell belongs to one kind. */
class Canvas {
  readonly #bits: Uint8Array;
  readonly #kind: Int8Array;
  readonly #mark: string[];
  constructor(
    readonly columns: number,
    readonly rows: number,
  ) {
    this.#bits = new Uint8Array(columns * rows);
    this.#kind = new Int8Array(columns * rows).fill(-1);
    this.#mark = Array.from({ length: columns * rows }, () => "");
  }

  /** Sets the dot at x in [0, 2·columns), y in [0, 4·rows). */
  dot(x: number, y: number, kind: Kind): void {
    if (x < 0 || y < 0 || x >= this.columns * 2 || y >= this.rows * 4) return;
    const cell = (y >> 2) * this.columns + (x >> 1);
    this.#bits[cell]! |= dots[x & 1]![y & 3]!;
    this.#kind[cell] = Math.max(this.#kind[cell]!, kinds.indexOf(kind));
  }

  /** Puts a letter where nothing is yet. */
  mark(column: number, row: number, letter: string, kind: Kind): void {
    const cell = row * this.columns + column;
    if (column < 0 || row < 0 || column >= this.columns || row >= this.rows || this.#bits[cell] || this.#mark[cell]) return;
    this.#mark[cell] = letter;
    this.#kind[cell] = kinds.indexOf(kind);
  }

  row(row: number, colour: boolean): string {
    let out = "";
    let now = "";
    for (let cell = row * this.columns; cell < (row + 1) * this.columns; cell++) {
      const next = colour && this.#kind[cell]! >= 0 ? paint[kinds[this.#kind[cell]!]!] : "";
      if (next !== now) out += `\x1b[${next || "0"}m`;
      now = next;
      out += this.#bits[cell] ? String.fromCharCode(0x2800 + this.#bits[cell]!) : this.#mark[cell] || " ";
    }
    return now ? `${out}\x1b[0m` : out.trimEnd();
  }
}

/**
 * A plot of a forecast after the end of its history, with the y axis at
 * the left, times below and a legend; no line is longer than `columns`.
 * @throws shape, range: parts that do not fit together, see `checkPanel`
 */
export function forecastText(
  panel: ForecastPanel,
  { columns = 80, rows = 12, colour = false, context = 4, axis = "time" }: TerminalOptions = {},
): string {
  checkPanel(panel, "forecastText");
  const { history, forecast, truth } = panel;
  const height = Math.max(4, Math.floor(rows));
  const start = historyStart(history, forecast.times, context);
  const past = { times: Array.from(history.times).slice(start), values: Array.from(history.values).slice(start) };
  const band = forecast.bands?.toSorted((a, b) => b.level - a.level)[0];
  let [low, high] = widened(extent(past.values, forecast.point, truth?.values ?? []));
  if (band) {
    const [bandLow, bandHigh] = extent(band.lower, band.upper);
    const room = high - low;
    [low, high] = [Math.max(Math.min(low, bandLow), low - room), Math.min(Math.max(high, bandHigh), high + room)];
  }
  const format = numberFormat(scaleLinear([low, high], [0, 1]), height / 2);
  const labelled = (row: number): string =>
    row === 0
      ? format(high)
      : row === height - 1
        ? format(low)
        : row === height >> 1
          ? format(high - ((high - low) * row) / (height - 1))
          : "";
  const margin = Math.max(...Array.from({ length: height }, (_, row) => labelled(row).length)) + 2;
  const canvas = new Canvas(Math.max(40, Math.floor(columns)) - margin, height);

  const [first, last] = extent(past.times, forecast.times, truth?.times ?? []);
  const x = scaleLinear([first, last > first ? last : first + 1], [0, canvas.columns * 2 - 1]);
  const y = scaleLinear([low, high], [height * 4 - 1, 0]);
  const curve = (times: ArrayLike<number>, values: ArrayLike<number>, kind: Kind): void => {
    let before: [number, number] | undefined;
    for (const [t, v] of thin({ times, values }, canvas.columns * 8)) {
      const here: [number, number] | undefined = drawable(v) ? [Math.round(x(t)), Math.round(y(v))] : undefined;
      if (here) stroke(before ?? here, here, (px, py) => canvas.dot(px, py, kind));
      before = here;
    }
  };
  curve(past.times, past.values, "history");
  curve(forecast.times, forecast.point, "forecast");
  if (truth) {
    for (let i = 0; i < truth.times.length; i++) {
      if (drawable(truth.values[i]))
        canvas.mark(Math.round(x(truth.times[i]!)) >> 1, Math.round(y(truth.values[i]!)) >> 2, "o", "truth");
    }
  }
  if (past.times.length > 0) {
    const split = Math.round(x(past.times.at(-1)!)) >> 1;
    for (let row = 0; row < height; row++) canvas.mark(split, row, "┊", "band");
  }
  if (band) shade(canvas, forecast.times, band.lower, band.upper, x, y);

  const lines = Array.from({ length: height }, (_, row) => `${labelled(row).padStart(margin - 2)} ┤${canvas.row(row, colour)}`);
  const show = (time: number): string => (axis === "time" ? showTime(time) : `step ${time}`);
  const [from, to] = [show(first), show(last)];
  const between = canvas.columns - from.length - to.length;
  const ends = " ".repeat(margin) + (between > 0 ? from + " ".repeat(between) + to : to.padStart(canvas.columns));
  const words: [Kind, string][] = [
    ["history", "⠒⠒ history"],
    ["forecast", "⠒⠒ forecast after ┊"],
  ];
  if (truth) words.push(["truth", "o what came"]);
  if (band) words.push(["band", `░ ${Math.round(band.level * 1000) / 10}% interval`]);
  const key = [""];
  let used = 0;
  for (const [kind, text] of words) {
    if (used > 0 && used + 3 + text.length > canvas.columns) {
      key.push("");
      used = 0;
    }
    const painted = colour && paint[kind] ? `\x1b[${paint[kind]}m${text}\x1b[0m` : text;
    key[key.length - 1] += (used > 0 ? "   " : " ".repeat(margin)) + painted;
    used += (used > 0 ? 3 : 0) + text.length;
  }
  const name = panel.unit ? `${panel.name} (${panel.unit})` : panel.name;
  return [plain(name, Math.max(40, Math.floor(columns))), ...lines, Number.isFinite(first) ? ends : "", ...key].join("\n");
}

/** Light shade in every empty cell between the bounds. */
function shade(
  canvas: Canvas,
  times: ArrayLike<number>,
  lower: ArrayLike<number>,
  upper: ArrayLike<number>,
  x: (t: number) => number,
  y: (v: number) => number,
): void {
  const n = times.length;
  for (let column = 0; column < canvas.columns; column++) {
    // The forecast time nearest to this column; none for the columns of the history.
    let near = -1;
    for (let i = 0; i < n; i++)
      if (near < 0 || Math.abs(x(times[i]!) - column * 2) < Math.abs(x(times[near]!) - column * 2)) near = i;
    if (near < 0 || x(times[0]!) > column * 2 + 1 || !drawable(lower[near]) || !drawable(upper[near])) continue;
    for (
      let row = Math.max(0, Math.round(y(upper[near]!)) >> 2);
      row <= Math.min(canvas.rows - 1, Math.round(y(lower[near]!)) >> 2);
      row++
    )
      canvas.mark(column, row, "░", "band");
  }
}

/** Every dot on the straight way from `a` to `b` (Bresenham 1965). */
function stroke([x0, y0]: [number, number], [x1, y1]: [number, number], dot: (x: number, y: number) => void): void {
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
  for (let i = 0; i <= steps; i++) dot(Math.round(x0 + ((x1 - x0) * i) / steps), Math.round(y0 + ((y1 - y0) * i) / steps));
}

/**
 * One line of a name that came from a file: no control characters
 * (an escape sequence would run in the terminal), cut to `columns`.
 */
const plain = (text: string, columns: number): string => {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Surrogate}]/gu, "\ufffd");
  return clean.length > columns ? `${clean.slice(0, columns - 1)}…` : clean;
};

/**
 * One letter a value, ▁ the lowest to █ the highest; a space where there is no finite number; ▄ when all are equal.
 * @param columns if given, at most so many letters: the mean of each run of values
 */
export function sparkline(values: ArrayLike<number>, columns: number = values.length): string {
  const all = Array.from(values);
  const count = Math.min(all.length, Math.max(1, Math.floor(columns)));
  const means = Array.from({ length: count }, (_, c) => {
    const part = all.slice(Math.floor((c * all.length) / count), Math.floor(((c + 1) * all.length) / count)).filter(drawable);
    return part.reduce((sum, v) => sum + v, 0) / part.length;
  });
  const [low, high] = extent(means);
  return means
    .map((v) => (drawable(v) ? (high > low ? "▁▂▃▄▅▆▇█"[Math.min(7, Math.floor((8 * (v - low)) / (high - low)))] : "▄") : " "))
    .join("");
}
