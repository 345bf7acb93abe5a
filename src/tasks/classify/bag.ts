/** @file Sums and means of rows of a table, a different number for each item. Runs in browsers. */
import type { Tensor } from "../../engine/tensor.ts";
import { embedding } from "../../ops/embedding.ts";
import { scaleShift } from "../../ops/elementwise.ts";
import { meanPool } from "../../ops/pool.ts";

export function bags(weight: Tensor, items: readonly Int32Array[], mode: "mean" | "sum"): Tensor {
  const N = items.length;
  const e = weight.engine;
  let K = 1;
  for (const b of items) K = Math.max(K, b.length);
  const ids = new Int32Array(K * N);
  for (let n = 0; n < N; n++) for (let k = 0; k < items[n]!.length; k++) ids[k * N + n] = items[n]![k]!;
  const lengths = Int32Array.from(items, (b) => b.length);
  const { y } = meanPool({ x: embedding({ ids: e.ints([K, N], ids), weight }).y, lengths: e.ints([N], lengths) });
  return mode === "mean" ? y : scaleShift({ x: y, s: e.tensor([N], lengths) }).y;
}
