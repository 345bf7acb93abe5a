/** Forecast metrics. Truth: sums done by hand, and laws (batches in any cut give the same; order of steps; masks). */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ForecastMetrics, seasonalScale } from "./index.ts";

describe("by hand", () => {
  test("point errors, overall and per step", () => {
    const m = new ForecastMetrics({ horizon: 2, scales: [2, 4] });
    // two steps of two targets; the last truth is unknown
    m.add([1, 2, 3, Number.NaN], [2, 2, 1, 9]);
    const r = m.result();
    expect(r).toMatchObject({
      count: 3,
      mse: 5 / 3,
      mae: 1,
      rmse: Math.sqrt(5 / 3),
      mase: (0.5 + 0 + 1) / 3,
      pinball: null,
      quantiles: [],
      intervals: [],
    });
    expect(r.smape).toBeCloseTo((200 * (1 / 3 + 0 + 2 / 4)) / 3, 12);
    expect(r.steps.map((s) => [s.count, s.mse, s.mae])).toEqual([
      [2, 0.5, 0.5],
      [1, 4, 2],
    ]);
  });

  test("sMAPE counts two zeros as no error", () => {
    const m = new ForecastMetrics({ horizon: 1 });
    m.add([0, 0], [0, 5]);
    expect(m.result().smape).toBe(100);
  });

  test("pinball, coverage and width", () => {
    const m = new ForecastMetrics({ horizon: 1, quantiles: [0.1, 0.5, 0.9] });
    m.add([5, 20], [5, 10], [1, 5, 8, 2, 10, 12]);
    const r = m.result();
    // y = 5: 0.1·4, 0, 0.1·3;  y = 20: 0.1·18, 0.5·10, 0.9·8
    expect(r.quantiles.map((q) => q.pinball)).toEqual([expect.closeTo(1.1, 12), 2.5, expect.closeTo(3.75, 12)]);
    expect(r.pinball).toBeCloseTo((0.4 + 0 + 0.3 + 1.8 + 5 + 7.2) / 6, 12);
    expect(r.intervals).toEqual([{ level: 0.8, coverage: 0.5, width: 8.5 }]);
  });

  test("an interval's ends belong to it", () => {
    const m = new ForecastMetrics({ horizon: 1, quantiles: [0.25, 0.75] });
    m.add([1, 3, 0.9, 3.1], [2, 2, 2, 2], [1, 3, 1, 3, 1, 3, 1, 3]);
    expect(m.result().intervals).toEqual([{ level: 0.5, coverage: 0.5, width: 2 }]);
  });

  test("the seasonal scale leaves out pairs with an unknown", () => {
    expect(seasonalScale([1, 2, 4, 7], 1)).toBe(2);
    expect(seasonalScale([1, 2, 4, 7], 2)).toBe(4);
    expect(seasonalScale([1, Number.NaN, 4, 7], 1)).toBe(3);
    expect(seasonalScale([1, 2], 5)).toBeNaN();
  });

  test("a scale of 0 or NaN keeps its elements out of MASE only", () => {
    const m = new ForecastMetrics({ horizon: 1, scales: [0, 2, Number.NaN] });
    m.add([1, 1, 1], [2, 3, 4]);
    expect(m.result()).toMatchObject({ mae: 2, mase: 1, count: 3 });
  });
});

describe("laws", () => {
  test("one batch or many give the same, up to rounding", () => {
    const item = fc.tuple(
      fc.oneof(fc.double({ min: -9, max: 9, noNaN: true }), fc.constant(Number.NaN)),
      fc.double({ min: -9, max: 9, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 20 }), (items) => {
        const whole = new ForecastMetrics({ horizon: 1 });
        whole.add(
          items.map(([y]) => y),
          items.map(([, f]) => f),
        );
        const parts = new ForecastMetrics({ horizon: 1 });
        for (const [y, f] of items) parts.add([y], [f]);
        const [a, b] = [whole.result(), parts.result()];
        expect(a.count).toBe(b.count);
        for (const key of ["mse", "mae", "smape"] as const) {
          if (a.count === 0) expect([a[key], b[key]]).toEqual([null, null]);
          else expect(a[key]).toBeCloseTo(b[key]!, 9);
        }
      }),
    );
  });

  test("nothing known gives null, as JSON says it", () => {
    const m = new ForecastMetrics({ horizon: 2, quantiles: [0.2, 0.8] });
    m.add([Number.NaN, Number.NaN], [1, 1], [1, 1, 1, 1]);
    const r = m.result();
    expect(JSON.parse(JSON.stringify(r))).toEqual(r);
    expect(r).toMatchObject({ count: 0, mse: null, rmse: null, smape: null, mase: null, pinball: null });
  });
});

test("what doesn't fit is refused", () => {
  expect(() => new ForecastMetrics({ horizon: 0 })).toThrow("metrics: horizon is 0");
  expect(() => new ForecastMetrics({ horizon: 1, quantiles: [0.5, 0.1] })).toThrow("expected increasing numbers between 0 and 1");
  const m = new ForecastMetrics({ horizon: 2, quantiles: [0.5] });
  expect(() => m.add([1, 2, 3], [1, 2, 3], [1, 2, 3])).toThrow(
    "metrics: 3 truths, 3 points, 3 quantile values and 0 scales, expected",
  );
  expect(() => m.add([1, 2], [1, 2])).toThrow("0 quantile values");
  expect(() => m.add([1, 2], [1, Number.NaN], [1, 2])).toThrow("metrics: forecast is NaN and truth 2 at step 2");
  expect(() => m.add([1, 2], [1, 2], [1, Infinity])).toThrow("quantile 0.5 is Infinity at step 2");
});
