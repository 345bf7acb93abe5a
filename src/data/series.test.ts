/**
 * @file Truth: small tables whose series can be written down by hand, and laws (known cells stay, windows stay inside their
 * part).
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SluiceError } from "../base/errors.ts";
import { parseCsv } from "./csv.ts";
import { fillColumn, fillGaps } from "./gaps.ts";
import type { SeriesOptions, SeriesSet } from "./series.ts";
import { historyLength, requireRows, timeAt, toSeries } from "./series.ts";
import type { Range, Split } from "./split.ts";
import { parseSplit, splitSeries } from "./split.ts";
import { windowStarts } from "./windows.ts";

const nan = Number.NaN;
const make = (csv: string, options: Partial<SeriesOptions> = {}): SeriesSet =>
  toSeries(parseCsv(csv, { source: "t.csv" }), { targets: "y", ...options });
const cells = (set: SeriesSet, k = 0) => Array.from(set.series[k]!.values);

test("columns stand as targets, past, future; texts become one column per category", () => {
  const set = make("t,f,y,p,c\n2020-01-01,1,2,3,b\n2020-01-02,4,5,6,a\n2020-01-03,7,8,9,\n", { past: ["p", "c"], future: ["f"] });
  expect(set.targetNames).toEqual(["y"]);
  expect(set.pastNames).toEqual(["p", "c=a", "c=b"]);
  expect(set.futureNames).toEqual(["f"]);
  expect(set.freq.name).toBe("1D");
  expect(set.timeNames).toEqual(["t"]);
  expect(set.series[0]).toMatchObject({ id: "", length: 3, width: 5, targets: 1, future: 1, start: Date.UTC(2020, 0, 1) });
  expect(cells(set)).toEqual([2, 3, 0, 1, 1, 5, 6, 1, 0, 4, 8, 9, 0, 0, 7]);
});

test("categories of a trained model are kept in their order; new ones are noted", () => {
  const set = make("t,y,c\n2020-01-01,1,z\n2020-01-02,2,a\n2020-01-03,3,a\n", { past: ["c"], categories: { c: ["b", "a"] } });
  expect(set.pastNames).toEqual(["c=b", "c=a"]);
  expect(cells(set)).toEqual([1, 0, 0, 2, 0, 1, 3, 0, 1]);
  expect(set.notes.join()).toContain("not seen (z)");
});

test("rows are sorted, duplicates joined, gaps opened, each with a note", () => {
  const set = make(
    "t,y\n2020-01-01,1\n2020-01-03,3\n2020-01-02,2\n2020-01-03,3\n2020-01-04,4\n2020-01-04,6\n2020-01-08,8\n2020-01-09,\n",
  );
  expect(cells(set)).toEqual([1, 2, 3, 5, nan, nan, nan, 8, nan]);
  const notes = set.notes.join("\n");
  expect(notes).toContain("rows are not in order of time (first at t.csv, row 4): sorted");
  expect(notes).toContain("1 identical duplicate row dropped (first at t.csv, row 5)");
  expect(notes).toContain("1 duplicate row with other values averaged (first at t.csv, row 7)");
  expect(notes).toContain("1 gap of 3 absent rows in all, the longest 3 (first after t.csv, row 7)");
  expect(set.series[0]!.times[4]).toBe(Date.UTC(2020, 0, 5));
});

test("a mean of duplicates is over the cells that are there", () => {
  const set = make("t,y,p\n2020-01-01,1,\n2020-01-01,3,7\n2020-01-02,2,\n2020-01-02,4,\n2020-01-03,1,1\n", { past: ["p"] });
  expect(cells(set)).toEqual([2, 7, 3, nan, 1, 1]);
});

test("one series per id, each with a grid of its own", () => {
  const rows = ["id,t,y"];
  for (const [id, from] of [
    ["b", 1],
    ["a", 3],
  ] as const)
    for (let d = 0; d < 4; d++) rows.push(`${id},2020-01-0${from + d},${d}`);
  const set = make(rows.join("\n"), { id: "id", targets: "all" });
  expect(set.targetNames).toEqual(["y"]);
  expect(set.series.map((s) => [s.id, s.start, s.length])).toEqual([
    ["b", Date.UTC(2020, 0, 1), 4],
    ["a", Date.UTC(2020, 0, 3), 4],
  ]);
  const counted = make("id,y\n1,5\n2,7\n1,6\n", { id: "id", time: false });
  expect(counted.series.map((s) => [s.id, Array.from(s.times), Array.from(s.values)])).toEqual([
    ["1", [0, 1], [5, 6]],
    ["2", [0], [7]],
  ]);
});

test("targets all: every number that is not time, id or covariate, nor a counter, nor empty", () => {
  const rows = Array.from({ length: 12 }, (_, i) => `${i + 1},2020-01-${10 + i},${i * i},,${i % 3}`);
  const set = make(["No,t,y,e,p", ...rows].join("\n"), { targets: "all", past: ["p"] });
  expect(set.targetNames).toEqual(["y"]);
  expect(set.notes.filter((n) => n.includes("left out"))).toHaveLength(2);
  const epoch = Array.from({ length: 12 }, (_, i) => `${1_704_067_200 + 3600 * i},${i * i}`);
  expect(make(["at,y", ...epoch].join("\n"), { targets: "all" }).targetNames).toEqual(["y"]);
});

test("a time column that is nearly one, or only numbers, is noted where rows are counted", () => {
  const days = Array.from({ length: 40 }, (_, i) => `${new Date(Date.UTC(2024, 0, 1 + i)).toISOString().slice(0, 10)},${i % 7}`);
  const withCell = (i: number, cell: string) => make(["t,y", ...days.with(i, `${cell},3`)].join("\n"));
  expect(withCell(20, "yesterday").notes).toEqual([
    "no time column: rows are counted",
    'column "t" is not taken as the time, because t.csv, row 22 is "yesterday": correct that cell, or name the column',
  ]);
  expect(withCell(20, "").notes[1]).toContain("row 22 is empty");
  const numbers = (from: number, step: number) =>
    make(["t,y", ...days.map((_, i) => `${from + step * i},${i % 7}`)].join("\n")).notes.slice(1);
  const may = ['column "t" may be a time counted since 1970: name it as the time if it is'];
  expect(numbers(1_704_067_200, 3600)).toEqual(may);
  expect(numbers(1_704_067_200_000, 3_600_000)).toEqual(may);
  expect([numbers(1, 1), numbers(1_704_067_200, -3600), numbers(1e8, 1), numbers(1_704_067_200, 0.5)]).toEqual([[], [], [], []]);
  expect(make("word,y\nred,1\n2024-01-01,2\ngreen,3\n").notes).toEqual(["no time column: rows are counted"]);
});

test("months, and a given frequency, make the grid", () => {
  const set = make("t,y\n1949-01,1\n1949-02,2\n1949-04,4\n");
  expect(set.freq.name).toBe("1M");
  expect(cells(set)).toEqual([1, 2, nan, 4]);
  const half = make("t,y\n2020-01-01 00:00,1\n2020-01-01 01:00,2\n2020-01-01 02:00,3\n", { freq: "30min" });
  expect(cells(half)).toEqual([1, nan, 2, nan, 3]);
});

test("tables nothing can be learnt from are refused", () => {
  const cases: [string, Partial<SeriesOptions>, string, string][] = [
    ["t,y\n2020-01-01,1\n2020-01-02,1\n2020-01-03,1\n", {}, "data", 'target "y" is 1 in every row'],
    ["t,y\n2020-01-01,1e9\n2020-01-02,1000000001\n2020-01-03,1e9\n", {}, "data", "take a constant off the column"],
    ["t,y\n2020-01-01,1e-60\n2020-01-02,2e-60\n2020-01-03,0\n", {}, "data", "use a larger unit"],
    ["t,y\n2020-01-01,\n2020-01-02,NA\n2020-01-03,\n", {}, "data", 'target "y" has no values'],
    ["t,y\n2020-01-01,1\n2020-01-02,inf\n2020-01-03,1\n", {}, "data", 't.csv, row 3: column "y" is Infinity'],
    ["t,y\n2020-01-01,1\n2020-01-02,x\n2020-01-03,1\n", {}, "type", 't.csv: row 3, column "y" is "x"'],
    ["t,y\n2020-01-01,1\n2020-01-02,\"1,234.5\"\n2020-01-03,1\n", {}, "type", "without thousands separators"],
    ["t,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n", { targets: ["y", "y"] }, "usage", 'column "y" is target twice'],
    ["t,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n", { past: ["y"] }, "usage", 'column "y" is target and past'],
    ["t,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n", { past: ["z"] }, "missing", 'column "z" is not there'],
    ["t,y\n2020-01-01,1\n2020-01-02,2\n", {}, "data", "expected at least 3"],
    ["t,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n", { freq: "dayly" }, "usage", 'Did you mean "daily"'],
    ["t,s\n2020-01-01,a\n2020-01-02,b\n2020-01-03,c\n", { targets: "all" }, "usage", "no target is left"],
    ["i,y\na,1\n,2\n", { id: "i", time: false }, "data", "row 3: id"],
    ["t,y\n1970-01-01 00:00:00,1\n1990-01-01 00:00:01,2\n", { freq: "ms" }, "memory", "coarser frequency"],
  ];
  for (const [csv, options, code, due] of cases) {
    try {
      make(csv, options);
      expect.unreachable(due);
    } catch (error) {
      expect(error).toBeInstanceOf(SluiceError);
      expect([(error as SluiceError).code, (error as SluiceError).message]).toEqual([code, expect.stringContaining(due)]);
    }
  }
  expect(() => make("t,y\n2020-01-01,1\n2020-01-02,1\n2020-01-03,1\n", { checkConstant: false })).not.toThrow();
  const many = ["t,y,c", ...Array.from({ length: 20 }, (_, i) => `2020-01-${i + 10},${i},name${i}`)].join("\n");
  expect(() => make(many, { past: ["c"] })).toThrow("20 different texts");
});

test("too few rows are answered with how many are needed", () => {
  const set = make(["t,y", ...Array.from({ length: 20 }, (_, i) => `2020-01-${10 + i},${i}`)].join("\n"));
  expect(() => requireRows(set, 14, 2)).not.toThrow();
  expect(() => requireRows(set, 15, 2)).toThrow("the longest has 20 rows (steps of 1D), expected at least 21");
  expect(() => requireRows(set, 15, 2)).toThrow("a look-back of at most 14 would fit");
  expect(() => requireRows(set, 2, 7)).toThrow("a horizon of at most 6 would fit");
  expect(() => requireRows(set, 2, 6)).not.toThrow();
  expect(() => requireRows(set, 19, 7)).toThrow(/; give more data$/);
  expect(() => requireRows(set, 21, 2, 0)).toThrow("expected at least 21 = look-back 21");
});

test("rows known ahead end the history at the last target; times go on by the frequency", () => {
  const set = make("t,y,f\n2020-01-31,1,1\n2020-02-29,2,2\n2020-03-31,,3\n2020-04-30,,4\n", { future: ["f"] });
  const s = set.series[0]!;
  expect([historyLength(s), s.length, set.freq.monthEnd]).toEqual([2, 4, true]);
  expect(timeAt(set, s, 1)).toBe(Date.UTC(2020, 1, 29));
  expect([4, 6].map((row) => timeAt(set, s, row))).toEqual([Date.UTC(2020, 4, 31), Date.UTC(2020, 6, 31)]);
  const counted = make("y\n5\n6\n7\n");
  expect(timeAt(counted, counted.series[0]!, 5)).toBe(5);
  const labelled = make("t,y\n2020-01-01 09:00,1\n2020-01-01 10:00,2\n2020-01-02 09:00,3\n2020-01-02 10:00,4\n", { freq: "row" });
  expect(cells(labelled)).toEqual([1, 2, 3, 4]);
  expect(timeAt(labelled, labelled.series[0]!, 5)).toBe(Date.UTC(2020, 0, 2, 12));
  const trading = make("t,y\n2024-05-02,1\n2024-05-03,2\n", { freq: "weekday" });
  expect(timeAt(trading, trading.series[0]!, 2)).toBe(Date.UTC(2024, 4, 6)); // Friday to Monday
});

test("short gaps are filled by a line for feeding, never in what is scored", () => {
  const set = make("t,y\n2020-01-01,\n2020-01-02,2\n2020-01-05,8\n2020-01-06,9\n2020-01-17,20\n2020-01-18,\n");
  const { set: filled, report } = fillGaps(set);
  expect(report).toMatchObject({ maxGap: 7, filled: 2, left: 12, columns: [{ name: "y", filled: 2, left: 12 }] });
  expect(cells(filled).slice(0, 6)).toEqual([nan, 2, 4, 6, 8, 9]);
  expect(filled.series[0]!.measured).toBe(set.series[0]!.measured);
  expect(Array.from(set.series[0]!.values).slice(0, 5)).toEqual([nan, 2, nan, nan, 8]);
  expect(fillGaps(set, { maxGap: 10 }).report.left).toBe(2);
  expect([1, 2].map((maxGap) => fillGaps(set, { maxGap }).report.filled)).toEqual([0, 2]);
  expect(() => fillGaps(set, { maxGap: -1 })).toThrow("maxGap is -1");
});

test("rows that only tell the future are not counted as missing, what is missing of the future is", () => {
  const set = make("t,y,plan\n2020-01-01,1,5\n2020-01-02,2,6\n2020-01-03,,7\n2020-01-04,,\n", { future: ["plan"] });
  expect(fillGaps(set).report).toMatchObject({ filled: 0, left: 1, columns: [{ name: "y", left: 0 }, { name: "plan", left: 1 }] });
});

test("law: filling leaves known cells alone, stays between its neighbours, and counts what it did", () => {
  const cell = fc.oneof(fc.float({ noNaN: true, min: -1000, max: 1000 }), fc.constant(nan));
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1, maxLength: 40 }), fc.integer({ min: 0, max: 6 }), (list, maxGap) => {
      const before = Float32Array.from(list);
      const after = before.slice();
      const { filled, left } = fillColumn(after, 0, 1, maxGap);
      const known = Array.from(before).filter((v) => !Number.isNaN(v));
      before.forEach((v, i) => {
        if (!Number.isNaN(v)) expect(after[i]).toBe(v);
        else if (!Number.isNaN(after[i])) {
          const from = before.slice(0, i).findLast((x) => !Number.isNaN(x))!;
          const to = before.slice(i).find((x) => !Number.isNaN(x))!;
          expect(after[i]!).toBeGreaterThanOrEqual(Math.min(from, to) - 1e-3);
          expect(after[i]!).toBeLessThanOrEqual(Math.max(from, to) + 1e-3);
        }
      });
      expect(left).toBe(Array.from(after).filter((v) => Number.isNaN(v)).length);
      expect(filled).toBe(before.length - known.length - left);
    }),
  );
});

const plain = (n: number) => ({ length: n, times: Float64Array.from({ length: n }, (_, i) => Date.UTC(2020, 0, 1 + i)) });

test("splits by counts, parts and dates", () => {
  const etth = splitSeries(plain(17420), parseSplit("8640,2880,2880"));
  expect(etth).toEqual({ train: [0, 8640], valid: [8640, 11520], test: [11520, 14400] });
  expect(splitSeries(plain(10), parseSplit(".6, .2, .2"))).toEqual({ train: [0, 6], valid: [6, 8], test: [8, 10] });
  expect(splitSeries(plain(100), parseSplit("2020-01-11,2020-02-01"))).toEqual({
    train: [0, 10],
    valid: [10, 31],
    test: [31, 100],
  });
  expect(() => splitSeries(plain(100), parseSplit("80,20,20"))).toThrow("has 100 rows, expected at least 120 = 80 + 20 + 20");
  expect(() => splitSeries(plain(100), parseSplit("2020-01-11,2021-02-01"))).toThrow("test has no rows");
  for (const bad of ["", "1,2", "a,b,c", ".5,.5,.5", "10,.1,.2", "2020-01-02,2020-01-01", "-1,2,3", "1,2,3,4"]) {
    expect(() => parseSplit(bad), bad).toThrow(`split: it is "${bad}"`);
  }
});

test("the split nobody asked for leaves short series parts that hold a horizon", () => {
  expect(splitSeries(plain(1000), undefined, 24)).toEqual({ train: [0, 700], valid: [700, 800], test: [800, 1000] });
  expect(splitSeries(plain(144), undefined, 12)).toEqual({ train: [0, 94], valid: [94, 115], test: [115, 144] });
  const tight = splitSeries(plain(100), undefined, 24);
  expect([tight.valid[1] - tight.valid[0], tight.test[1] - tight.test[0]]).toEqual([24, 24]);
});

/** A series of one target [T] and optionally a past and a future column. */
function series(y: number[], past?: number[], future?: number[]) {
  const columns = [y, past, future].filter((c) => c !== undefined);
  const values = Float32Array.from(y.flatMap((_, t) => columns.map((c) => c[t]!)));
  return {
    id: "",
    start: 0,
    ...plain(y.length),
    width: columns.length,
    targets: 1,
    future: future ? 1 : 0,
    values,
    measured: values,
  };
}

test("window counts are those of the Informer protocol", () => {
  const s = series(Array.from({ length: 200 }, (_, i) => i));
  const count = (part: "train" | "valid" | "test", range: Range) =>
    windowStarts(s, range, { lookback: 24, horizon: 12, part }).length;
  expect(count("train", [0, 100])).toBe(100 - 24 - 12 + 1);
  expect(count("valid", [100, 150])).toBe(50 - 12 + 1);
  expect(count("test", [150, 200])).toBe(50 - 12 + 1);
  expect(count("test", [190, 200])).toBe(0);
  expect(Array.from(windowStarts(s, [150, 170], { lookback: 24, horizon: 12, part: "test", stride: 4 }))).toEqual([
    126, 130, 134,
  ]);
});

test("windows with a hole in their inputs are left out; a hole in the targets costs nothing until all are gone", () => {
  const y = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const starts = (s: ReturnType<typeof series>) =>
    Array.from(windowStarts(s, [0, 10], { lookback: 3, horizon: 2, part: "train" }));
  expect(starts(series(y))).toEqual([0, 1, 2, 3, 4, 5]);
  expect(starts(series(y.with(4, nan)))).toEqual([0, 1, 5]);
  expect(starts(series(y.with(8, nan).with(9, nan)))).toEqual([0, 1, 2, 3, 4]);
  expect(starts(series(y, y.with(9, nan)))).toEqual([0, 1, 2, 3, 4, 5]); // a past covariate is not needed ahead
  expect(starts(series(y, y, y.with(9, nan)))).toEqual([0, 1, 2, 3, 4]); // a future one is
  const filled = { ...series(y), measured: Float32Array.from(y.with(3, nan).with(4, nan)) };
  // Not 0: nothing measured to score. Not 1 and 2: they end on a value that was filled in knowing row 5.
  expect(starts(filled)).toEqual([3, 4, 5]);
  expect(() => windowStarts(series(y), [0, 11], { lookback: 3, horizon: 2, part: "train" })).toThrow("range is [0, 11]");
  expect(() => windowStarts(series(y), [0, 9], { lookback: 0, horizon: 2, part: "train" })).toThrow("lookback is 0");
});

test("law: no window crosses its part, whatever the sizes", () => {
  const sizes = fc.record({
    n: fc.integer({ min: 3, max: 120 }),
    lookback: fc.integer({ min: 1, max: 20 }),
    horizon: fc.integer({ min: 1, max: 12 }),
    stride: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(sizes, fc.double({ min: 0.1, max: 0.8, noNaN: true }), ({ n, lookback, horizon, stride }, share) => {
      const s = series(Array.from({ length: n }, (_, i) => i));
      const split: Split = splitSeries(s, { by: "fractions", train: share, valid: (1 - share) / 2, test: (1 - share) / 2 });
      for (const part of ["train", "valid", "test"] as const) {
        const [from, to] = split[part];
        for (const start of windowStarts(s, split[part], { lookback, horizon, part, stride })) {
          expect(start).toBeGreaterThanOrEqual(part === "train" ? from : 0);
          expect(start + lookback).toBeGreaterThanOrEqual(from);
          expect(start + lookback + horizon).toBeLessThanOrEqual(to);
        }
      }
      expect(split.train[1]).toBe(split.valid[0]);
      expect(split.valid[1]).toBe(split.test[0]);
    }),
  );
});
