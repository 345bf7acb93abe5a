/**
 * @file From a table to regular series: which columns play which part, one series per id, checks that something can be learnt.
 * PURE.
 */
import { SluiceError } from "../base/errors.ts";
import type { Feature } from "./features.ts";
import { expandFeatures } from "./features.ts";
import type { Frequency } from "./frequency.ts";
import { addSteps, parseFrequency, rowFrequency } from "./frequency.ts";
import { emptyTally, gridNotes, layOnGrid } from "./grid.ts";
import { inferFrequency } from "./infer-frequency.ts";
import { assignRoles } from "./roles.ts";
import type { Table } from "./table.ts";
import { column, place } from "./table.ts";
import { findTimeColumn, timesOf, whyNoTime } from "./time-columns.ts";

/** One regular series. Rows are steps, columns are targets, then past covariates, then known-future covariates. */
export interface Series {
  /** From the id column; "" when there is none. */
  id: string;
  /** First time: UTC ms, or 0 when rows are counted. */
  start: number;
  /** Time of each row [T], UTC ms (row numbers when there is no time). */
  times: Float64Array;
  /** T. */
  length: number;
  /** C: columns of `values`. */
  width: number;
  /** How many of the first columns are targets. */
  targets: number;
  /** How many of the last columns are known in the future. */
  future: number;
  /** [T, C] row-major, what the model is fed; NaN = missing. `fillGaps` fills short gaps here. */
  values: Float32Array;
  /**
   * [T, C] as measured: losses and scores compare with this, so a filled-in value is never scored. Same array as `values` until
   * filled.
   */
  measured: Float32Array;
}

/** Series of one table: same columns, same step. */
export interface SeriesSet {
  freq: Frequency;
  /** Whether `times` are moments; false when rows are counted. */
  timed: boolean;
  /** What was decided or repaired, for the report. */
  notes: string[];
  targetNames: string[];
  pastNames: string[];
  futureNames: string[];
  /** Categories of each one-hot column, to be stored with a model and passed back for new data. */
  categories: Record<string, string[]>;
  /** Name of the time column, or its parts; empty when rows are counted. */
  timeNames: string[];
  series: Series[];
}

export interface SeriesOptions {
  /** Time column, or columns to compose it from (year, month, day, hour). Default: found; `false` counts rows. */
  time?: string | readonly string[] | false;
  /** How times are written; see `parseTimes`. */
  timeFormat?: string;
  /** Column that tells series apart. */
  id?: string;
  /** Columns to forecast; "all" is every numeric column that has no other part. */
  targets: string | readonly string[] | "all";
  /** Covariates known up to now. Texts become one column per category. */
  past?: readonly string[];
  /** Covariates known over the horizon too. Rows after the last target value may give them. */
  future?: readonly string[];
  /** Default and "auto": inferred from the longest series. */
  freq?: string | Frequency;
  /** Categories fixed by a trained model. */
  categories?: Record<string, string[]>;
  /** Whether a target that never changes is an error; false for predicting from a short history. Default true. */
  checkConstant?: boolean;
}

/**
 * Regular series, sorted by time, one row per step. Unsorted rows are sorted, identical duplicates dropped, differing ones
 * averaged, absent steps become rows of NaN; `notes` says how many of each and where. Each series is on a grid of its own start.
 * @throws missing: no such column
 * @throws usage: a column has two parts; no target is left
 * @throws type: a target or covariate cell is not a number
 * @throws data: infinite value, target without values, constant target, irregular times
 */
export function toSeries(table: Table, options: SeriesOptions): SeriesSet {
  const notes = [...table.notes];
  const timeNames = options.time === false ? [] : options.time === undefined ? findTime(table, notes) : [options.time].flat();
  const roles = assignRoles(table, options, timeNames, notes);
  const features = expandFeatures(table, roles.targets, [...roles.past, ...roles.future], options.categories ?? {}, notes);
  checkFinite(table, features.columns);
  const timed = timeNames.length > 0;
  const times = timed
    ? timesOf(table, timeNames, options.timeFormat).times
    : Float64Array.from({ length: table.rows }, (_, i) => i);
  const groups = groupRows(table, options.id);
  if (!timed) for (const rows of groups.values()) for (const [i, row] of rows.entries()) times[row] = i;
  sortByTime(table, [...groups.values()], times, notes);

  const freq = timed ? decideFrequency(options.freq, groups, times, notes) : rowsOnly(options.freq, notes);
  const partOf = (names: string[]) => features.columns.filter((f) => names.includes(f.from)).map((f) => f.name);
  const shape = { targets: roles.targets.length, future: partOf(roles.future).length };
  const tally = emptyTally();
  const series = [...groups].map(([id, rows]) => {
    const grid = layOnGrid(table, rows, times, features.columns, freq, tally);
    return {
      id,
      start: grid.times[0]!,
      length: grid.times.length,
      width: features.columns.length,
      ...shape,
      ...grid,
      measured: grid.values,
    };
  });
  notes.push(...gridNotes(tally, freq));
  checkTargets(table, features.columns.slice(0, shape.targets), options.checkConstant ?? true);
  return {
    ...{ freq, timed, notes, timeNames, series },
    ...{
      targetNames: roles.targets,
      pastNames: partOf(roles.past),
      futureNames: partOf(roles.future),
      categories: features.categories,
    },
  };
}

/**
 * @throws data: no series has the rows that training needs: one window of look-back and horizon in the training part, and a
 * horizon in each further part
 * @param parts how many parts of a horizon must fit after the look-back: 3 for train, valid and test; 0 for predicting
 */
export function requireRows(set: SeriesSet, lookback: number, horizon: number, parts = 3): void {
  const need = lookback + horizon * parts;
  const longest = set.series.reduce((most, s) => Math.max(most, s.length), 0);
  if (longest >= need) return;
  const spare = longest - horizon * parts;
  const sum =
    parts === 0
      ? `look-back ${lookback}`
      : `look-back ${lookback} + ${parts} × horizon ${horizon} (train, valid and test each hold one)`;
  const way =
    spare >= 1
      ? `a look-back of at most ${spare} would fit`
      : parts > 0 && longest - lookback >= parts
        ? `a horizon of at most ${Math.floor((longest - lookback) / parts)} would fit`
        : "";
  throw new SluiceError(
    "data",
    `series: the longest has ${longest} rows (steps of ${set.freq.name}), expected at least ${need} = ${sum}; give more data${way ? `, or ${way}` : ""}`,
    { rows: longest, need, lookback, horizon },
  );
}

/** Rows up to the last one in which any target was measured; the rows after it only give covariates known in the future. */
export function historyLength(series: Series): number {
  for (let t = series.length - 1; t >= 0; t--) {
    for (let c = 0; c < series.targets; c++) if (!Number.isNaN(series.measured[t * series.width + c])) return t + 1;
  }
  return 0;
}

/**
 * Time of row `row`, also beyond the last: UTC ms, or the row's number when rows are counted. After rows that are counted
 * although they have times (a market's hours) the median step is assumed.
 */
export function timeAt(set: SeriesSet, series: Series, row: number): number {
  const last = series.length - 1;
  if (row <= last) return series.times[row]!;
  // Counted from the start, a month's 31st is not lost in a February on the way.
  if (set.freq.unit === "ms" || set.freq.unit === "month") return addSteps(series.start, set.freq, row);
  if (set.freq.unit === "row" && set.timed) {
    const steps = series.times
      .subarray(1)
      .map((t, i) => t - series.times[i]!)
      .sort();
    return series.times[last]! + (row - last) * (steps[steps.length >> 1] ?? 1);
  }
  return addSteps(series.times[last]!, set.freq, row - last);
}

function findTime(table: Table, notes: string[]): string[] {
  const name = findTimeColumn(table);
  const near = name === undefined ? whyNoTime(table) : undefined;
  notes.push(name === undefined ? "no time column: rows are counted" : `column "${name}" is taken as the time`);
  if (near !== undefined) notes.push(near);
  return name === undefined ? [] : [name];
}

/** Row numbers of each id, in table order. */
function groupRows(table: Table, id: string | undefined): Map<string, Uint32Array> {
  if (id === undefined) return new Map([["", Uint32Array.from({ length: table.rows }, (_, i) => i)]]);
  const groups = new Map<string, number[]>();
  const values = column(table, id).values;
  for (let i = 0; i < table.rows; i++) {
    const key = String(values[i]);
    if (key === "" || key === "NaN") {
      throw new SluiceError("data", `${place(table, i)}: id (column "${id}") is missing, expected one in every row`, {
        column: id,
      });
    }
    const rows = groups.get(key);
    if (rows) rows.push(i);
    else groups.set(key, [i]);
  }
  return new Map([...groups].map(([key, rows]) => [key, Uint32Array.from(rows)]));
}

function sortByTime(table: Table, groups: readonly Uint32Array[], times: Float64Array, notes: string[]): void {
  let first: string | undefined;
  for (const rows of groups) {
    const back = rows.findIndex((row, i) => i > 0 && times[row]! < times[rows[i - 1]!]!);
    if (back < 0) continue;
    first ??= place(table, rows[back]!);
    rows.sort((a, b) => times[a]! - times[b]! || a - b);
  }
  if (first !== undefined) notes.push(`rows are not in order of time (first at ${first}): sorted`);
}

function decideFrequency(
  freq: SeriesOptions["freq"],
  groups: Map<string, Uint32Array>,
  times: Float64Array,
  notes: string[],
): Frequency {
  if (freq !== undefined && freq !== "auto") return typeof freq === "string" ? parseFrequency(freq) : freq;
  let longest = new Uint32Array();
  for (const rows of groups.values()) if (rows.length > longest.length) longest = rows as Uint32Array<ArrayBuffer>;
  const found = inferFrequency(Float64Array.from(longest, (row) => times[row]!));
  if (found.note !== undefined) notes.push(found.note);
  return found.freq;
}

function rowsOnly(freq: SeriesOptions["freq"], notes: string[]): Frequency {
  const given = freq === undefined || freq === "auto" ? rowFrequency : typeof freq === "string" ? parseFrequency(freq) : freq;
  if (given.unit !== "row")
    notes.push(`rows are counted, so the step of ${given.name} has no effect: name the time column to use it`);
  return rowFrequency;
}

function checkFinite(table: Table, features: readonly Feature[]): void {
  for (const { name, values } of features) {
    const bad = values.findIndex((v) => v === Infinity || v === -Infinity || Math.abs(v) > 3.4e38);
    if (bad < 0) continue;
    throw new SluiceError(
      "data",
      `${place(table, bad)}: column "${name}" is ${values[bad]}, expected a finite number (float32); correct it or leave the cell empty`,
      {
        column: name,
        value: values[bad],
      },
    );
  }
}

function checkTargets(table: Table, targets: readonly Feature[], checkConstant: boolean): void {
  for (const { name, values } of targets) {
    const first = values.find((v) => !Number.isNaN(v));
    if (first === undefined) {
      throw new SluiceError("data", `${table.source}: target "${name}" has no values, expected numbers; every cell is missing`, {
        column: name,
      });
    }
    if (!checkConstant) continue;
    const differs = values.find((v) => !Number.isNaN(v) && v !== first);
    if (differs === undefined) {
      throw new SluiceError(
        "data",
        `${table.source}: target "${name}" is ${first} in every row, expected values that change; there is nothing to forecast`,
        {
          column: name,
        },
      );
    }
    // A model's numbers are float32: 1e9 and 1e9 + 4 are the same one.
    if (values.every((v) => Number.isNaN(v) || Math.fround(v) === Math.fround(first))) {
      throw new SluiceError(
        "data",
        `${table.source}: target "${name}" changes by less than float32 can hold (${first}, ${differs}), expected differences of` +
          ` about a ten-millionth of the values or more; ${Math.abs(first) > 1 ? "take a constant off the column" : "use a larger unit"}`,
        {
          column: name,
        },
      );
    }
  }
}
