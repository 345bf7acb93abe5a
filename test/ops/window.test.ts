/** Windows cut from a series. Truth: a plain loop over the definition; NaN rules; random choices. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { gatherSegments, gatherWindows, itemMoments } from "../../src/ops/window.ts";
import { f64 } from "./engines.ts";

const series = (R: number, C: number) =>
  Array.from({ length: R * C }, (_, i) => (i % 7 === 3 ? Number.NaN : Math.floor(i / C) * 100 + (i % C)));

const choice = fc.record({
  C: fc.integer({ min: 1, max: 5 }),
  length: fc.integer({ min: 1, max: 6 }),
  width: fc.integer({ min: 1, max: 5 }),
  offset: fc.integer({ min: 0, max: 4 }),
  starts: fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
  columns: fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }),
});

test("an offset is a whole number of rows: nothing is rounded, and nothing wraps round", () => {
  const series = f64.tensor([4, 1], [1, 2, 3, 4]);
  const starts = f64.ints([1], [0]);
  for (const offset of [1.5, 2 ** 32, 2 ** 33 + 2, Number.NaN]) {
    expect(() => gatherWindows({ series, starts, offset }, 2)).toThrow(/gatherWindows: offset is .*, expected a whole number/);
    expect(() => gatherSegments({ series, starts, offset }, 1, 2)).toThrow(/gatherSegments: offset is .*, expected a whole number/);
  }
});

test("windows and segments are what the definition says, with missing values as 0 and marked", () => {
  fc.assert(
    fc.property(choice, ({ C, length, width, offset, starts, columns: wish }) => {
      const columns = wish.map((c) => c % C);
      const R = 20 + offset + length * width + 1;
      const data = series(R, C);
      const [B, K] = [starts.length, columns.length];
      f64.scope(() => {
        const given = { series: f64.tensor([R, C], data), starts: f64.ints([B], starts), columns, offset, mask: true };
        const whole = gatherWindows(given, length * width);
        const parts = gatherSegments(given, length, width);
        expect(whole.x.shape).toEqual([length * width, B, K]);
        expect(parts.x.shape).toEqual([length, B * K, width]);
        for (let t = 0; t < length * width; t++) {
          for (let b = 0; b < B; b++) {
            for (let k = 0; k < K; k++) {
              const value = data[(starts[b]! + offset + t) * C + columns[k]!]!;
              const there = Number.isNaN(value) ? 0 : 1;
              const flat = (t * B + b) * K + k;
              const cut = ((Math.floor(t / width) * B + b) * K + k) * width + (t % width);
              expect([whole.x.data[flat], whole.mask!.data[flat]]).toEqual([there ? value : 0, there]);
              expect([parts.x.data[cut], parts.mask!.data[cut]]).toEqual([there ? value : 0, there]);
            }
          }
        }
      });
    }),
    { numRuns: 60 },
  );
});

test("all columns when none are named; no mask unless asked for", () => {
  f64.scope(() => {
    const { x, mask } = gatherWindows({ series: f64.tensor([3, 2], [1, 2, 3, 4, 5, 6]), starts: f64.ints([2], [1, 0]) }, 2);
    expect([...x.data]).toEqual([3, 4, 1, 2, 5, 6, 3, 4]);
    expect(mask).toBe(undefined);
  });
});

test("a window that leaves the series, or a column that is not there, is named", () => {
  f64.scope(() => {
    const s = f64.tensor([10, 2]);
    const at = (...starts: number[]) => ({ series: s, starts: f64.ints([starts.length], starts) });
    expect(() => gatherWindows(at(0, 6), 5)).toThrow(
      "gatherWindows: window 1 reads rows 6 to 10, expected 0 to 9; the series has 10 rows",
    );
    expect(() => gatherWindows(at(-1), 5)).toThrow("window 0 reads rows -1 to 3");
    expect(() => gatherSegments({ ...at(0), offset: 5 }, 3, 2)).toThrow("gatherSegments: window 0 reads rows 5 to 10");
    expect(() => gatherWindows({ ...at(0), columns: [0, 2] }, 5)).toThrow(
      "gatherWindows: columns has 2, expected 0 to 1; C is 2 (from series)",
    );
    expect(() => gatherWindows(at(0), 0)).toThrow("gatherWindows: length is 0, expected a whole number from 1");
  });
});

test("moments of each item, with and without a mask", () => {
  f64.scope(() => {
    const x = f64.tensor([2, 3, 2], [1, 2, 3, 3, 9, 9, 5, 8, 3, 3, 9, 9]); // items: 1 2 5 8, 3 3 3 3, 9 9 9 9
    const all = itemMoments(x, { eps: 0 });
    expect([...all.mean.data]).toEqual([4, 3, 9]);
    expect([...all.deviation.data]).toEqual([Math.sqrt(7.5), 0, 0]);
    const some = itemMoments(x, { eps: 0, mask: f64.tensor([2, 3, 2], [1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0]) });
    expect([...some.mean.data]).toEqual([8 / 3, 3, 0]);
    expect(some.deviation.data[0]).toBeCloseTo(Math.sqrt(26 / 9), 14);
    expect(some.deviation.data[2]).toBe(1);
  });
});
