/** @file What a forecaster is measured against: the last value, the last season, and the best linear map. Runs in browsers. */
import type { Engine } from "../../engine/engine.ts";
import { linear } from "../../ops/linear.ts";
import { fitLinearMap, type LinearMap, type Moments, type Run, windowMoments } from "./linear-map.ts";
import type { Prepared } from "./prepare.ts";

/** Forecasts of some windows in scaled units: [M, windows · C], horizon first, as the network's. */
export interface Baseline {
  readonly name: "last" | "seasonal" | "linear";
  /** What it does, for a report. */
  readonly doc: string;
  forecast(data: Prepared, starts: Int32Array): Float32Array;
}

/** Number of windows that the linear map is chosen by. */
const CHOICE = 2000;
const RIDGES = [1e-5, 1e-3, 1e-1, 1];

/** Every value of the horizon is the last one seen. */
export const lastValue = (lookback: number, horizon: number): Baseline => ({
  name: "last",
  doc: "the last value again",
  forecast: (data, starts) => repeat(data, starts, lookback, horizon, 1),
});

/** Every value of the horizon is the one a season (or two, …) before it. */
export const seasonalNaive = (lookback: number, horizon: number, season: number): Baseline => ({
  name: "seasonal",
  doc: `the value ${season} steps before`,
  forecast: (data, starts) => repeat(data, starts, lookback, horizon, season),
});

function repeat(data: Prepared, starts: Int32Array, lookback: number, horizon: number, season: number): Float32Array {
  const values = data.matrix.data;
  const C = data.layout.targets.length;
  const N = starts.length * C;
  const out = new Float32Array(horizon * N);
  for (let b = 0; b < starts.length; b++) {
    const now = starts[b]! + lookback;
    const first = firstRow(data.offsets, starts[b]!);
    for (let m = 0; m < horizon; m++) {
      let row = now + m - season * Math.ceil((m + 1) / season);
      if (row < first) row = now - 1; // the season began before the series did
      for (let c = 0; c < C; c++) {
        const v = values[row * data.layout.width + c]!;
        out[m * N + b * C + c] = Number.isNaN(v) ? values[(now - 1) * data.layout.width + c]! : v;
      }
    }
  }
  return out;
}

/** First row of the series that `row` belongs to. */
function firstRow(offsets: readonly number[], row: number): number {
  let at = 0;
  while (at + 1 < offsets.length && offsets[at + 1]! <= row) at++;
  return offsets[at]!;
}

/**
 * The best linear map of the window, fitted to the training rows; how far its weights are held small is chosen by the validation windows.
 * @param ranges rows of the prepared matrix that each series may be fitted to
 */
export function fitLinear(data: Prepared, ranges: readonly (readonly [number, number])[], valid: Int32Array, lookback: number, horizon: number): LinearMap {
  const moments = windowMoments(runsOf(data, ranges), lookback, horizon);
  return choose(data, moments, valid);
}

/** A linear map as a baseline. */
export const linearBaseline = (map: LinearMap): Baseline => ({
  name: "linear",
  doc: `the best linear map of the last ${map.lookback} values`,
  forecast: (data, starts) => applyMap(data.matrix.engine, data, map, starts),
});

/** Stretches of each target column without a missing value, up to the last one measured: a line that fills a gap across the range's end knows what comes after. */
function* runsOf(data: Prepared, ranges: readonly (readonly [number, number])[]): Generator<Run> {
  const values = data.matrix.toArray();
  const measured = data.truth.data;
  const { width, targets } = data.layout;
  for (const [from, end] of ranges) {
    for (const c of targets) {
      let to = end;
      while (to > from && Number.isNaN(measured[(to - 1) * targets.length + c]!)) to--;
      let begin = from;
      for (let t = from; t <= to; t++) {
        if (t < to && !Number.isNaN(values[t * width + c]!)) continue;
        if (t > begin) yield Float64Array.from({ length: t - begin }, (_, i) => values[(begin + i) * width + c]!);
        begin = t + 1;
      }
    }
  }
}

function choose(data: Prepared, moments: Moments, valid: Int32Array): LinearMap {
  const step = Math.max(1, Math.ceil(valid.length / CHOICE));
  const some = valid.filter((_, i) => i % step === 0);
  let best: { map: LinearMap; error: number } | null = null;
  const C = data.layout.targets.length;
  for (const ridge of RIDGES) {
    const map = fitLinearMap(moments, ridge);
    const forecast = applyMap(data.matrix.engine, data, map, some);
    const truth = data.truth.data;
    let error = 0;
    for (let m = 0; m < map.horizon; m++) {
      for (let b = 0; b < some.length; b++) {
        for (let c = 0; c < C; c++) {
          const e = truth[(some[b]! + map.lookback + m) * C + c]! - forecast[(m * some.length + b) * C + c]!;
          if (!Number.isNaN(e)) error += e * e;
        }
      }
    }
    if (best === null || error < best.error) best = { map, error };
  }
  return best!.map;
}

/** Windows at a time, so that a long test part stays small in memory. */
const BATCH = 512;

function applyMap(engine: Engine, data: Prepared, map: LinearMap, starts: Int32Array): Float32Array {
  const { lookback: L, horizon: M } = map;
  const { width } = data.layout;
  const C = data.layout.targets.length;
  const N = starts.length * C;
  const out = new Float32Array(M * N);
  for (let first = 0; first < starts.length; first += BATCH) {
    const part = starts.subarray(first, first + BATCH);
    engine.scope(() => {
      const x = new Float32Array(part.length * C * L);
      const values = data.matrix.data;
      const lastOf = (b: number, c: number) => values[(part[b]! + L - 1) * width + c]!;
      for (let b = 0; b < part.length; b++) {
        for (let c = 0; c < C; c++) {
          const last = lastOf(b, c);
          for (let l = 0; l < L; l++) x[(b * C + c) * L + l] = values[(part[b]! + l) * width + c]! - last;
        }
      }
      const lasts = Float32Array.from({ length: part.length * C }, (_, i) => lastOf(Math.floor(i / C), i % C));
      const { y } = linear({ x: engine.tensor([part.length * C, L], x), w: engine.tensor([M, L], map.weight), b: engine.tensor([M], map.bias) });
      const change = y.data;
      for (let i = 0; i < lasts.length; i++) for (let m = 0; m < M; m++) out[m * N + first * C + i] = lasts[i]! + change[i * M + m]!;
    });
  }
  return out;
}
