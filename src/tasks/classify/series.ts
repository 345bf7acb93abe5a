/** @file What a series is to the network: channels on one scale, gaps held, and a few numbers that sum it up. Runs in browsers. */
import type { SeriesItem } from "./batch.ts";
import type { LabelledSeries, SeriesValues } from "./data.ts";

/** Fitted to the training series, kept with the model. JSON. */
export interface SeriesScale {
  channels: string[];
  /** Of each channel's values. */
  mean: number[];
  deviation: number[];
  /** Of each summary feature. */
  featureMean: number[];
  featureDeviation: number[];
}

/** Of each channel: mean, deviation, mean step, and the mean size of a step. */
const FEATURES = 4;

/** Number of summary features of so many channels. */
export const featureCount = (channels: number): number => FEATURES * channels;

/** Means and deviations of the training series. A channel that stands still, or was never measured, has deviation 1. */
export function fitSeries(data: LabelledSeries, which: ArrayLike<number>): SeriesScale {
  const C = data.channels.length;
  const values = moments(Array.from(which, (i) => data.series[i]!.values), C);
  const scale: SeriesScale = { channels: data.channels, mean: values.mean, deviation: values.deviation, featureMean: [], featureDeviation: [] };
  const features = moments(Array.from(which, (i) => summarise(level(data.series[i]!, scale), C)), featureCount(C));
  return { ...scale, featureMean: features.mean, featureDeviation: features.deviation };
}

/** A series as the network reads it. Gaps hold the last value before them; before the first value stands the channel's mean. */
export function prepareSeries(series: SeriesValues, scale: SeriesScale): SeriesItem {
  const values = level(series, scale);
  const { featureMean, featureDeviation } = scale;
  const features = summarise(values, scale.channels.length).map((v, f) => (v - featureMean[f]!) / featureDeviation[f]!);
  return { values, steps: series.steps, features };
}

/** [T, C] on the training series' scale, without gaps. */
function level({ steps, values }: SeriesValues, { mean, deviation }: SeriesScale): Float32Array {
  const C = mean.length;
  const out = new Float32Array(steps * C);
  for (let c = 0; c < C; c++) {
    let held = 0;
    for (let t = 0; t < steps; t++) {
      const v = (values[t * C + c]! - mean[c]!) / deviation[c]!;
      if (!Number.isNaN(v)) held = v;
      out[t * C + c] = held;
    }
  }
  return out;
}

/** The summary features of values [T, C], channel by channel. */
function summarise(values: Float32Array, C: number): Float32Array {
  const T = values.length / C;
  const out = new Float32Array(FEATURES * C);
  for (let c = 0; c < C; c++) {
    let sum = 0;
    let squares = 0;
    let size = 0;
    for (let t = 0; t < T; t++) {
      const v = values[t * C + c]!;
      sum += v;
      squares += v * v;
      if (t > 0) size += Math.abs(v - values[(t - 1) * C + c]!);
    }
    const mean = sum / T;
    const steps = Math.max(1, T - 1);
    out.set([mean, Math.sqrt(Math.max(0, squares / T - mean * mean)), (values[(T - 1) * C + c]! - values[c]!) / steps, size / steps], c * FEATURES);
  }
  return out;
}

/** Mean and deviation of each of `width` columns over all rows, NaN left out. */
function moments(blocks: readonly Float32Array[], width: number): { mean: number[]; deviation: number[] } {
  const n = new Float64Array(width);
  const sum = new Float64Array(width);
  const squares = new Float64Array(width);
  const each = (f: (v: number, c: number) => void) => {
    for (const block of blocks) for (let i = 0; i < block.length; i++) if (!Number.isNaN(block[i]!)) f(block[i]!, i % width);
  };
  each((v, c) => {
    n[c]!++;
    sum[c]! += v;
  });
  const mean = Array.from(sum, (s, c) => (n[c]! > 0 ? s / n[c]! : 0));
  each((v, c) => {
    squares[c]! += (v - mean[c]!) ** 2;
  });
  const deviation = Array.from(squares, (s, c) => {
    const d = n[c]! > 0 ? Math.sqrt(s / n[c]!) : 0;
    return d > 1e-12 * (1 + Math.abs(mean[c]!)) ? d : 1;
  });
  return { mean, deviation };
}
