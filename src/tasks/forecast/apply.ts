/** @file A trained forecaster at work on a table: forecasting what comes next, scoring it on data it has not seen, drawing it. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { fillGaps } from "../../data/gaps.ts";
import { historyLength, requireRows, type Series, type SeriesSet, toSeries } from "../../data/series.ts";
import type { SplitSpec } from "../../data/split.ts";
import type { Table } from "../../data/table.ts";
import type { ForecastPlot } from "../../plot/forecast-svg.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import type { Forecaster, SeriesForecast } from "./forecaster.ts";
import { prepareMaterial, splitHistory } from "./material.ts";
import type { Preprocessing } from "./prepare.ts";

/** What applying needs to know that the model does not: nothing, unless the columns are named otherwise. */
export interface ApplyOptions {
  /** Time column(s), where the table's differ from the training data's. */
  time?: string | readonly string[] | false;
  timeFormat?: string;
}

/** The table's columns behind the names of a model's: a text column where it reads one column per category. */
export function columnsOf({ categories }: Preprocessing, names: readonly string[]): string[] {
  return [...new Set(names.map((name) => Object.keys(categories).find((c) => name.startsWith(`${c}=`)) ?? name))];
}

/** The table's series, with the columns and the step that the model was trained on. */
export function seriesFor(model: Forecaster, table: Table, options: ApplyOptions = {}, checkConstant = false): SeriesSet {
  const p = model.preprocessing;
  const set = toSeries(table, {
    time: options.time ?? (p.timed ? p.timeNames : false),
    ...(p.timeFormat === undefined && options.timeFormat === undefined ? {} : { timeFormat: options.timeFormat ?? p.timeFormat! }),
    ...(p.id === undefined ? {} : { id: p.id }),
    targets: p.targetNames,
    past: columnsOf(p, p.pastNames),
    future: columnsOf(p, p.futureNames),
    freq: p.freq,
    categories: p.categories,
    checkConstant,
  });
  const known = p.scaler.series;
  const strange = known === undefined ? [] : set.series.filter(({ id }) => !Object.hasOwn(known, id)).map(({ id }) => `"${id}"`);
  if (strange.length === 0) return set;
  const names = `${strange.slice(0, 3).join(", ")}${strange.length > 3 ? ` and ${strange.length - 3} more` : ""}`;
  return { ...set, notes: [...set.notes, `${names}: not among the series of the training, and so scaled as they are on the whole`] };
}

/** A series that is too short to be forecast. */
export interface SkippedSeries {
  id: string;
  /** Rows up to its last measured target. */
  rows: number;
}

/**
 * The series that have enough rows to be forecast, and those that have not. Where none has, all stay, for the forecaster to refuse.
 * @param rows that each must have up to its last measured target
 */
export function longEnough(set: SeriesSet, rows: number): { set: SeriesSet; skipped: SkippedSeries[] } {
  const series = set.series.filter((s) => historyLength(s) >= rows);
  if (series.length === 0 || series.length === set.series.length) return { set, skipped: [] };
  const skipped = set.series.filter((s) => !series.includes(s)).map((s) => ({ id: s.id, rows: historyLength(s) }));
  return { set: { ...set, series }, skipped };
}

/**
 * One forecast per series of the table, starting after its last measured target. Of several series those that are too short are left out.
 * @throws data: no series is long enough, or known-future covariates do not cover the horizon
 */
export function predict(model: Forecaster, table: Table, options: ApplyOptions = {}): { set: SeriesSet; forecasts: SeriesForecast[]; skipped: SkippedSeries[] } {
  const { set, skipped } = longEnough(seriesFor(model, table, options), model.lookback);
  return { set, forecasts: model.predict(set), skipped };
}

/**
 * Scores a model beside its baselines on the test part of a table. The linear baseline is fitted to the table's own training part.
 * @param options.split how to cut the table; default: as the training data were cut
 * @throws data: too few rows
 */
export function evaluateForecast(model: Forecaster, table: Table, options: ApplyOptions & { split?: SplitSpec } = {}): { evaluation: Evaluation; notes: string[] } {
  const raw = seriesFor(model, table, options, true);
  requireRows(raw, model.lookback, model.horizon);
  const spec = options.split ?? (model.provenance["splitSpec"] as SplitSpec | null | undefined) ?? undefined;
  const splits = splitHistory(raw, spec, model.horizon);
  const { set } = fillGaps(raw, { maxGap: model.preprocessing.maxGap });
  const { lookback, horizon } = model;
  const evaluation = model.engine.scope(() => {
    const material = prepareMaterial(model.engine, set, splits, { lookback, horizon, season: model.preprocessing.season }, model.preprocessing);
    if (material.starts.test.length === 0) {
      throw new SluiceError("data", `evaluate: the test part has no window of ${lookback} + ${horizon} rows without a long gap, expected at least one; give more rows or another split`);
    }
    return evaluate(model, material.data, material.starts.test, material.baselines, material.training);
  });
  return { evaluation, notes: raw.notes };
}

/** What to draw of forecasts: history, fan and, where the table goes on, what really came. */
export function forecastPlot(model: Forecaster, set: SeriesSet, forecasts: readonly SeriesForecast[], title: string): ForecastPlot {
  const shown = (times: Float64Array): Float64Array => (set.timed ? times : times.map((t) => t + 1)); // rows are counted from 1
  const panels = forecasts.flatMap((f) => {
    const s = set.series.find((one) => one.id === f.id)!;
    return f.targets.map((target, c) => {
      const until = s.times.findIndex((t) => t >= f.times[0]!);
      const rows = until < 0 ? s.length : until;
      const history = { times: shown(s.times.subarray(0, rows)), values: Float64Array.from({ length: rows }, (_, t) => s.measured[t * s.width + c]!) };
      const truth = truthFor(s, f.times, c);
      const fan = target.quantiles;
      const bands = fan.slice(0, Math.floor(fan.length / 2)).flatMap((low, i) => {
        const high = fan[fan.length - 1 - i]!;
        return high.level > low.level ? [{ level: Number((high.level - low.level).toFixed(6)), lower: low.values, upper: high.values }] : [];
      });
      return { name: f.id ? `${f.id}: ${target.name}` : target.name, history, forecast: { times: shown(f.times), point: target.point, bands }, ...(truth ? { truth: { ...truth, times: shown(truth.times) } } : {}) };
    });
  });
  return { title, panels, axis: set.timed ? "time" : "step", context: Math.max(3, Math.ceil(model.lookback / model.horizon)) };
}

/** What column `c` came to at the given times; undefined where nothing of it was measured. */
function truthFor(s: Series, times: Float64Array, c: number): { times: Float64Array; values: Float64Array } | undefined {
  const last = times.at(-1)!;
  const rows = Array.from(s.times.keys()).filter((t) => s.times[t]! >= times[0]! && s.times[t]! <= last);
  const values = Float64Array.from(rows, (t) => s.measured[t * s.width + c]!);
  return values.some((v) => !Number.isNaN(v)) ? { times: Float64Array.from(rows, (t) => s.times[t]!), values } : undefined;
}

/**
 * The table as it was `steps` rows before its last measured target, for a forecast that can be drawn beside what came. What is known of the
 * future stays.
 * @throws data: fewer rows than that
 */
export function holdOut(set: SeriesSet, steps: number): SeriesSet {
  const series = set.series.map((s) => {
    const rows = historyLength(s) - steps;
    if (rows < 1) {
      throw new SluiceError("data", `hold out: ${s.id ? `series "${s.id}"` : "the series"} has ${rows + steps} measured rows, expected more than ${steps}`);
    }
    const cut = (values: Float32Array): Float32Array => {
      const kept = values.slice();
      for (let t = rows; t < s.length; t++) kept.fill(Number.NaN, t * s.width, (t + 1) * s.width - s.future);
      return kept;
    };
    return { ...s, values: cut(s.values), measured: cut(s.measured) };
  });
  return { ...set, series };
}
