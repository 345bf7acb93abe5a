/** @file Truth: what thinning must keep (extremes, order, gaps), by property; and the errors a caller can meet. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { SluiceError } from "../base/errors.ts";
import { checkPanel, extent, historyStart, thin, thinBand } from "./series.ts";

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const values = fc.array(
  fc.oneof({ weight: 9, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) }, fc.constant(Number.NaN)),
  { minLength: 1, maxLength: 300 },
);

test("a thinned line keeps lowest and highest, order of times, real points only, and is short", () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 2, max: 50 }), (v, limit) => {
      const points = thin({ times: count(v.length), values: v }, limit);
      expect(points.length).toBeLessThanOrEqual(Math.max(limit, 2));
      const finite = points.filter(([, y]) => Number.isFinite(y));
      expect(extent(finite.map(([, y]) => y))).toEqual(extent(v));
      for (const [t, y] of finite) expect(y).toBe(v[t]);
      for (let i = 1; i < points.length; i++) expect(points[i]![0]).toBeGreaterThan(points[i - 1]![0]);
    }),
    { seed: 1 },
  );
});

test("a short line stays as it is, gaps included; a wide gap survives thinning", () => {
  expect(thin({ times: [1, 2, 3], values: [5, Number.NaN, 6] }, 3)).toEqual([
    [1, 5],
    [2, Number.NaN],
    [3, 6],
  ]);
  const long = count(1000).map((i) => (i >= 400 && i < 600 ? Number.NaN : i));
  const gaps = thin({ times: count(1000), values: long }, 100).filter(([, y]) => Number.isNaN(y));
  expect(gaps.map(([t]) => t)).toEqual(count(10).map((i) => 400 + 20 * i));
});

test("a thinned band is nowhere narrower than the band", () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 50 }), (v, limit) => {
      const spans = thinBand(count(v.length), { level: 0.5, lower: v, upper: v }, limit);
      expect(spans.length).toBe(Math.min(limit, v.length));
      expect(
        extent(
          spans.map(([, low]) => low),
          spans.map(([, , high]) => high),
        ),
      ).toEqual(extent(v));
    }),
    { seed: 2 },
  );
});

test("the history shown is `context` times the forecast's length, or 48 points, or all there is", () => {
  const history = { times: count(1000), values: count(1000) };
  const ahead = (n: number): number[] => count(n).map((i) => 1000 + i);
  expect(historyStart(history, ahead(100), 4)).toBe(999 - 400);
  expect(historyStart(history, ahead(1), 4)).toBe(1000 - 48);
  expect(historyStart(history, ahead(100), Infinity)).toBe(0);
  expect(historyStart({ times: [], values: [] }, ahead(1), 4)).toBe(0);
});

test("parts that do not fit are refused by name", () => {
  const good = { name: "OT", history: { times: [1, 2], values: [1, 2] }, forecast: { times: [3], point: [3] } };
  expect(() => checkPanel(good, "plot")).not.toThrow();
  const bad: [object, RegExp][] = [
    [{ history: { times: [1, 2], values: [1] } }, /^plot: "OT" history: values is \[1\], expected \[2\]/],
    [{ forecast: { times: [3], point: [] } }, /forecast: values is \[0\], expected \[1\]/],
    [{ truth: { times: [4, 3], values: [1, 1] } }, /truth: time 1 is 3, expected a time a Date can hold, not below/],
    [{ baseline: { name: "b", times: [Number.NaN], values: [1] } }, /baseline: time 0 is NaN/],
    [{ forecast: { times: [3], point: [3], bands: [{ level: 0.8, lower: [1, 2], upper: [1] }] } }, /band lower: values is \[2\]/],
    [
      { forecast: { times: [3], point: [3], bands: [{ level: 80, lower: [1], upper: [1] }] } },
      /level 80, expected between 0 and 1/,
    ],
  ];
  for (const [part, message] of bad) {
    expect(() => checkPanel({ ...good, ...part }, "plot")).toThrow(SluiceError);
    expect(() => checkPanel({ ...good, ...part }, "plot")).toThrow(message);
  }
});
