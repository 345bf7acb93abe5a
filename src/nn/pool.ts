/** @file From a sequence to one row an item, by name. */
import { SluiceError } from "../base/errors.ts";
import type { Tensor } from "../engine/tensor.ts";
import { lastStep, maxPool, meanPool } from "../ops/pool.ts";

export type Pooling = "last" | "mean" | "max";

/**
 * [L, B, H] to [B, H]: the last real step, or mean or maximum of the real steps of each item.
 * @param lengths int [B]: real steps; all L when left out. An item of length 0 gives zeros.
 */
export function pool(kind: Pooling, x: Tensor, lengths?: Tensor): Tensor {
  const ops = { last: lastStep, mean: meanPool, max: maxPool };
  if (!Object.hasOwn(ops, kind)) throw new SluiceError("range", `pool: kind is "${String(kind)}", expected last, mean or max`);
  return ops[kind]({ x, lengths }).y;
}
