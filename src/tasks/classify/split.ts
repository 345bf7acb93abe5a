/** @file Which items train, validate and test: every class in its share. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { Rng } from "../../base/random.ts";

/** A split of items that no clock orders: parts of 1, or counts. */
export interface ItemSplit {
  by: "fractions" | "counts";
  train: number;
  valid: number;
  test: number;
}

/**
 * How many of `items` train, validate and test.
 * @throws range: numbers that are none, or do not sum to all items
 */
export function countsOf({ by, train, valid, test }: ItemSplit, items: number): [train: number, valid: number, test: number] {
  const whole = by === "counts" ? items : 1;
  const sum = train + valid + test;
  if (![train, valid, test].every((n) => n >= 0) || !(train > 0) || Math.abs(sum - whole) > 1e-6 * whole) {
    throw new SluiceError("range", `classify: split is ${train}, ${valid}, ${test}, expected numbers from 0 whose sum is ${by === "counts" ? `${items}, the labelled items` : "1"}`, { train, valid, test, items });
  }
  const held = [valid, test].map((n) => (by === "counts" ? n : Math.round(n * items))) as [number, number];
  return [items - held[0] - held[1], ...held];
}

/** The items in an order in which every stretch has all classes in about their shares; items without a label count as a class. */
function dealt(labels: readonly ArrayLike<number>[], rng: Rng): Int32Array {
  const groups = new Map<number, number[]>();
  for (const [i, of] of labels.entries()) {
    const key = of[0] ?? -1;
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  }
  const placed: { at: number; i: number }[] = [];
  for (const [, group] of [...groups].sort(([a], [b]) => a - b)) {
    const shift = rng.uniform();
    for (const [k, i] of rng.shuffle(group).entries()) placed.push({ at: (k + shift) / group.length, i });
  }
  return Int32Array.from(placed.sort((a, b) => a.at - b.at || a.i - b.i), ({ i }) => i);
}

/** Cuts items into parts of these sizes, every class in its share; each part ascends. What is left over goes to the first. */
export function splitItems(labels: readonly ArrayLike<number>[], counts: readonly number[], seed: number): Int32Array[] {
  const order = dealt(labels, new Rng(seed));
  const parts: Int32Array[] = [];
  let to = order.length;
  for (let k = counts.length - 1; k >= 1; k--) {
    parts.unshift(order.slice(to - counts[k]!, to).sort());
    to -= counts[k]!;
  }
  return [order.slice(0, to).sort(), ...parts];
}

/** For each of `members` the items it is trained on and the others, which validate it: parts that do not overlap while there are enough. */
export function foldItems(labels: readonly ArrayLike<number>[], members: number, share: number, seed: number): { train: Int32Array; valid: Int32Array }[] {
  const order = dealt(labels, new Rng(seed));
  const folds = Math.max(2, Math.round(1 / share));
  return Array.from({ length: members }, (_, m) => {
    const [from, to] = [m % folds, (m % folds) + 1].map((k) => Math.round((k * order.length) / folds)) as [number, number];
    return { valid: order.slice(from, to).sort(), train: Int32Array.from([...order.subarray(0, from), ...order.subarray(to)]).sort() };
  });
}
