/** Truth: moments summed window by window, and series that a linear map describes exactly. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { fitLinearMap, type LinearMap, type Run, windowMoments } from "./linear-map.ts";

function naiveMoments(runs: Run[], L: number, M: number) {
  const P = L + M;
  const products = new Float64Array(P * P);
  const sums = new Float64Array(P);
  let count = 0;
  for (const x of runs) {
    for (let s = 0; s + P <= x.length; s++, count++) {
      const last = x[s + L - 1]!;
      for (let i = 0; i < P; i++) {
        sums[i]! += x[s + i]! - last;
        for (let j = 0; j < P; j++) products[i * P + j]! += (x[s + i]! - last) * (x[s + j]! - last);
      }
    }
  }
  return { products, sums, count };
}

test("moments follow from their neighbours as they do window by window", () => {
  const run = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { maxLength: 30 }).map((v) => Float64Array.from(v));
  fc.assert(
    fc.property(fc.array(run, { maxLength: 3 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 }), (runs, L, M) => {
      const fast = windowMoments(runs, L, M);
      const slow = naiveMoments(runs, L, M);
      expect(fast.count).toBe(slow.count);
      fast.sums.forEach((v, i) => expect(Math.abs(v - slow.sums[i]!)).toBeLessThan(1e-7));
      fast.products.forEach((v, i) => expect(Math.abs(v - slow.products[i]!)).toBeLessThan(1e-6));
    }),
  );
});

/** One forecast of a map. */
function apply(map: LinearMap, x: ArrayLike<number>): number[] {
  const last = x[map.lookback - 1]!;
  return Array.from({ length: map.horizon }, (_, m) => {
    let y = last + map.bias[m]!;
    for (let l = 0; l < map.lookback; l++) y += map.weight[m * map.lookback + l]! * (x[l]! - last);
    return y;
  });
}

test("a wave on a slope is forecast to the last digit", () => {
  const series = Float64Array.from({ length: 400 }, (_, t) => 3 * Math.sin(t / 5) + 0.1 * t + 20);
  const map = fitLinearMap(windowMoments([series.slice(0, 300)], 12, 6), 0);
  const forecast = apply(map, series.slice(340, 352));
  forecast.forEach((v, m) => expect(v).toBeCloseTo(series[352 + m]!, 4));
});

test("ridge shrinks the weights towards repeating the last value", () => {
  const series = Float64Array.from({ length: 400 }, (_, t) => Math.sin(t / 5));
  const size = (ridge: number) => fitLinearMap(windowMoments([series], 12, 6), ridge).weight.reduce((sum, w) => sum + w * w, 0);
  expect(size(10)).toBeLessThan(size(0.1));
  expect(size(1e6)).toBeLessThan(1e-6);
});

test("without a window it says so", () => {
  expect(() => fitLinearMap(windowMoments([new Float64Array(3)], 12, 6), 0)).toThrow(/no window of 18 rows/);
});

test("few windows, flat ones, or ones that repeat make no weight that is not a number", () => {
  const value = fc.oneof(fc.double({ min: -1e4, max: 1e4, noNaN: true }), fc.constantFrom(0, 5, 1 / 3));
  const shape = fc.constantFrom<(v: number[], t: number) => number>(
    (v, t) => v[t]!, // as it comes
    (v, t) => v[t % 3]!, // repeating
    (v, t) => (t < 9 ? v[t]! : v[9]!), // flat after a while
    (v, t) => v[0]! + 1e3 * t, // a straight line
  );
  const L = 8;
  const M = 3;
  fc.assert(
    fc.property(fc.array(value, { minLength: 30, maxLength: 30 }), shape, fc.integer({ min: L + M, max: 30 }), fc.constantFrom(0, 1e-5, 1), (v, f, n, ridge) => {
      const run = Float64Array.from({ length: n }, (_, t) => f(v, t));
      const map = fitLinearMap(windowMoments([run], L, M), ridge);
      const most = 10 * (1 + run.reduce((top, x) => Math.max(top, Math.abs(x)), 0));
      for (const y of apply(map, run)) expect(Math.abs(y)).toBeLessThan(most);
    }),
    { numRuns: 2000 },
  );
});
