/**
 * @file Batches of windows cut straight out of a long series in engine memory, so that no window is ever stored. Data, not
 * layers: nothing here has a gradient. R rows, C columns, B windows, K chosen columns.
 */
import { SluiceError, showShape } from "../base/errors.ts";
import type { Tensor } from "../engine/tensor.ts";

/** Which rows and columns of a series make the batch. */
export interface WindowChoice {
  /** [R, C], one row a time step. Several series may lie one after the other; `starts` decides that no window crosses over. */
  series: Tensor;
  /** int [B]: row of each window's first step. */
  starts: Tensor;
  /** Columns to take, in this order; all of them when left out. */
  columns?: readonly number[];
  /** Rows from a window's start to where reading begins: 0 for the look-back, its length for the horizon. */
  offset?: number;
  /** Also make the mask: 1 where there is a value, 0 where it is missing. */
  mask?: boolean;
}

/** What has been cut out: missing values (NaN) are 0 in `x`. */
export interface Windows {
  x: Tensor;
  /** The shape of `x`; only when asked for. */
  mask: Tensor | undefined;
}

/** The last outcome of a gather kernel, as an error that names the window. */
function refuse(where: string, { series, starts, offset = 0 }: WindowChoice, item: number, length: number): SluiceError {
  const from = starts.data[item]! + offset;
  const rows = series.shape[0]!;
  return new SluiceError(
    "range",
    `${where}: window ${item} reads rows ${from} to ${from + length - 1}, expected 0 to ${rows - 1}; the series has ${rows} rows`,
    {
      item,
      from,
      length,
      rows,
    },
  );
}

/** What a kernel's int holds. */
const LARGEST = 2 ** 31 - 1;

/** Engine memory for a choice: column numbers, output and mask. */
function prepare(where: string, { series, starts, columns, mask, offset = 0 }: WindowChoice, shape: (B: number, K: number) => number[]) {
  const engine = series.engine;
  const C = series.shape[1] ?? 0;
  if (series.shape.length !== 2 || series.kind !== "real")
    throw new SluiceError("shape", `${where}: series is ${showShape(series.shape)}, expected reals [R, C]`);
  if (starts.shape.length !== 1 || starts.kind !== "int")
    throw new SluiceError("shape", `${where}: starts is ${showShape(starts.shape)}, expected integers [B]`);
  if (!Number.isInteger(offset) || Math.abs(offset) > LARGEST)
    throw new SluiceError("range", `${where}: offset is ${offset}, expected a whole number of rows`, { offset });
  const chosen = columns ?? Array.from({ length: C }, (_, c) => c);
  for (const c of chosen) {
    if (!(Number.isInteger(c) && c >= 0 && c < C))
      throw new SluiceError("range", `${where}: columns has ${c}, expected 0 to ${C - 1}; C is ${C} (from series)`, {
        column: c,
      });
  }
  const K = chosen.length;
  const x = engine.make(shape(starts.size, K));
  const masked = mask ? engine.make(x.shape) : undefined;
  return { k: engine.kernels, R: series.shape[0]!, C, B: starts.size, K, x, mask: masked, columns: engine.ints([K], chosen) };
}

/** Refuses a count that is no whole number from 1. */
function checkCount(where: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new SluiceError("range", `${where} is ${value}, expected a whole number from 1`, { value });
}

/**
 * Windows of `length` steps, time first: x[t, b, k] = series[starts[b] + offset + t, columns[k]], [length, B, K].
 * @throws range: a window leaves the series, a column that is not there; shape: series or starts of another shape
 */
export function gatherWindows(choice: WindowChoice, length: number): Windows {
  checkCount("gatherWindows: length", length);
  const { k, R, C, B, K, x, mask, columns } = prepare("gatherWindows", choice, (B, K) => [length, B, K]);
  const bad = k.window_gather(
    x.ptr,
    mask?.ptr ?? 0,
    choice.series.ptr,
    choice.starts.ptr,
    columns.ptr,
    R,
    C,
    length,
    B,
    K,
    choice.offset ?? 0,
  );
  if (bad >= 0) throw refuse("gatherWindows", choice, bad, length);
  return { x, mask };
}

/**
 * The same with every column of every window an item of its own, cut into segments of `width` steps, segments first:
 * x[s, b·K + k, j] = series[starts[b] + offset + s·width + j, columns[k]], [segments, B·K, width].
 * @throws as gatherWindows
 */
export function gatherSegments(choice: WindowChoice, segments: number, width: number): Windows {
  checkCount("gatherSegments: segments", segments);
  checkCount("gatherSegments: width", width);
  const { k, R, C, B, K, x, mask, columns } = prepare("gatherSegments", choice, (B, K) => [segments, B * K, width]);
  const bad = k.window_segments(
    x.ptr,
    mask?.ptr ?? 0,
    choice.series.ptr,
    choice.starts.ptr,
    columns.ptr,
    R,
    C,
    segments,
    width,
    B,
    K,
    choice.offset ?? 0,
  );
  if (bad >= 0) throw refuse("gatherSegments", choice, bad, segments * width);
  return { x, mask };
}

/**
 * Mean and √(variance + eps) of each item of x [A, B, K] over A and K, [B] both: what instance normalisation takes away and gives
 * back (RevIN, Kim et al. 2022).
 * Elements whose mask is 0 don't count; an item without any gets 0 and 1.
 */
export function itemMoments(
  x: Tensor,
  { mask, eps = 1e-5 }: { mask?: Tensor | undefined; eps?: number } = {},
): { mean: Tensor; deviation: Tensor } {
  const [A = 0, B = 0, K = 0] = x.shape;
  if (x.shape.length !== 3) throw new SluiceError("shape", `itemMoments: x is ${showShape(x.shape)}, expected [A, B, K]`);
  if (mask && showShape(mask.shape) !== showShape(x.shape)) {
    throw new SluiceError("shape", `itemMoments: mask is ${showShape(mask.shape)}, expected ${showShape(x.shape)} (from x)`);
  }
  const mean = x.engine.make([B]);
  const deviation = x.engine.make([B]);
  x.engine.kernels.item_moments(mean.ptr, deviation.ptr, x.ptr, mask?.ptr ?? 0, A, B, K, eps);
  return { mean, deviation };
}
