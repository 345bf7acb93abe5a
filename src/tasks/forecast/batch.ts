/** @file From window starts to one batch of tensors: cut out by kernels, brought to a common level, with weights for what is missing. Runs in browsers. */
import type { Engine } from "../../engine/engine.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { affine, scaleShift } from "../../ops/elementwise.ts";
import { sliceLast } from "../../ops/shape.ts";
import { gatherSegments, gatherWindows, itemMoments } from "../../ops/window.ts";
import type { NetworkConfig, NetworkInputs } from "./network.ts";
import type { Layout, Prepared } from "./prepare.ts";

/**
 * What is taken off each window before the network sees it and given back to its forecast: `last` the look-back's last value, `mean` its
 * mean, `standard` mean and standard deviation, `none` nothing. A network that reads differences needs not learn levels.
 */
export type InstanceNorm = "none" | "last" | "mean" | "standard";

/** Location and scale of each item, [B·C]; scale is absent where it is 1. */
export interface ItemScales {
  loc: Tensor | null;
  scale: Tensor | null;
}

export interface Batch {
  inputs: NetworkInputs;
  scales: ItemScales;
}

export interface Targets {
  /** [M/D, B·C, D] in the items' own units, 0 where nothing was measured. */
  target: Tensor;
  /** The same shape: 0 where nothing was measured. */
  weight: Tensor;
}

/** Below this share of a column's spread a window counts as flat. */
const FLAT = 1e-2;

/** The inputs of the windows that begin at `starts` (rows of the prepared matrix). */
export function cutInputs(data: Prepared, config: NetworkConfig, norm: InstanceNorm, starts: Tensor): Batch {
  const { matrix, layout } = data;
  const { segment: D, lookback, horizon } = config;
  const { x } = gatherSegments({ series: matrix, starts, columns: layout.targets }, lookback / D, D);
  const scales = measure(x, norm);
  const inputs: NetworkInputs = {
    values: level(x, scales),
    features: cutFeatures(data, config, layout.features, starts, 0, lookback),
    known: cutFeatures(data, config, layout.known, starts, lookback, horizon),
    columns: columnsOf(matrix.engine, layout, starts.size),
  };
  return { inputs, scales };
}

/** What the same windows' horizons turned out to be. */
export function cutTargets(data: Prepared, config: NetworkConfig, scales: ItemScales, starts: Tensor): Targets {
  const { segment: D, horizon, lookback } = config;
  const { x, mask } = gatherSegments({ series: data.truth, starts, offset: lookback, mask: true }, horizon / D, D);
  return { target: level(x, scales), weight: mask! };
}

/** Features in the shape that each network reads; undefined when there are none. */
function cutFeatures(data: Prepared, config: NetworkConfig, columns: readonly number[], starts: Tensor, offset: number, steps: number): Tensor | undefined {
  if (columns.length === 0) return undefined;
  if (config.model === "direct") return gatherWindows({ series: data.matrix, starts, columns, offset }, steps).x;
  // Every item of a window reads the same features, so they are cut once for each target column.
  const repeated = Array.from({ length: config.targets }, () => columns).flat();
  const { x } = gatherSegments({ series: data.matrix, starts, columns: repeated, offset }, steps / config.segment, config.segment);
  return x.reshape(steps / config.segment, -1, columns.length * config.segment);
}

/** int [B·C]: the target column of each item. */
function columnsOf(engine: Engine, layout: Layout, windows: number): Tensor {
  const C = layout.targets.length;
  return engine.ints(
    [windows * C],
    Int32Array.from({ length: windows * C }, (_, i) => i % C),
  );
}

/** Location and scale of each item of x [S, N, D]. */
function measure(x: Tensor, norm: InstanceNorm): ItemScales {
  if (norm === "none") return { loc: null, scale: null };
  if (norm === "last") {
    const last = x.at(-1);
    const D = last.shape[1]!;
    return { loc: sliceLast({ x: last }, { from: D - 1 }).y.reshape(-1), scale: null };
  }
  const { mean, deviation } = itemMoments(x, { eps: FLAT * FLAT });
  return { loc: mean, scale: norm === "mean" ? null : deviation };
}

/** (x − loc) / scale for each item of x [S, N, D]. */
function level(x: Tensor, { loc, scale }: ItemScales): Tensor {
  if (loc === null) return x;
  if (scale === null) return scaleShift({ x, t: affine({ x: loc }, { scale: -1 }).y }).y;
  const e = x.engine;
  const by = scale.data;
  const of = loc.data;
  const s = Float64Array.from(by as ArrayLike<number>, (v) => 1 / v);
  const t = Float64Array.from(of as ArrayLike<number>, (v, i) => -v * s[i]!);
  return scaleShift({ x, s: e.tensor(scale.shape, s), t: e.tensor(scale.shape, t) }).y;
}
