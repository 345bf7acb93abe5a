/** @file Data cut into parts and windows, scaled and laid out in engine memory, with the baselines fitted to its training part. Runs in browsers. */
import { historyLength, type SeriesSet } from "../../data/series.ts";
import { type Part, type Split, type SplitSpec, splitSeries } from "../../data/split.ts";
import { windowStarts } from "../../data/windows.ts";
import type { Engine } from "../../engine/engine.ts";
import { type Baseline, fitLinear, lastValue, linearBaseline, seasonalNaive } from "./baselines.ts";
import type { LinearMap } from "./linear-map.ts";
import { type Prepared, type Preprocessing, prepare } from "./prepare.ts";

/** The parts of each series, counted over its history: rows that only tell what is known of the future are not data to learn from or to be scored on. */
export const splitHistory = (set: SeriesSet, spec: SplitSpec | undefined, horizon: number): Split[] =>
  set.series.map((s) => splitSeries({ ...s, length: historyLength(s) }, spec, horizon));

export interface Material {
  data: Prepared;
  /** Window starts of each part, as rows of the prepared matrix. */
  starts: Record<Part, Int32Array>;
  /** Training rows of each series, as rows of the prepared matrix. */
  training: [number, number][];
  baselines: Baseline[];
  map: LinearMap;
}

/** @throws data: no training window without a gap */
export function prepareMaterial(
  engine: Engine,
  set: SeriesSet,
  splits: readonly Split[],
  { lookback, horizon, season }: { lookback: number; horizon: number; season: number },
  preprocessing: Preprocessing,
): Material {
  const data = prepare(engine, set, preprocessing);
  const startsOf = (part: Part): Int32Array => {
    const all = set.series.flatMap((s, i) => {
      const own = windowStarts(s, splits[i]![part], { lookback, horizon, part });
      return [own.map((row) => row + data.offsets[i]!)];
    });
    const joined = new Int32Array(all.reduce((n, a) => n + a.length, 0));
    let at = 0;
    for (const a of all) {
      joined.set(a, at);
      at += a.length;
    }
    return joined;
  };
  const starts = { train: startsOf("train"), valid: startsOf("valid"), test: startsOf("test") };
  const training = set.series.map((_, i): [number, number] => [data.offsets[i]! + splits[i]!.train[0], data.offsets[i]! + splits[i]!.train[1]]);
  const map = fitLinear(data, training, starts.valid, lookback, horizon);
  const baselines = [lastValue(lookback, horizon), seasonalNaive(lookback, horizon, season), linearBaseline(map)];
  return { data, starts, training, baselines: season > 1 ? baselines : [baselines[0]!, baselines[2]!], map };
}
