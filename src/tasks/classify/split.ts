/** @file Which items train, validate and test: every class in its share. Runs in browsers. */
import { Rng } from "../../base/random.ts";

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

/** Cuts items into parts of these shares of all, every class in its share; what the shares leave over goes to the first. Each part ascends. */
export function splitItems(labels: readonly ArrayLike<number>[], shares: readonly number[], seed: number): Int32Array[] {
  const order = dealt(labels, new Rng(seed));
  const parts: Int32Array[] = [];
  let to = order.length;
  for (let k = shares.length - 1; k >= 1; k--) {
    const from = Math.max(0, to - Math.round(shares[k]! * order.length));
    parts.unshift(order.subarray(from, to).toSorted());
    to = from;
  }
  return [order.subarray(0, to).toSorted(), ...parts];
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
