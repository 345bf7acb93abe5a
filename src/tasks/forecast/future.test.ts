/** What is fitted must follow from the training rows alone, and a forecast from what was known when it was made. Truth: a change anywhere else changes nothing. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rng } from "../../base/random.ts";
import { fillGaps } from "../../data/gaps.ts";
import { fitScaler } from "../../data/scale.ts";
import { type SeriesSet, toSeries } from "../../data/series.ts";
import type { Table } from "../../data/table.ts";
import { windowStarts } from "../../data/windows.ts";
import { createEngine } from "../../engine/index.ts";
import { decodeModel, encodeModel, type ModelFile } from "../../formats/model.ts";
import { fitLinear } from "./baselines.ts";
import type { RunOptions } from "../common/run.ts";
import * as forecast from "./index.ts";
import { planForecast } from "./options.ts";
import { decode } from "./output.ts";
import { prepare } from "./prepare.ts";

const hour = 3_600_000;
const start = Date.UTC(2023, 0, 2);

/** Series by id, hourly; with `x` a past covariate. */
function tableOf(series: Record<string, ArrayLike<number>>, x?: ArrayLike<number>): Table {
  const ids = Object.entries(series).flatMap(([id, v]) => new Array<string>(v.length).fill(id));
  const times = Object.values(series).flatMap((v) => Array.from(v, (_, t) => start + t * hour));
  const y = Object.values(series).flatMap((v) => Array.from(v));
  return {
    source: "made up",
    rows: y.length,
    notes: [],
    columns: [
      { name: "time", kind: "time", values: Float64Array.from(times) },
      { name: "id", kind: "text", values: ids },
      { name: "y", kind: "number", values: Float64Array.from(y) },
      ...(x ? [{ name: "x", kind: "number" as const, values: Float64Array.from(x) }] : []),
    ],
  };
}
const noise = (n: number, seed: number) => {
  const rng = new Rng(seed);
  return Float64Array.from({ length: n }, () => rng.normal());
};
const setOf = (values: ArrayLike<number>, x?: ArrayLike<number>): SeriesSet => toSeries(tableOf({ a: values }, x), { id: "id", targets: "y", ...(x ? { past: ["x"] } : {}) });

async function run(table: Table, options: forecast.ForecastOptions, more: RunOptions = {}) {
  const it = forecast.train(table, options, { engine: createEngine({ simd: "plain" }), ...more });
  let plan: forecast.ForecastPlan | null = null;
  for (;;) {
    const { value, done } = await it.next();
    if (done) return { ...value, plan: plan! };
    if (value.type === "plan") plan = value.plan;
  }
}

test("the linear map is not fitted to a line drawn to a value behind the training rows", () => {
  const map = (after: number) => {
    const y = noise(120, 1);
    y.fill(Number.NaN, 77, 83); // a gap across the end of the training rows, at 80
    y[83] = after;
    const { set } = fillGaps(setOf(y), { maxGap: 24 });
    const preprocessing = { freq: set.freq, timed: true, timeNames: set.timeNames, id: "id", targetNames: ["y"], pastNames: [], futureNames: [], categories: {}, scaler: fitScaler("none", [], 1), calendar: [], season: 1, maxGap: 24 };
    const engine = createEngine({ simd: "plain" });
    return fitLinear(prepare(engine, set, preprocessing), [[0, 80]], Int32Array.of(90), 8, 4);
  };
  const { weight, bias } = map(1000);
  expect(weight).toEqual(map(-1000).weight);
  expect(bias).toEqual(map(-1000).bias);
});

test("the season is chosen by each series' own training rows", () => {
  const season = (behind: (t: number) => number) => {
    const long = Float64Array.from({ length: 900 }, (_, t) => noise(1, t)[0]! * 0.01);
    const short = Float64Array.from({ length: 600 }, (_, t) => (t < 200 ? noise(1, t)[0]! * 0.01 : behind(t)));
    const set = toSeries(tableOf({ long, short }), { id: "id", targets: "y" });
    return planForecast(set, { targets: "y", horizon: 6 }, [[0, 800], [0, 200]]).season;
  };
  expect(season((t) => 1000 * Math.sin((2 * Math.PI * t) / 168))).toBe(season((t) => 1000 * Math.sin((2 * Math.PI * t) / 24)));
});

test("whatever comes after the last row looked back on, the look-back reads the same", () => {
  const cell = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: -50, max: 50 }) }, { weight: 1, arbitrary: fc.constant(Number.NaN) });
  const column = fc.array(cell, { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(column, column, column, column, fc.integer({ min: 8, max: 30 }), fc.nat(6), (y, x, otherY, otherX, now, maxGap) => {
      const L = 6;
      const ends = (v: number[]) => [1, ...v.slice(1, -1), 2]; // the grid and the targets keep their length
      const read = (a: number[], b: number[]) => {
        const { set } = fillGaps(setOf(ends(a), ends(b)), { maxGap });
        const s = set.series[0]!;
        const usable = windowStarts(s, [0, 40], { lookback: L, horizon: 3, part: "test" }).includes(now - L);
        return { usable, values: Array.from(s.values.subarray((now - L) * s.width, now * s.width)) };
      };
      const one = read(y, x);
      const two = read([...y.slice(0, now), ...otherY.slice(now)], [...x.slice(0, now), ...otherX.slice(now)]);
      if (one.usable && two.usable) expect(one.values).toEqual(two.values);
    }),
    { numRuns: 300 },
  );
});

describe("scalers", () => {
  test.each(["standard", "robust", "minmax"] as const)("a series without training values has the scale of all (%s)", (kind) => {
    const values = Float32Array.of(100, 200, 300, 400);
    const blocks = [
      { id: "a", values, from: 0, to: 4 },
      { id: "new", values: Float32Array.of(Number.NaN, 7), from: 0, to: 1 },
      { id: "empty", values, from: 0, to: 0 },
    ];
    const state = fitScaler(kind, blocks, 1, { perSeries: true });
    expect(state.series!["new"]).toEqual(state.all);
    expect(state.series!["empty"]).toEqual(state.all);
  });
});

test("levels stay in order however far calibration stretches each of them", () => {
  const output = { kind: "quantiles", quantiles: [0.1, 0.2, 0.5, 0.8, 0.9], loss: "mse", stretch: [0.5, 2, 1, 3, 1] } as const;
  const { point, quantiles } = decode({ ...output, quantiles: [...output.quantiles], stretch: [...output.stretch] }, [-2, -1, 0, 1, 2], 1, 1, 1, null, null);
  expect([...quantiles]).toEqual([-2, -1, 0, 2, 3]);
  expect([...point]).toEqual([0]);
});

describe("long runs", () => {
  const y = Float64Array.from({ length: 4000 }, (_, t) => Math.sin(t / 4) + 0.1 * Math.cos(t * t));

  test("forecasting and scoring again and again in one turn takes no more memory", async () => {
    const table = tableOf({ a: y.subarray(0, 400) });
    const { model: forecaster } = await run(table, { id: "id", targets: "y", horizon: 6, lookback: 24, hidden: 4, epochs: 1 });
    const both = () => [forecast.predict(forecaster, table), forecast.evaluate(forecaster, table)];
    both();
    const before = forecaster.engine.memory.usage;
    for (let i = 0; i < 5; i++) both();
    expect(forecaster.engine.memory.usage).toEqual(before);
  });

  test("a run stopped in the middle of an epoch goes on with another number of epochs", async () => {
    const table = tableOf({ a: y });
    const options = { id: "id", targets: "y", horizon: 8, lookback: 24, hidden: 8, batch: 256, calendar: false } as const;
    const stop = new AbortController();
    let saved: Uint8Array | null = null;
    const cut = forecast.train(table, { ...options, epochs: 1_000_000 }, { engine: createEngine({ simd: "plain" }), signal: stop.signal, checkpoint: (file: ModelFile) => void (saved = encodeModel(file)) });
    let drawn = 0;
    for await (const e of cut) {
      if (e.type === "plan") drawn = e.plan.windowsPerEpoch;
      if (e.type === "step" && e.step === 2) stop.abort();
    }
    expect(drawn).toBeLessThan(2700); // not all of the windows: fewer epochs alone would draw more
    const resumed = await run(table, { ...options, epochs: 1 }, { resume: decodeModel(saved!, "checkpoint") });
    expect(resumed.plan.windowsPerEpoch).toBe(drawn);
    expect(resumed.ended.epoch).toBe(1);
  });
});
