/** The forecast task from table to file. Truth: series whose future is known, laws (save then load, resume = uninterrupted), and loops written out. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../base/random.ts";
import type { Column, Table } from "../../data/table.ts";
import { createEngine } from "../../engine/index.ts";
import { decodeModel, encodeModel, type ModelFile } from "../../formats/model.ts";
import { Init } from "../../nn/init.ts";
import { lastValue, seasonalNaive } from "./baselines.ts";
import { cutInputs, cutTargets, type InstanceNorm } from "./batch.ts";
import { calibrate } from "./calibrate.ts";
import { cutTruth } from "./evaluate.ts";
import type { RunOptions } from "../common/run.ts";
import * as forecast from "./index.ts";
import { decode, numbersOf, type OutputConfig } from "./output.ts";
import { layoutOf, type Preprocessing, prepare } from "./prepare.ts";
import { toSeries } from "../../data/series.ts";
import { fitScaler } from "../../data/scale.ts";

const hour = 3_600_000;
const start = Date.UTC(2023, 0, 1);

function tableOf(columns: Record<string, ArrayLike<number> | string[]>, times?: ArrayLike<number>): Table {
  const rows = Object.values(columns)[0]!.length;
  const made: Column[] = Object.entries(columns).map(([name, v]) =>
    Array.isArray(v) && typeof v[0] === "string" ? { name, kind: "text", values: v as string[] } : { name, kind: "number", values: Float64Array.from(v as ArrayLike<number>) },
  );
  const when = Float64Array.from(times ?? Array.from({ length: rows }, (_, t) => start + t * hour));
  return { source: "made up", rows, notes: [], columns: [{ name: "time", kind: "time", values: when }, ...made] };
}

/** A daily wave whose height is the product of two slow waves, one of them a covariate known ahead: no linear map of the past can follow. */
function wave(rows: number, seed = 1) {
  const rng = new Rng(seed);
  const y = new Float64Array(rows);
  const plan = new Float64Array(rows);
  for (let t = 0; t < rows; t++) {
    plan[t] = t % 8 > 0 ? plan[t - 1]! : rng.uniform() < 0.5 ? 1 : -1;
    y[t] = 20 + 4 * plan[t]! * Math.sin((2 * Math.PI * t) / 24) + 0.2 * rng.normal();
  }
  return { y, plan };
}

async function run(table: Table, options: forecast.ForecastOptions, more: RunOptions = {}) {
  const events: forecast.ForecastEvent[] = [];
  const it = forecast.train(table, options, { engine: createEngine({ simd: "plain" }), ...more });
  for (;;) {
    const { value, done } = await it.next();
    if (done) return { ...value, events };
    events.push(value);
  }
}

/** Two series of two targets, a past and a future covariate, ready for a network. */
function laidOut(rows = 60) {
  const rng = new Rng(5);
  const ids = ["a", "b"];
  const n = rows * 2;
  const random = () => Array.from({ length: n }, () => rng.normal());
  const u = random();
  u[20] = Number.NaN; // scored nowhere
  const table = tableOf(
    { id: Array.from({ length: n }, (_, i) => ids[Math.floor(i / rows)]!), u, v: random(), p: random(), f: random() },
    Array.from({ length: n }, (_, i) => start + (i % rows) * hour),
  );
  const set = toSeries(table, { id: "id", targets: ["u", "v"], past: ["p"], future: ["f"] });
  const scaler = fitScaler("standard", set.series.map((s) => ({ id: s.id, values: s.measured, from: 0, to: s.length })), 4, { perSeries: true });
  const preprocessing: Preprocessing = {
    ...{ freq: set.freq, timed: true, timeNames: set.timeNames, id: "id", targetNames: ["u", "v"], pastNames: ["p"], futureNames: ["f"] },
    ...{ categories: {}, scaler, calendar: ["day.sin", "day.cos"], season: 24, maxGap: 24 },
  };
  const engine = createEngine({ simd: "plain" });
  const filled = { ...set, series: set.series.map((s) => ({ ...s, values: s.values.map((x) => (Number.isNaN(x) ? 0 : x)) })) };
  return { engine, data: prepare(engine, filled, preprocessing), preprocessing };
}

describe("batches", () => {
  const output: OutputConfig = { kind: "point", quantiles: [], loss: "mse" };
  for (const model of ["direct", "segment"] as const) {
    for (const norm of ["none", "last", "mean", "standard"] as const satisfies InstanceNorm[]) {
      test(`a network that knew the targets would forecast the truth (${model}, ${norm})`, () => {
        const { engine, data } = laidOut();
        const D = model === "direct" ? 1 : 3;
        const network = { model, cell: "gru", hidden: 4, layers: 1, dropout: 0, lookback: 12, horizon: 6, segment: D, targets: 2, features: 4, known: 3, outputs: 1, linear: "none" } as const;
        const rows = Int32Array.of(5, 61, 40, 100);
        engine.scope(() => {
          const starts = engine.ints([4], rows);
          const { inputs, scales } = cutInputs(data, network, norm, starts);
          const { target, weight } = cutTargets(data, network, scales, starts);
          const { point } = decode(output, target.data, 6 / D, 8, D, numbersOf(scales.loc), numbersOf(scales.scale));
          const truth = cutTruth(data, rows, 12, 6);
          const seen = decode(output, weight.data, 6 / D, 8, D, null, null).point;
          let missing = 0;
          truth.forEach((y, i) => {
            if (Number.isNaN(y)) missing++;
            else expect(point[i]!).toBeCloseTo(y, 4);
            expect(seen[i]).toBe(Number.isNaN(y) ? 0 : 1);
          });
          expect(missing).toBe(1);
          expect(inputs.values.shape).toEqual([12 / D, 8, D]);
          expect(Array.from(inputs.columns.data)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
        });
      });
    }
  }

  test("features of a segment are those of its steps, whatever the column", () => {
    const { engine, data } = laidOut();
    const network = { model: "segment", cell: "gru", hidden: 4, layers: 1, dropout: 0, lookback: 12, horizon: 6, segment: 3, targets: 2, features: 4, known: 3, outputs: 1, linear: "none" } as const;
    engine.scope(() => {
      const { inputs } = cutInputs(data, network, "none", engine.ints([2], [7, 80]));
      const at = (row: number, c: number) => data.matrix.data[row * data.layout.width + c]!;
      const { features, known } = inputs;
      expect(features!.shape).toEqual([4, 4, 12]);
      expect(known!.shape).toEqual([2, 4, 9]);
      const layout = layoutOf(data.preprocessing);
      for (const [b, row] of [7, 80].entries()) {
        for (let c = 0; c < 2; c++) {
          for (let s = 0; s < 4; s++) {
            for (const [f, column] of layout.features.entries()) {
              for (let d = 0; d < 3; d++) expect(features!.data[((s * 4 + b * 2 + c) * 4 + f) * 3 + d]).toBe(at(row + s * 3 + d, column));
            }
          }
          for (let s = 0; s < 2; s++) {
            for (const [f, column] of layout.known.entries()) {
              for (let d = 0; d < 3; d++) expect(known!.data[((s * 4 + b * 2 + c) * 3 + f) * 3 + d]).toBe(at(row + 12 + s * 3 + d, column));
            }
          }
        }
      }
    });
  });
});

test("baselines repeat what they say, and never reach into another series", () => {
  const { data } = laidOut();
  const at = (row: number, c: number) => data.matrix.data[row * data.layout.width + c]!;
  const starts = Int32Array.of(30, 62);
  const last = lastValue(12, 30).forecast(data, starts);
  const seasonal = seasonalNaive(12, 30, 24).forecast(data, starts);
  for (let m = 0; m < 30; m++) {
    for (const [b, row] of starts.entries()) {
      for (let c = 0; c < 2; c++) {
        const i = (m * 2 + b) * 2 + c;
        expect(last[i]).toBe(at(row + 11, c));
        const before = row + 12 + m - (m < 24 ? 24 : 48);
        expect(seasonal[i]).toBe(at(before >= (b === 0 ? 0 : 60) ? before : row + 11, c));
      }
    }
  }
});

describe("training", () => {
  const { y, plan } = wave(1500);
  const table = tableOf({ y, plan });
  const options = { targets: "y", future: ["plan"], horizon: 12, lookback: 48, hidden: 24, seed: 3, calendar: true } as const;

  test.each(["segment", "direct"] as const)("%s learns what no linear map can, and says so", async (model) => {
    const { report, events, model: forecaster } = await run(table, { ...options, model, epochs: 25, patience: 25, lr: "cosine(4e-3)", dropout: 0 });
    expect(report.test.mse!).toBeLessThan(0.35 * report.baselines["linear"]!.mse!);
    expect(report.verdict).toMatchObject({ beatsAll: true, best: "network" });
    expect(report.targets["y"]!.network.rmse!).toBeCloseTo(Math.sqrt(report.test.mse!) * forecaster.preprocessing.scaler.all.scale[0]!, 3);
    expect(report.test.intervals[0]!.coverage!).toBeGreaterThan(0.68);
    expect(report.test.intervals[0]!.coverage!).toBeLessThan(0.92);
    expect(events.filter((e) => e.type === "epoch").length).toBe(25);
    expect(forecast.showEvaluation({ windows: report.windows.test, network: report.test, baselines: report.baselines, targets: report.targets }, report.plan)).toMatch(/network \(gru\)[\s\S]*seasonal[\s\S]*linear/);
  });

  test("the test scores have not seen the test rows: changing them after the fact changes nothing that was trained", async () => {
    const small = { ...options, epochs: 2, hidden: 8 } as const;
    const other = y.slice();
    for (let t = 1300; t < 1500; t++) other[t]! += 100 * Math.sin(t * t);
    const split = { by: "counts", train: 1000, valid: 250, test: 250 } as const;
    const a = await run(table, { ...small, split });
    const b = await run(tableOf({ y: other, plan }), { ...small, split });
    for (const [name, p] of a.model.params) expect(Array.from(b.model.params.get(name)!.data)).toEqual(Array.from(p.data));
    expect(b.model.preprocessing.scaler).toEqual(a.model.preprocessing.scaler);
    expect(b.report.test.mse).not.toBe(a.report.test.mse);
  });

  test("interrupted and resumed = never interrupted, to the last bit", async () => {
    const small = { ...options, epochs: 5, hidden: 8, dropout: 0.2 } as const;
    const whole = await run(table, small);
    const stop = new AbortController();
    let saved: Uint8Array | null = null;
    const cut = forecast.train(table, small, { engine: createEngine({ simd: "plain" }), signal: stop.signal, checkpoint: (file: ModelFile) => void (saved = encodeModel(file)) });
    for await (const e of cut) if (e.type === "step" && e.step === 37) stop.abort();
    const resumed = await run(table, { ...small, targets: "y" }, { resume: decodeModel(saved!, "checkpoint") });
    expect(resumed.ended.step).toBe(whole.ended.step);
    for (const [name, p] of whole.model.params) expect(Array.from(resumed.model.params.get(name)!.data), name).toEqual(Array.from(p.data));
    expect(resumed.report.test).toEqual(whole.report.test);
    const elsewhere = run(tableOf({ y: y.map((v) => v + 1), plan }), small, { resume: decodeModel(saved!, "checkpoint") });
    await expect(elsewhere).rejects.toThrow(/fingerprint is .*, expected .*; the checkpoint was made from other data/);
    await expect(run(table, small, { resume: decodeModel(encodeModel(whole.model.toFile("test")), "model") })).rejects.toThrow(/finished model, expected a checkpoint/);
  });

  test("saved, loaded, saved again: the same bytes; and the same scores on the same table", async () => {
    const { model: forecaster, report } = await run(table, { ...options, epochs: 2, hidden: 8 });
    const bytes = encodeModel(forecaster.toFile("test"));
    const back = forecast.load(bytes, "m.safetensors", createEngine({ simd: "plain" }));
    expect(encodeModel(back.toFile("test"))).toEqual(bytes);
    const { evaluation } = forecast.evaluate(back, table);
    expect(evaluation.network).toEqual(report.test);
    expect(evaluation.baselines).toEqual(report.baselines);
  });

  test.each(["point", "normal", "student-t"] as const)("%s output trains and gives a sane fan", async (output) => {
    const { model: forecaster, report } = await run(table, { ...options, output, epochs: 4, hidden: 8, lr: 5e-3 });
    expect(report.test.mse!).toBeLessThan(report.baselines["last"]!.mse!);
    const fans = forecast.predict(forecaster, tableOf({ y: y.map((v, t) => (t < 1400 ? v : Number.NaN)), plan })).forecasts[0]!.targets[0]!;
    if (output === "point") expect(fans.quantiles).toEqual([]);
    else {
      const [low, mid, high] = fans.quantiles.map((q) => q.values);
      low!.forEach((v, m) => expect(v).toBeLessThan(mid![m]!));
      high!.forEach((v, m) => expect(v).toBeGreaterThan(mid![m]!));
    }
  });

  test("calibration makes the levels hold on the windows it was given", async () => {
    const { model: forecaster } = await run(table, { ...options, epochs: 2, hidden: 8 });
    const data = prepare(forecaster.engine, forecast.seriesFor(forecaster, table), forecaster.preprocessing);
    const starts = Int32Array.from({ length: 300 }, (_, i) => i * 4);
    delete forecaster.config.output.stretch;
    forecaster.config.output.stretch = calibrate(forecaster, data, starts);
    let below = 0;
    let above = 0;
    let count = 0;
    for (const { first, count: n, forecast: f } of forecaster.windows(data, starts)) {
      cutTruth(data, starts.subarray(first, first + n), 48, 12).forEach((v, i) => {
        count++;
        if (v <= f.quantiles[i * 3]!) below++;
        if (v > f.quantiles[i * 3 + 2]!) above++;
      });
    }
    expect(below / count).toBeCloseTo(0.1, 1.5);
    expect(above / count).toBeCloseTo(0.1, 1.5);
  });
});

test("many series in one table: each scaled by itself, each forecast after its own end", async () => {
  const { y, plan } = wave(700);
  const lengths = [700, 500];
  const ids = lengths.flatMap((n, i) => new Array<string>(n).fill(`s${i}`));
  const values = lengths.flatMap((n, i) => Array.from(y.subarray(0, n), (v) => v * (i === 0 ? 1 : 1000)));
  const times = lengths.flatMap((n) => Array.from({ length: n }, (_, t) => start + t * hour));
  const plans = lengths.flatMap((n) => Array.from(plan.subarray(0, n)));
  const table = tableOf({ id: ids, y: values, plan: plans }, times);
  const { model: forecaster, report } = await run(table, { id: "id", targets: "y", past: ["plan"], horizon: 6, lookback: 24, hidden: 8, epochs: 3 });
  expect(Object.keys(forecaster.preprocessing.scaler.series!)).toEqual(["s0", "s1"]);
  expect(report.test.mse!).toBeLessThan(report.baselines["last"]!.mse!);
  const { forecasts } = forecast.predict(forecaster, table);
  expect(forecasts.map((f) => f.id)).toEqual(["s0", "s1"]);
  expect(forecasts.map((f) => f.times[0])).toEqual(lengths.map((n) => start + n * hour));
  expect(forecasts[1]!.targets[0]!.point[0]! / forecasts[0]!.targets[0]!.point[0]!).toBeGreaterThan(300);
  expect(forecast.plot(forecaster, forecast.seriesFor(forecaster, table), forecasts, "two").panels.map((p) => p.name)).toEqual(["s0: y", "s1: y"]);
  expect(forecast.predict(forecaster, table).set.notes.join()).not.toContain("not among");
  const strange = tableOf({ id: ids.map((id) => (id === "s1" ? "s9" : id)), y: values, plan: plans }, times);
  expect(forecast.predict(forecaster, strange).set.notes).toContain('"s9": not among the series of the training, and so scaled as they are on the whole');
  // 20 rows are too few to look back on: the other is forecast all the same.
  const cut = (from: readonly unknown[] | Float64Array) => Array.from(from as unknown[]).slice(0, 720) as never;
  const short = forecast.predict(forecaster, tableOf({ id: cut(ids), y: cut(values), plan: cut(plans) }, cut(times)));
  expect(short.skipped).toEqual([{ id: "s1", rows: 20 }]);
  expect(short.forecasts).toEqual(forecasts.slice(0, 1));
  expect(forecast.predict(forecaster, table).skipped).toEqual([]);
});

test("a backtest trains on ever more of the past and never overlaps", async () => {
  const { y } = wave(600);
  const it = forecast.backtest(tableOf({ y }), { targets: "y", horizon: 6, lookback: 24, hidden: 8, epochs: 1, folds: 3 });
  for (;;) {
    const { value, done } = await it.next();
    if (!done) continue;
    expect(value.folds.map((f) => f.trainUntil.toFixed(3))).toEqual(["0.600", "0.733", "0.867"]);
    expect(value.folds.map((f) => f.report.windows.test)).toEqual([75, 75, 75]);
    expect(Object.keys(value.mean)).toEqual(["network", "last", "seasonal", "linear"]);
    break;
  }
});

describe("what can't be forecast", () => {
  const { y, plan } = wave(400);
  const fine = tableOf({ y, plan });
  const refused = (table: Table, options: Partial<forecast.ForecastOptions>) => run(table, { targets: "y", horizon: 12, epochs: 1, ...options } as forecast.ForecastOptions);

  test.each([
    ["a levelling that is none", fine, { norm: "median" as "mean" }, /forecast: norm is "median", expected none, last, mean, standard/],
    ["an output that is none", fine, { output: "fan" as "point" }, /forecast: output is "fan", expected quantiles, point, normal, student-t/],
    ["a loss that is none", fine, { output: "point", loss: "l1" as "mae" }, /forecast: loss is "l1", expected mse, mae, huber/],
    ["a model that is none", fine, { model: "magic" as "direct" }, /forecast: model is "magic", expected segment, direct/],
    ["a horizon of 0", fine, { horizon: 0 }, /horizon is 0, expected a whole number from 1/],
    ["too few rows", tableOf({ y: y.subarray(0, 30) }), { horizon: 12, lookback: 48 }, /30 rows .*expected at least 84/],
    ["a segment that does not divide", fine, { segment: 5 }, /segment is 5, expected a divisor of the horizon 12/],
    ["a quantile of 1", fine, { quantiles: [0.1, 1] }, /quantiles: 1 is one of them/],
    ["a constant target", tableOf({ y: new Float64Array(400).fill(3) }), {}, /target "y" is 3 in every row/],
    ["a target that moves only after the training rows", tableOf({ y: y.map((v, t) => (t < 300 ? 3 : v)) }), {}, /target "y" is 3 in every training row, expected values that change/],
    ["sizes beyond memory", fine, { hidden: 40_000 }, /training with hidden size 40000 .* takes about .* GB \(\d+ bytes\), expected at most 4\.00 GB/],
  ])("%s is refused with the way out", async (_, table, options, message) => {
    await expect(refused(table, options as Partial<forecast.ForecastOptions>)).rejects.toThrow(message);
  });

  test("predicting needs the look-back and the known future", async () => {
    const { model: forecaster } = await run(fine, { targets: "y", future: ["plan"], horizon: 6, lookback: 24, hidden: 8, epochs: 1 });
    expect(() => forecast.predict(forecaster, tableOf({ y: y.subarray(0, 20), plan: plan.subarray(0, 20) }))).toThrow(/has 20 rows up to its last measured target, expected at least 24/);
    expect(() => forecast.predict(forecaster, fine)).toThrow(/"plan" of the series is missing 1 steps after the last target, expected it for all 6 steps/);
    const holes = y.slice();
    holes.fill(Number.NaN, 394); // the future, whose plan is known
    holes[380] = Number.NaN;
    const { forecasts } = forecast.predict(forecaster, tableOf({ y: holes, plan }));
    expect(forecasts[0]!.times[0]).toBe(start + 394 * hour);
    expect(forecasts[0]!.targets[0]!.point.every(Number.isFinite)).toBe(true);
  });

  test("a file with a config that does not fit is refused before anything is built", async () => {
    const { model: forecaster } = await run(fine, { targets: "y", horizon: 6, lookback: 24, hidden: 8, epochs: 1 });
    const file = forecaster.toFile("test");
    const broken = (config: object) => () => forecast.load(encodeModel({ ...file, config: { ...file.config, ...config } as ModelFile["config"] }), "x.safetensors", createEngine());
    const network = file.config["network"] as object;
    expect(broken({ network: { ...network, hidden: 1e9 } })).toThrow(/x\.safetensors: config\.network\.hidden is 1000000000/);
    expect(broken({ network: { ...network, hidden: 9 } })).toThrow(/tensor ".*" is \[.*\], expected \[/);
    expect(broken({ network: { ...network, targets: 3 } })).toThrow(/disagree on the number of columns/);
    expect(broken({ norm: "median" })).toThrow(/config\.norm is "median"/);
    expect(() => forecast.load(encodeModel({ ...file, task: "chess" }), "x")).toThrow(/a model for the task "chess", expected "forecast"/);
    expect(() => new forecast.Forecaster(createEngine(), { ...forecaster.config, network: { ...forecaster.config.network, model: "x" as "direct" } }, forecaster.preprocessing, new Init(createEngine(), null))).toThrow(/model is "x"/);
  });
});
