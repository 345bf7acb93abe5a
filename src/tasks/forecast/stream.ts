/** @file A forecaster fed row by row: keeps the rows that a forecast can need and gives after each what `predict` gives on all of them. Runs in browsers. */
import { nearNames, SluiceError } from "../../base/errors.ts";
import { addSteps, stepsBetween } from "../../data/frequency.ts";
import { historyLength } from "../../data/series.ts";
import type { Column, Table } from "../../data/table.ts";
import { columnsOf, seriesFor } from "./apply.ts";
import type { Forecaster, SeriesForecast } from "./forecaster.ts";

/** What was measured at one time. */
export interface ForecastRow {
  /** A date, or UTC milliseconds; after that of the row before. Not read by a model that counts rows. */
  time?: Date | number;
  /** Every column that the model reads, by name: a number, a text for a category, null where nothing was measured. */
  values: Readonly<Record<string, number | string | null>>;
  /** Known-future columns for the M steps after this row, M values each. Needed once a forecast is due, by a model that has such columns. */
  future?: Readonly<Record<string, ArrayLike<number | string | null>>>;
}

export interface ForecastStream {
  /** Rows taken in so far. */
  readonly rows: number;
  /**
   * The forecast after one more row, starting after the last measured target. Null until there are as many rows as the model looks back on, and
   * while the last measured target lies further back than twice as many.
   * @throws missing, type, shape, data, usage: a column that is not there or unknown, a value that is no finite number, a time that is not later.
   *   The row is then not taken in.
   */
  push(row: ForecastRow): SeriesForecast | null;
  /** Forgets all rows. */
  reset(): void;
}

type Cell = number | string | null;
interface Kept {
  /** UTC ms, or the row's number from 0. */
  time: number;
  cells: readonly Cell[];
}

/** Name of the time column in the tables made here. */
const TIME = " time";

/** One series, as `Forecaster.stream` opens it. */
export class RowStream implements ForecastStream {
  #rows = 0;
  readonly #model: Forecaster;
  readonly #id: string;
  /** Columns of the table, each once: a category's text column, not one column per category. */
  readonly #names: readonly string[];
  readonly #future: readonly string[];
  #kept: readonly Kept[] = [];

  /** @throws missing: no id where the model tells series apart */
  constructor(model: Forecaster, id = "") {
    const p = model.preprocessing;
    if (p.id !== undefined && id === "") {
      throw new SluiceError("missing", `stream: id is missing, expected the name of the series; the model tells series apart by column "${p.id}": stream({ id: "…" })`, { column: p.id });
    }
    this.#model = model;
    this.#id = id;
    this.#future = columnsOf(p, p.futureNames);
    this.#names = [...new Set([...p.targetNames, ...columnsOf(p, p.pastNames), ...this.#future])];
  }

  get rows(): number {
    return this.#rows;
  }

  push(row: ForecastRow): SeriesForecast | null {
    const kept = this.#cut([...this.#kept, { time: this.#timeOf(row), cells: this.#cellsOf(row.values) }]);
    const forecast = this.#forecast(kept, row.future);
    this.#kept = kept;
    this.#rows++;
    return forecast;
  }

  reset(): void {
    this.#kept = [];
    this.#rows = 0;
  }

  #timeOf({ time }: ForecastRow): number {
    if (!this.#model.preprocessing.timed) return this.#rows;
    const where = `stream: time of row ${this.#rows + 1}`;
    if (time === undefined) throw new SluiceError("missing", `${where} is missing, expected a date or UTC milliseconds; the model reads the calendar`);
    const ms = Number(time);
    if (!Number.isFinite(ms)) throw new SluiceError("type", `${where} is ${String(time)}, expected a date or UTC milliseconds`);
    const last = this.#kept.at(-1)?.time ?? -Infinity;
    if (ms <= last) {
      throw new SluiceError("data", `${where} is ${showTime(ms)}, expected one after ${showTime(last)}; rows come in their order, each once`, { time: ms, last });
    }
    return ms;
  }

  #cellsOf(values: ForecastRow["values"]): Cell[] {
    const strange = Object.keys(values).find((name) => !this.#names.includes(name));
    if (strange !== undefined) {
      const near = nearNames(strange, this.#names);
      const hint = near.length > 0 ? ` Did you mean ${near.map((n) => `"${n}"`).join(" or ")}?` : "";
      throw new SluiceError("usage", `stream: column "${strange}" is not one that the model reads, expected ${this.#names.join(", ")}.${hint}`, { column: strange, near });
    }
    return this.#names.map((name) => this.#cell(name, values[name], `row ${this.#rows + 1}`));
  }

  #cell(name: string, value: Cell | undefined, where: string): Cell {
    const refuse = (code: "missing" | "type" | "data", got: string, due: string) => new SluiceError(code, `stream: ${where}: column "${name}" is ${got}, expected ${due}`, { column: name });
    if (value === undefined) throw refuse("missing", "missing", "a value, or null where nothing was measured");
    const category = Object.hasOwn(this.#model.preprocessing.categories, name);
    if (value === null || (typeof value === "number" && Number.isNaN(value))) return null;
    if (category && (typeof value === "string" || typeof value === "number")) return String(value);
    if (typeof value !== "number") throw refuse("type", JSON.stringify(value), category ? "a text or null" : "a number or null");
    if (!Number.isFinite(Math.fround(value))) throw refuse("data", String(value), "a finite number (float32) or null");
    return value;
  }

  /**
   * Without the rows that no forecast can need any more: the model looks back on L, before them lie L to fill a gap from, and after the last
   * measured target come 2L at most. Where the first of these steps is absent an empty row holds its place.
   */
  #cut(rows: readonly Kept[]): readonly Kept[] {
    const { lookback, preprocessing } = this.#model;
    const { freq } = preprocessing;
    const most = 4 * lookback;
    if (freq.unit !== "ms" && freq.unit !== "month") return rows.slice(-most);
    const last = rows.at(-1)!.time;
    const from = rows.findIndex(({ time }) => stepsBetween(time, last, freq) < most);
    if (from === 0) return rows;
    const time = addSteps(last, freq, 1 - most);
    const kept = rows.slice(from);
    return stepsBetween(time, kept[0]!.time, freq) > 0 ? [{ time, cells: this.#names.map(() => null) }, ...kept] : kept;
  }

  #forecast(rows: readonly Kept[], future: ForecastRow["future"]): SeriesForecast | null {
    const model = this.#model;
    const { targetNames, timed } = model.preprocessing;
    if (!rows.some(({ cells }) => targetNames.some((_, c) => cells[c] !== null))) return null;
    const setOf = (all: readonly Kept[]) => seriesFor(model, this.#table(all), { time: timed ? TIME : false });
    const set = setOf(rows);
    const series = set.series[0]!;
    const history = historyLength(series);
    if (history < model.lookback || series.length - history > 2 * model.lookback) return null;
    const forecast = model.predict(this.#future.length === 0 ? set : setOf([...rows, ...this.#ahead(rows.at(-1)!.time, future)]))[0]!;
    // Where rows are counted, those that were given up count too.
    if (!timed) for (let m = 0; m < forecast.times.length; m++) forecast.times[m]! += rows[0]!.time;
    return forecast;
  }

  /** The M rows to come after `last`, empty but for what is known. */
  #ahead(last: number, future: ForecastRow["future"]): Kept[] {
    const { horizon, preprocessing } = this.#model;
    for (const name of this.#future) {
      const got = future?.[name]?.length;
      if (got === horizon) continue;
      throw new SluiceError(got === undefined ? "missing" : "shape", `stream: row ${this.#rows + 1}: future "${name}" ${got === undefined ? "is missing" : `has ${got} values`}, expected ${horizon}, one for each step of the horizon`, { column: name });
    }
    return Array.from({ length: horizon }, (_, m) => ({
      time: preprocessing.timed ? addSteps(last, preprocessing.freq, m + 1) : last + m + 1,
      cells: this.#names.map((name) => (this.#future.includes(name) ? this.#cell(name, future![name]![m], `row ${this.#rows + 1}, future step ${m + 1}`) : null)),
    }));
  }

  #table(rows: readonly Kept[]): Table {
    const { categories, id, timed } = this.#model.preprocessing;
    const columns = this.#names.map((name, c): Column => {
      if (Object.hasOwn(categories, name)) return { name, kind: "text", values: rows.map(({ cells }) => String(cells[c] ?? "")) };
      return { name, kind: "number", values: Float64Array.from(rows, ({ cells }) => (cells[c] ?? Number.NaN) as number) };
    });
    if (id !== undefined) columns.push({ name: id, kind: "text", values: rows.map(() => this.#id) });
    if (timed) columns.push({ name: TIME, kind: "time", values: Float64Array.from(rows, ({ time }) => time) });
    return { source: "stream", rows: rows.length, columns, notes: [] };
  }
}

const showTime = (ms: number): string => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`);
