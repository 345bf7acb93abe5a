/** @file Bags of rows as the op for them wants them: all ids behind one another, and where each bag begins. Runs in browsers. */
import type { Tensor } from "../../engine/tensor.ts";
import { embeddingBag } from "../../ops/rows.ts";

/** [N, E]: sum or mean of the rows of `table` [V, E] that each item names; an item without rows is zero. */
export function bags(table: Tensor, items: readonly Int32Array[], mode: "mean" | "sum"): Tensor {
  const offsets = new Int32Array(items.length + 1);
  for (const [n, item] of items.entries()) offsets[n + 1] = offsets[n]! + item.length;
  const ids = new Int32Array(offsets[items.length]!);
  for (const [n, item] of items.entries()) ids.set(item, offsets[n]);
  const { engine } = table;
  return embeddingBag({ ids: engine.ints([ids.length], ids), offsets: engine.ints([offsets.length], offsets), weight: table }, { mean: mode === "mean" }).y;
}
