/** @file Truth: counting. Every pair travels once an epoch, as it is, whatever the order; limits and numbers of batches hold. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Rng } from "../../base/random.ts";
import { ignored, type Pair, type PairBatch, PairBatches } from "./batches.ts";

const marks = { sourceEnd: 100, start: 101, end: 102 };
const tokens = fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 12 }).map((ids) => Int32Array.from(ids));
const pairs: fc.Arbitrary<Pair[]> = fc.array(fc.record({ source: tokens, target: tokens }), { minLength: 1, maxLength: 40 });

/** The pairs that a batch holds, read back from its columns. */
function readBack({ source, T, given, due }: PairBatch): string[] {
  return Array.from({ length: source.B }, (_, b) => {
    const s = Array.from({ length: source.lengths[b]! - 1 }, (__, t) => source.ids[t * source.B + b]!);
    const column = Array.from({ length: T }, (__, t) => due[t * source.B + b]!).filter((id) => id !== ignored);
    expect(column.at(-1)).toBe(marks.end);
    expect(given[b]).toBe(marks.start);
    for (let t = 1; t < column.length; t++) expect(given[t * source.B + b]).toBe(column[t - 1]);
    return JSON.stringify([s, column.slice(0, -1)]);
  });
}

test("every pair travels once an epoch; batches are as many each time and keep to their size", () => {
  fc.assert(
    fc.property(pairs, fc.integer({ min: 10, max: 200 }), fc.nat(), (all, size, seed) => {
      const batches = new PairBatches(all, marks, size);
      const { count } = batches;
      const expected = all.map(({ source, target }) => JSON.stringify([[...source], [...target]])).sort();
      const rng = new Rng(seed);
      for (let epoch = 0; epoch < 2; epoch++) {
        batches.start(rng);
        expect(batches.count).toBe(count);
        const found: string[] = [];
        let tokens = 0;
        for (let i = 0; i < count; i++) {
          const batch = batches.batch(i);
          found.push(...readBack(batch));
          tokens += batch.count;
          if (batch.source.B > 1) expect(batch.source.B * Math.max(batch.T, batch.source.S)).toBeLessThanOrEqual(size);
        }
        expect(found.sort()).toEqual(expected);
        expect(tokens).toBe(batches.tokens);
      }
    }),
  );
});

test("no pairs are refused", () => {
  expect(() => new PairBatches([], marks, 100)).toThrow(/there are 0 pairs/);
});
