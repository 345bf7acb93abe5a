/** @file From samples to batches: items of like lengths together, long ones in pieces. Runs in browsers. */
import type { Rng } from "../../base/random.ts";
import type { Lexicon, UnitText } from "./units.ts";

/** Texts ready for batches. */
export interface TextSamples {
  kind: "text";
  lexicon: Lexicon;
  items: readonly UnitText[];
}

/** One labelled series: values [T, channels], scaled, and its summary features. */
export interface SeriesItem {
  values: Float32Array;
  steps: number;
  features: Float32Array;
}

export interface SeriesSamples {
  kind: "series";
  channels: number;
  items: readonly SeriesItem[];
}

export type Samples = TextSamples | SeriesSamples;

/** Which rows of a batch are pieces of one item. */
export interface Pieces {
  /** int [most, B]: rows of each item, padded with any. */
  ids: Int32Array;
  /** int [B] */
  counts: Int32Array;
  most: number;
}

interface BatchBase {
  /** B: texts or series. */
  items: number;
  /** R: rows the recurrent layers read, more than B where an item is cut in pieces. */
  rows: number;
  /** L: steps of the longest row. */
  steps: number;
  /** int [R] */
  lengths: Int32Array;
  pieces: Pieces | null;
}

export interface TextBatch extends BatchBase {
  kind: "text";
  /** Bags of the different units in here. */
  bags: Int32Array[];
  /** int [L, R]: which bag. */
  ids: Int32Array;
  /** Rows of the wide part of each item. */
  wide: Int32Array[];
}

export interface SeriesBatch extends BatchBase {
  kind: "series";
  /** [L, R, channels] */
  x: Float32Array;
  /** [B, features] */
  features: Float32Array;
}

export type Batch = TextBatch | SeriesBatch;

export const lengthOf = (samples: Samples, i: number): number =>
  samples.kind === "text" ? samples.items[i]!.units.length : samples.items[i]!.steps;

/** The samples numbered `which` as one batch. @param piece longest row in steps; longer items are cut */
export function makeBatch(samples: Samples, which: ArrayLike<number>, piece: number): Batch {
  const B = which.length;
  const firsts = new Int32Array(B); // first row of each item
  const counts = new Int32Array(B);
  let R = 0;
  let L = 1;
  let most = 1;
  for (let b = 0; b < B; b++) {
    const n = lengthOf(samples, which[b]!);
    counts[b] = Math.max(1, Math.ceil(n / piece));
    firsts[b] = R;
    R += counts[b]!;
    most = Math.max(most, counts[b]!);
    L = Math.max(L, Math.min(n, Math.ceil(n / counts[b]!)));
  }
  const lengths = new Int32Array(R);
  const begins = new Int32Array(R); // where in its item each row begins
  for (let b = 0; b < B; b++) {
    const n = lengthOf(samples, which[b]!);
    const k = counts[b]!;
    for (let i = 0; i < k; i++) {
      begins[firsts[b]! + i] = Math.floor((i * n) / k);
      lengths[firsts[b]! + i] = Math.floor(((i + 1) * n) / k) - Math.floor((i * n) / k);
    }
  }
  const pieces = most === 1 ? null : { most, counts, ids: Int32Array.from({ length: most * B }, (_, j) => firsts[j % B]! + Math.min(Math.floor(j / B), counts[j % B]! - 1)) };
  const base = { items: B, rows: R, steps: L, lengths, pieces };
  if (samples.kind === "series") {
    const C = samples.channels;
    const F = samples.items[which[0]!]?.features.length ?? 0;
    const x = new Float32Array(L * R * C);
    const features = new Float32Array(B * F);
    for (let b = 0; b < B; b++) {
      const item = samples.items[which[b]!]!;
      features.set(item.features, b * F);
      for (let r = firsts[b]!; r < firsts[b]! + counts[b]!; r++)
        for (let t = 0; t < lengths[r]!; t++) x.set(item.values.subarray((begins[r]! + t) * C, (begins[r]! + t + 1) * C), (t * R + r) * C);
    }
    return { kind: "series", ...base, x, features };
  }
  const ids = new Int32Array(L * R);
  const local = new Map<number, number>();
  const bags: Int32Array[] = [];
  const wide: Int32Array[] = [];
  for (let b = 0; b < B; b++) {
    const item = samples.items[which[b]!]!;
    wide.push(item.wide);
    for (let r = firsts[b]!; r < firsts[b]! + counts[b]!; r++) {
      for (let t = 0; t < lengths[r]!; t++) {
        const unit = item.units[begins[r]! + t]!;
        let id = local.get(unit);
        if (id === undefined) {
          id = bags.length;
          local.set(unit, id);
          bags.push(samples.lexicon.bag(unit));
        }
        ids[t * R + r] = id;
      }
    }
  }
  return { kind: "text", ...base, bags, ids, wide };
}

/** Batches whose items are of like lengths: shuffled, sorted within runs of `RUN` batches, and the batches shuffled. */
export function bucket(samples: Samples, which: Int32Array, size: number, rng: Rng): Int32Array[] {
  const order = rng.shuffle(which.slice());
  const batches: Int32Array[] = [];
  for (let from = 0; from < order.length; from += RUN * size) {
    const run = order.subarray(from, from + RUN * size).sort((a, b) => lengthOf(samples, a) - lengthOf(samples, b) || a - b);
    for (let at = 0; at < run.length; at += size) batches.push(run.slice(at, at + size));
  }
  return rng.shuffle(batches);
}

const RUN = 20;
