/** @file From regular series to what the network reads: scaled columns and calendar features, fitted once and kept with the model. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { calendarFeatures, calendarNames } from "../../data/calendar.ts";
import type { Frequency } from "../../data/frequency.ts";
import { applyScaler, type ScalerState } from "../../data/scale.ts";
import type { Series, SeriesSet } from "../../data/series.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Tensor } from "../../engine/tensor.ts";

/** JSON: everything that was fitted to, or decided from, the training data. */
export interface Preprocessing {
  freq: Frequency;
  /** False when rows are counted instead of times read. */
  timed: boolean;
  timeNames: string[];
  timeFormat?: string | undefined;
  /** Column that tells series apart. */
  id?: string | undefined;
  targetNames: string[];
  pastNames: string[];
  futureNames: string[];
  categories: Record<string, string[]>;
  /** Of targets, past and known-future covariates, in this order. */
  scaler: ScalerState;
  /** Names of the calendar features that the network reads. */
  calendar: string[];
  /** Steps after which the pattern repeats; 1 is none. */
  season: number;
  /** Gaps of up to so many steps are filled by a straight line; windows that touch a longer one are left out. */
  maxGap: number;
}

/** Columns of the prepared matrix: targets, past covariates, known-future covariates, calendar. */
export interface Layout {
  width: number;
  targets: number[];
  /** Known over the look-back beside the targets. */
  features: number[];
  /** Known over the horizon. */
  known: number[];
}

export function layoutOf(p: Preprocessing): Layout {
  const C = p.targetNames.length;
  const width = C + p.pastNames.length + p.futureNames.length + p.calendar.length;
  const from = (first: number) => Array.from({ length: width - first }, (_, i) => first + i);
  return { width, targets: from(0).slice(0, C), features: from(C), known: from(C + p.pastNames.length) };
}

/** Series laid one after the other in engine memory, as the network reads them. */
export interface Prepared {
  readonly preprocessing: Preprocessing;
  readonly layout: Layout;
  readonly set: SeriesSet;
  /** [R, width]: scaled, gaps filled; NaN where a gap was too long. */
  readonly matrix: Tensor;
  /** [R, targets]: scaled as measured, NaN where nothing was. */
  readonly truth: Tensor;
  /** First row of each series. */
  readonly offsets: number[];
}

/** @throws data: the set's columns or step are not those that the preprocessing was fitted to */
export function prepare(engine: Engine, set: SeriesSet, preprocessing: Preprocessing): Prepared {
  const same = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((name, i) => name === b[i]);
  for (const key of ["targetNames", "pastNames", "futureNames"] as const) {
    if (!same(set[key], preprocessing[key])) {
      throw new SluiceError("data", `forecast: ${key} are ${set[key].join(", ") || "none"}, expected ${preprocessing[key].join(", ") || "none"}; the model was trained on them`);
    }
  }
  const layout = layoutOf(preprocessing);
  const C = layout.targets.length;
  const rows = set.series.reduce((n, s) => n + s.length, 0);
  const matrix = engine.tensor([rows, layout.width]);
  const truth = engine.tensor([rows, C]);
  const values = matrix.data;
  const measured = truth.data;
  const offsets: number[] = [];
  let row = 0;
  for (const s of set.series) {
    offsets.push(row);
    const scaled = applyScaler(preprocessing.scaler, s.values, s.id);
    const scaledTruth = s.measured === s.values ? scaled : applyScaler(preprocessing.scaler, s.measured, s.id);
    const calendar = calendarOf(s, preprocessing);
    const K = preprocessing.calendar.length;
    for (let t = 0; t < s.length; t++) {
      const at = (row + t) * layout.width;
      for (let c = 0; c < s.width; c++) values[at + c] = scaled[t * s.width + c]!;
      for (let c = 0; c < K; c++) values[at + s.width + c] = calendar[t * K + c]!;
      for (let c = 0; c < C; c++) measured[(row + t) * C + c] = scaledTruth[t * s.width + c]!;
    }
    row += s.length;
  }
  return { preprocessing, layout, set, matrix, truth, offsets };
}

/** [T, calendar]: the features that the model was trained with. */
function calendarOf(s: Series, p: Preprocessing): Float32Array {
  if (p.calendar.length === 0) return new Float32Array(0);
  const { names, values } = calendarFeatures(s.times, p.freq);
  const columns = p.calendar.map((name) => names.indexOf(name));
  if (columns.includes(-1)) {
    throw new SluiceError("data", `forecast: calendar features are ${names.join(", ")}, expected ${p.calendar.join(", ")} among them; the model was trained with them`);
  }
  return Float32Array.from({ length: s.length * columns.length }, (_, i) => values[Math.floor(i / columns.length) * names.length + columns[i % columns.length]!]!);
}

/** Length of each calendar cycle in milliseconds, by the first part of its features' names. */
const cycles: Record<string, number> = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000, year: 365.25 * 86_400_000 };

/**
 * The calendar features to use: none when rows are counted, and no cycle that the training rows do not see at least twice. A cycle seen
 * once only tells one training row from another.
 * @param span milliseconds that the training rows cover
 */
export function calendarFor(set: SeriesSet, span: number): string[] {
  return set.timed ? calendarNames(set.freq).filter((name) => 2 * cycles[name.split(".")[0]!]! <= span) : [];
}
