/** Rows chosen, summed, masked and ranked. Truth: the same in plain TypeScript. */
import { expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import { argTopK, embeddingBag, gatherRows, logSoftmax, maskSteps, scaleRows } from "../../src/ops/index.ts";
import { f32, f64 } from "./engines.ts";

const rng = new Rng(21);
const draw = (n: number) => Array.from({ length: n }, () => 2 * rng.uniform() - 1);

test("gatherRows takes rows in any order and gives their gradients back, added", () => {
  f64.scope(() => {
    const x = f64.tensor([2, 2, 3], [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32], { grad: true });
    const y = f64.record(() => {
      const { y } = gatherRows({ x, rows: f64.ints([3], [3, 0, 3]) });
      expect(y.shape).toEqual([3, 3]);
      expect([...y.data]).toEqual([30, 31, 32, 0, 1, 2, 30, 31, 32]);
      return y.reshape(9).slice(6, 7);
    });
    f64.backward(y);
    expect([...x.grad!]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
    expect(() => gatherRows({ x, rows: f64.ints([2], [0, -1]) })).toThrow("gatherRows: rows is -1 at place 1, expected 0 to 3; there are 4 rows (from x)");
  });
});

test("embeddingBag sums and averages bags, empty ones included", () => {
  f32.scope(() => {
    const weight = f32.tensor([3, 2], [1, 2, 10, 20, 100, 200]);
    const [ids, offsets] = [f32.ints([5], [0, 2, 1, 1, 0]), f32.ints([5], [0, 2, 2, 5, 5])];
    expect([...embeddingBag({ ids, offsets, weight }).y.data]).toEqual([101, 202, 0, 0, 21, 42, 0, 0]);
    expect([...embeddingBag({ ids, offsets, weight }, { mean: true }).y.data]).toEqual([50.5, 101, 0, 0, 7, 14, 0, 0]);
    const bad = (i: number[], o: number[]) => () => embeddingBag({ ids: f32.ints([i.length], i), offsets: f32.ints([o.length], o), weight });
    expect(bad([0, 3], [0, 2])).toThrow("embeddingBag: ids is 3 at place 1, expected 0 to 2; V is 3 (from weight)");
    for (const [o, place] of [[[1, 2], 0], [[0, 1], 1], [[0, 2, 1, 2], 2], [[0, 3, 2], 1]] as const) {
      expect(bad([0, 1], [...o])).toThrow(`embeddingBag: offsets is ${o[place]} at place ${place}, expected offsets that start at 0, never fall and end at 2`);
    }
    expect(bad([], [])).toThrow("embeddingBag: offsets is [0], expected [N + 1]");
    expect([...embeddingBag({ ids: f32.ints([0]), offsets: f32.ints([2]), weight }).y.data]).toEqual([0, 0]);
  });
});

test("maskSteps and scaleRows", () => {
  f32.scope(() => {
    const x = f32.tensor([2, 1, 3], [1, 2, 3, 4, 5, 6]);
    expect([...maskSteps({ x, mask: f32.tensor([1, 3], [2, 0, 1]) }).y.data]).toEqual([2, 0, 3, 8, 0, 6]);
    expect([...scaleRows({ x, scale: f32.tensor([2, 1], [0, 3]) }).y.data]).toEqual([0, 0, 0, 12, 15, 18]);
  });
});

test("argTopK: the largest in order, of equals the lower number first, with their log probabilities", () => {
  for (const [V, k] of [[1, 1], [5, 5], [700, 3], [2000, 40]] as const) {
    const values = draw(3 * V).map((v, i) => (i % 3 ? v : Math.round(4 * v) / 4)); // many equals
    f64.scope(() => {
      const logits = f64.tensor([3, V], values);
      const { ids, y } = argTopK({ logits }, { k });
      const all = logSoftmax({ x: logits }).y.data;
      for (let n = 0; n < 3; n++) {
        const due = Array.from({ length: V }, (_, c) => c).sort((a, b) => values[n * V + b]! - values[n * V + a]! || a - b).slice(0, k);
        expect([...ids.at(n).data]).toEqual(due);
        for (const [j, c] of due.entries()) expect(y.data[n * k + j]).toBeCloseTo(all[n * V + c]!, 12);
      }
    });
  }
  f32.scope(() => {
    const { ids, y } = argTopK({ logits: f32.tensor([4], [-Infinity, 2, -Infinity, 2]) }, { k: 3 });
    expect([...ids.data]).toEqual([1, 3, 0]);
    expect([...y.data]).toEqual([Math.fround(-Math.LN2), Math.fround(-Math.LN2), -Infinity]);
    expect(() => argTopK({ logits: f32.tensor([4]) }, { k: 5 })).toThrow("argTopK: k is 5, expected a whole number from 1 to 4; V is 4 (from logits)");
  });
});
