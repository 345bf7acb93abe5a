/**
 * @file Scalers: each column to a comparable size, fitted on the training part, kept with the model as JSON. PURE, imports base
 * only.
 */
import { SluiceError } from "../base/errors.ts";

/** "standard": mean and standard deviation; "robust": median and interquartile range; "minmax": to 0–1; "none". */
export type ScalerKind = "standard" | "robust" | "minmax" | "none";

/** x is scaled to (x − center) / scale, column by column. */
export interface ColumnScales {
  center: number[];
  /** Never 0: a constant column has 1. */
  scale: number[];
}

/** JSON-safe. */
export interface ScalerState {
  kind: ScalerKind;
  /** Number of columns. */
  width: number;
  /** Fitted on all series together: used for every series, or for an id that was not there when fitting. */
  all: ColumnScales;
  /** By series id, when fitted per series. */
  series?: Record<string, ColumnScales>;
}

/** Rows `from … to − 1` of `values` [T, width]. */
export interface ScalerBlock {
  id?: string;
  values: Float32Array;
  from: number;
  to: number;
}

/**
 * Fits a scaler. NaN is left out; a column without values, or that does not change, gets scale 1; where only one series of several
 * has no values, it gets the scale of all.
 * The standard deviation is that of the population (divided by n), as in scikit-learn.
 * @param blocks the training rows of each series, [T, width]
 * @throws usage: unknown kind
 * @throws shape: values are not whole rows
 */
export function fitScaler(
  kind: ScalerKind,
  blocks: readonly ScalerBlock[],
  width: number,
  options: { perSeries?: boolean } = {},
): ScalerState {
  const measures: Record<ScalerKind, (blocks: readonly ScalerBlock[], c: number, width: number) => [number, number]> = {
    standard: moments,
    robust: quartiles,
    minmax: extremes,
    none: () => [0, 1],
  };
  if (!Object.hasOwn(measures, kind)) {
    throw new SluiceError("usage", `scaler: it is "${kind}", expected ${Object.keys(measures).join(", ")}`, { kind });
  }
  for (const { values } of blocks) {
    if (values.length % width !== 0) {
      throw new SluiceError(
        "shape",
        `scaler: values has ${values.length} numbers, expected a multiple of ${width}; there are ${width} columns`,
        { width },
      );
    }
  }
  const fit = (part: readonly ScalerBlock[], otherwise?: ColumnScales): ColumnScales => {
    const scales: ColumnScales = { center: [], scale: [] };
    for (let c = 0; c < width; c++) {
      const [center, scale] = measures[kind](part, c, width);
      if (otherwise && !Number.isFinite(center)) {
        scales.center.push(otherwise.center[c]!);
        scales.scale.push(otherwise.scale[c]!);
        continue;
      }
      scales.center.push(Number.isFinite(center) ? center : 0);
      // Below float32's resolution of the level the spread is rounding, not signal.
      scales.scale.push(Number.isFinite(scale) && scale > Math.abs(center) * 1e-7 && scale > 1e-30 ? scale : 1);
    }
    return scales;
  };
  const state: ScalerState = { kind, width, all: fit(blocks) };
  if (!options.perSeries) return state;
  const ids = [...new Set(blocks.map((b) => b.id ?? ""))];
  const own = (id: string) => fit(blocks.filter((b) => (b.id ?? "") === id), state.all);
  return { ...state, series: Object.fromEntries(ids.map((id) => [id, own(id)])) };
}

/** The centers and scales that count for series `id`. */
export function scalesOf(state: ScalerState, id = ""): ColumnScales {
  return state.series !== undefined && Object.hasOwn(state.series, id) ? state.series[id]! : state.all;
}

/**
 * `values` [T, columns] scaled, in a new array or in `out` (which may be `values`). NaN stays NaN.
 * @param columns how many of the first columns the rows have; default all
 */
export function applyScaler(
  state: ScalerState,
  values: Float32Array,
  id?: string,
  out = new Float32Array(values.length),
  columns = state.width,
): Float32Array {
  const { center, scale } = scalesOf(state, id);
  checkColumns(state, values, columns);
  for (let i = 0, c = 0; i < values.length; i++, c = c + 1 === columns ? 0 : c + 1)
    out[i] = (values[i]! - center[c]!) / scale[c]!;
  return out;
}

/** The inverse of `applyScaler`; targets come first, so `columns` = number of targets turns forecasts [H, targets] back. */
export function invertScaler(
  state: ScalerState,
  values: Float32Array,
  id?: string,
  out = new Float32Array(values.length),
  columns = state.width,
): Float32Array {
  const { center, scale } = scalesOf(state, id);
  checkColumns(state, values, columns);
  for (let i = 0, c = 0; i < values.length; i++, c = c + 1 === columns ? 0 : c + 1) out[i] = values[i]! * scale[c]! + center[c]!;
  return out;
}

function checkColumns(state: ScalerState, values: Float32Array, columns: number): void {
  if (Number.isInteger(columns) && columns >= 1 && columns <= state.width && values.length % columns === 0) return;
  throw new SluiceError(
    "shape",
    `scaler: values has ${values.length} numbers in rows of ${columns}, expected whole rows of 1 to ${state.width} columns`,
    {
      columns,
      width: state.width,
    },
  );
}

function* cellsOf(blocks: readonly ScalerBlock[], c: number, width: number): Generator<number> {
  for (const { values, from, to } of blocks) {
    for (let t = from; t < to; t++) {
      const v = values[t * width + c]!;
      if (!Number.isNaN(v)) yield v;
    }
  }
}

/** Two passes, so that a large level does not eat the spread. */
function moments(blocks: readonly ScalerBlock[], c: number, width: number): [number, number] {
  let n = 0;
  let sum = 0;
  for (const v of cellsOf(blocks, c, width)) {
    sum += v;
    n++;
  }
  const mean = sum / n;
  let squares = 0;
  for (const v of cellsOf(blocks, c, width)) squares += (v - mean) ** 2;
  return [mean, Math.sqrt(squares / n)];
}

function quartiles(blocks: readonly ScalerBlock[], c: number, width: number): [number, number] {
  const sorted = Float64Array.from(cellsOf(blocks, c, width)).sort();
  const at = (q: number): number => {
    const place = q * (sorted.length - 1);
    const low = Math.floor(place);
    return sorted[low]! + (sorted[Math.ceil(place)]! - sorted[low]!) * (place - low);
  };
  return [at(0.5), at(0.75) - at(0.25)];
}

function extremes(blocks: readonly ScalerBlock[], c: number, width: number): [number, number] {
  let [least, most] = [Infinity, -Infinity];
  for (const v of cellsOf(blocks, c, width)) {
    least = Math.min(least, v);
    most = Math.max(most, v);
  }
  return [least, most - least];
}
