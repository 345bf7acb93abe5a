/** @file Truth: every token is predicted as often as the definition says, from the token before it; made up texts of any size. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Rng } from "../../base/random.ts";
import { ItemBatches, StreamBatches } from "./batches.ts";

test("streams: every target follows its input, chunk after chunk in each stream, and each is predicted once", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 400 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 7 }), fc.nat(), (n, streams, chunk, seed) => {
      fc.pre(n > streams);
      const ids = Int32Array.from({ length: n }, (_, i) => i);
      const batches = new StreamBatches(ids, { streams, chunk });
      batches.start(new Rng(seed));
      const seen = new Set<number>();
      const last = new Map<number, number>();
      for (let i = 0; i < batches.count; i++) {
        const { L, B, ids: read, targets, weight, count, carry } = batches.batch(i);
        expect({ B, weight, count, carry }).toEqual({ B: streams, weight: null, count: L * B, carry: i > 0 });
        for (let b = 0; b < B; b++) {
          if (i > 0) expect(read[b]).toBe(last.get(b)!); // goes on where the chunk before ended
          for (let t = 0; t < L; t++) {
            expect(targets[t * B + b]).toBe(read[t * B + b]! + 1);
            seen.add(targets[t * B + b]!);
          }
          last.set(b, targets[(L - 1) * B + b]!);
        }
      }
      expect(seen.size).toBe(batches.tokens);
      expect(n - 1 - batches.tokens).toBeLessThan(streams + chunk);
    }),
  );
});

test("items: every line once a pass, between two marks, whatever the order", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 8 }), fc.nat(), (lines, size, seed) => {
      const batches = new ItemBatches(Int32Array.from(lines.flatMap((line) => [...line, 0])), 0, size);
      batches.start(new Rng(seed));
      const seen: string[] = [];
      let count = 0;
      for (let i = 0; i < batches.count; i++) {
        const { L, B, ids, targets, weight, count: counted } = batches.batch(i);
        count += counted;
        for (let b = 0; b < B; b++) {
          const column = (a: ArrayLike<number>) => Array.from({ length: L }, (_, t) => a[t * B + b]!);
          const n = column(weight!).reduce((x, y) => x + y);
          const line = column(targets).slice(0, n);
          expect(line.pop()).toBe(0);
          expect(column(ids).slice(0, n)).toEqual([0, ...line]);
          seen.push(line.join());
        }
      }
      expect(seen.sort()).toEqual(lines.map((line) => line.join()).sort());
      expect(count).toBe(lines.flat().length + lines.length);
      expect(batches.tokens).toBe(count);
    }),
  );
  expect(() => new ItemBatches(Int32Array.of(0, 0), 0, 2)).toThrow("language: there is no line that holds anything");
});

test("a long text has other borders between its chunks in another pass, a resumed pass has the same", () => {
  const ids = Int32Array.from({ length: 1000 }, (_, i) => i);
  const first = (seed: number) => {
    const batches = new StreamBatches(ids, { streams: 2, chunk: 10 });
    batches.start(new Rng(seed));
    return batches.batch(0).ids[0]!;
  };
  expect(first(3)).toBe(first(3));
  expect(new Set(Array.from({ length: 30 }, (_, seed) => first(seed))).size).toBeGreaterThan(5);
});
