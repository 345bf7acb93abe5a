/** @file The score of a forecaster beside its baselines, on the same windows and in one pass. Runs in browsers. */
import { scalesOf } from "../../data/scale.ts";
import { ForecastMetrics, type Scores, seasonalScale } from "../../train/metrics.ts";
import type { Baseline } from "./baselines.ts";
import type { Forecaster } from "./forecaster.ts";
import type { Prepared } from "./prepare.ts";

/** Scores and their course over the horizon; JSON. */
export interface PartScores extends Scores {
  /** By step ahead, the first for step 1. */
  perStep: { mse: (number | null)[]; mae: (number | null)[] };
}

/** Everything measured on one part; JSON. */
export interface Evaluation {
  windows: number;
  /** In scaled units (standard deviations of the training part, unless another scaler was chosen), over all targets. */
  network: PartScores;
  baselines: Record<string, PartScores>;
  /** In each target's own units, by target. */
  targets: Record<string, { network: Scores; baselines: Record<string, Scores> }>;
}

/** One forecaster's counters: overall in scaled units, and for each target in its own. */
class Counters {
  readonly all: ForecastMetrics;
  readonly targets: ForecastMetrics[];

  constructor(horizon: number, quantiles: readonly number[], mase: { scaled: number[]; own: number[] }) {
    this.all = new ForecastMetrics({ horizon, quantiles, scales: mase.scaled });
    this.targets = mase.own.map((scale) => new ForecastMetrics({ horizon, quantiles, scales: [scale] }));
  }

  result(): PartScores {
    const { steps, ...scores } = this.all.result();
    return { ...scores, perStep: { mse: steps.map((s) => s.mse), mae: steps.map((s) => s.mae) } };
  }
}

/** Drops the scores by step, which only the overall figures give. */
function overall(metrics: ForecastMetrics): Scores {
  const { steps: _, ...scores } = metrics.result();
  return scores;
}

/**
 * @param starts windows to score, as rows of the prepared matrix
 * @param training rows of the prepared matrix that MASE's scale is taken from, by series
 */
export function evaluate(model: Forecaster, data: Prepared, starts: Int32Array, baselines: readonly Baseline[], training: readonly (readonly [number, number])[]): Evaluation {
  const { horizon: M, lookback: L } = model;
  const { targetNames, season } = data.preprocessing;
  const C = targetNames.length;
  const levels = model.config.output.quantiles;
  const mase = maseScales(data, training, season);
  const network = new Counters(M, levels, mase);
  const others = baselines.map((b) => ({ b, counters: new Counters(M, [], mase) }));
  const scalesAt = seriesScales(data);
  for (const { first, count, forecast } of model.windows(data, starts)) {
    const part = starts.subarray(first, first + count);
    const truth = cutTruth(data, part, L, M);
    const own = (values: Float32Array, c: number, per: number) => pickTarget(values, count, C, c, per, M, (b) => scalesAt(part[b]!, c));
    const add = (counters: Counters, point: Float32Array, quantiles?: Float32Array) => {
      counters.all.add(truth, point, quantiles);
      for (let c = 0; c < C; c++) counters.targets[c]!.add(own(truth, c, 1), own(point, c, 1), quantiles && own(quantiles, c, levels.length));
    };
    add(network, forecast.point, levels.length > 0 ? forecast.quantiles : undefined);
    for (const { b, counters } of others) add(counters, b.forecast(data, part));
  }
  return {
    windows: starts.length,
    network: network.result(),
    baselines: Object.fromEntries(others.map(({ b, counters }) => [b.name, counters.result()])),
    targets: Object.fromEntries(
      targetNames.map((name, c) => [
        name,
        { network: overall(network.targets[c]!), baselines: Object.fromEntries(others.map(({ b, counters }) => [b.name, overall(counters.targets[c]!)])) },
      ]),
    ),
  };
}

/** What happened: [M, windows · C], scaled, NaN where nothing was measured. */
export function cutTruth(data: Prepared, starts: Int32Array, lookback: number, horizon: number): Float32Array {
  const truth = data.truth.data;
  const C = data.layout.targets.length;
  const out = new Float32Array(horizon * starts.length * C);
  let i = 0;
  for (let m = 0; m < horizon; m++) {
    for (let b = 0; b < starts.length; b++) for (let c = 0; c < C; c++) out[i++] = truth[(starts[b]! + lookback + m) * C + c]!;
  }
  return out;
}

/** Target `c` of values [M, windows · C, per] in its own units: [M, windows, per]. */
function pickTarget(values: Float32Array, windows: number, C: number, c: number, per: number, M: number, scaleOf: (b: number) => readonly [number, number]): Float32Array {
  const out = new Float32Array(M * windows * per);
  let i = 0;
  for (let m = 0; m < M; m++) {
    for (let b = 0; b < windows; b++) {
      const [center, scale] = scaleOf(b);
      for (let q = 0; q < per; q++) out[i++] = center + scale * values[((m * windows + b) * C + c) * per + q]!;
    }
  }
  return out;
}

/** (row, target) → center and scale of the series that the row belongs to. */
function seriesScales({ offsets, set, preprocessing }: Prepared): (row: number, c: number) => readonly [number, number] {
  const scales = set.series.map((s) => scalesOf(preprocessing.scaler, s.id));
  return (row, c) => {
    let at = 0;
    while (at + 1 < offsets.length && offsets[at + 1]! <= row) at++;
    return [scales[at]!.center[c]!, scales[at]!.scale[c]!];
  };
}

/** MASE's scale of each target over all series: in scaled units and in its own. */
function maseScales(data: Prepared, training: readonly (readonly [number, number])[], season: number): { scaled: number[]; own: number[] } {
  const truth = data.truth.data;
  const C = data.layout.targets.length;
  const scalesAt = seriesScales(data);
  const scaled: number[] = [];
  const own: number[] = [];
  for (let c = 0; c < C; c++) {
    let sum = 0;
    let ownSum = 0;
    let count = 0;
    for (const [from, to] of training) {
      const column = Float64Array.from({ length: to - from }, (_, t) => truth[(from + t) * C + c]!);
      const scale = seasonalScale(column, season);
      if (Number.isNaN(scale)) continue;
      sum += scale;
      ownSum += scale * scalesAt(from, c)[1];
      count++;
    }
    scaled.push(sum / count);
    own.push(ownSum / count);
  }
  return { scaled, own };
}
