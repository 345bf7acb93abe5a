/** @file From a table to a trained and scored forecaster: the path that `sluice train forecast` takes. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { fingerprint } from "../../base/hash.ts";
import { Rng } from "../../base/random.ts";
import { fillGaps } from "../../data/gaps.ts";
import { fitScaler, type ScalerBlock } from "../../data/scale.ts";
import { historyLength, requireRows, type SeriesSet, toSeries } from "../../data/series.ts";
import type { Part, Split } from "../../data/split.ts";
import type { Table } from "../../data/table.ts";
import { createEngine } from "../../engine/index.ts";
import type { JsonObject } from "../../formats/json.ts";
import { Init } from "../../nn/init.ts";
import { optionsOf, requireSameData, resumeFrom } from "../common/checkpoint.ts";
import { refuseTooLarge } from "../common/memory.ts";
import { runFacts } from "../common/report.ts";
import { type PlanEvent, type RunOptions, type TaskEvent, type TaskTraining, type Trained, trainModel } from "../common/run.ts";
import { inTurns, type Steps } from "../common/turns.ts";
import { cutInputs, cutTargets } from "./batch.ts";
import { calibrate } from "./calibrate.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { Forecaster, type ForecasterConfig } from "./forecaster.ts";
import type { LinearMap } from "./linear-map.ts";
import { forecastLoss } from "./loss.ts";
import { type Material, prepareMaterial, splitHistory } from "./material.ts";
import { LinearSkip, trainingBytes } from "./network.ts";
import { type ForecastOptions, type ForecastPlan, planForecast } from "./options.ts";
import { outputSize } from "./output.ts";
import { calendarFor, type Prepared, type Preprocessing } from "./prepare.ts";
import { type ForecastReport, makeReport } from "./report.ts";

/** What was chosen, what was repaired in the data, how much there is. */
export interface ForecastPlanEvent extends PlanEvent<ForecastPlan> {
  /** Length of a step: `1h`. */
  step: string;
  columns: { targets: string[]; past: string[]; future: string[]; calendar: string[] };
  series: number;
  windows: Record<Part, number>;
}

export type ForecastEvent = TaskEvent<ForecastPlanEvent, ForecastReport, Forecaster>;
export type TrainedForecast = Trained<ForecastReport, Forecaster>;

/**
 * Trains a forecaster on a table and scores it, and its baselines, on the test part.
 * @throws data, missing, type, usage, range: see `toSeries`, `requireRows`, `planForecast`
 */
export async function* trainForecast(table: Table, options: ForecastOptions, run: RunOptions = {}): TaskTraining<ForecastPlanEvent, ForecastReport, Forecaster> {
  const began = performance.now();
  const saved = run.resume ? resumeFrom<ForecastOptions>(run.resume, "forecast") : null;
  const asked = optionsOf(options, saved);
  const engine = run.engine ?? createEngine();
  const raw = toSeries(table, asked);
  const { horizon } = asked;
  if (!Number.isInteger(horizon) || horizon < 1) throw new SluiceError("range", `forecast: horizon is ${horizon}, expected a whole number from 1`, { horizon });
  requireRows(raw, asked.lookback ?? 1, horizon);
  const splits = splitHistory(raw, asked.split, horizon);
  const plan = planForecast(raw, asked, splits.map((s) => s.train));
  requireRows(raw, plan.lookback, horizon);
  const { set, report: gaps } = fillGaps(raw, { maxGap: asked.maxGap ?? plan.season });
  const notes = [...raw.notes];
  // Three counts are rows; whoever meant percentages must see it.
  const unused = asked.split?.by !== "counts" ? 0 : raw.series.reduce((sum, s, i) => sum + historyLength(s) - splits[i]!.test[1], 0);
  if (unused > 0) notes.push(`the split leaves out ${unused} rows at the end${raw.series.length > 1 ? "s" : ""}: they are neither trained on nor scored`);
  if (gaps.filled + gaps.left > 0) {
    const filled = gaps.filled > 0 ? [`${gaps.filled} missing values in gaps of up to ${gaps.maxGap} steps filled by a straight line for reading (never scored)`] : [];
    const left = gaps.left > 0 ? [`${gaps.left} missing values in longer gaps or at an end left out, with the windows that read one`] : [];
    notes.push([...filled, ...left].join("; "));
  }

  const preprocessing = fitPreprocessing(set, splits, plan, asked, gaps.maxGap);
  const material = prepareMaterial(engine, set, splits, plan, preprocessing);
  const { data, starts } = material;
  for (const part of ["train", "valid", "test"] as const) {
    if (starts[part].length > 0) continue;
    throw new SluiceError("data", `forecast: the ${part} part has no window of ${plan.lookback} + ${horizon} rows without a long gap, expected at least one; shorten the look-back or the horizon, fill longer gaps (maxGap), or give more rows`, { part });
  }

  const hash = fingerprint(...set.series.flatMap((s) => [s.times, s.values]));
  requireSameData(saved, hash);
  const config = configOf(plan, data);
  const bytes = trainingBytes(config.network, Math.min(plan.batch, starts.train.length));
  refuseTooLarge(engine, bytes, "forecast", `hidden size ${plan.hidden} and batches of ${plan.batch} windows`, "make hidden, batch or look-back smaller");
  const rng = new Rng(plan.seed);
  const forecaster = new Forecaster(engine, config, preprocessing, new Init(engine, rng.split()));
  if (forecaster.network instanceof LinearSkip) startFromMap(forecaster.network, material.map, plan);
  const parameters = [...forecaster.params.values()].reduce((n, p) => n + p.size, 0);
  const windows = { train: starts.train.length, valid: starts.valid.length, test: starts.test.length };
  const drawn = Math.min(plan.windowsPerEpoch, windows.train);
  const batches = Math.ceil(drawn / plan.batch);
  const columns = { targets: set.targetNames, past: set.pastNames, future: set.futureNames, calendar: preprocessing.calendar };
  yield { type: "plan", plan, step: set.freq.name, columns, series: set.series.length, notes, windows, parameters, stepsPerEpoch: batches };

  // How many windows an epoch draws may hang on the number of epochs, which a resumed run may change: it is settled here.
  const settled = { ...asked, windowsPerEpoch: plan.windowsPerEpoch };
  const task = { batchesPerEpoch: batches, samplesPerEpoch: drawn, ...trainingTask(forecaster, material, plan, drawn) };
  const { epochs, lr, optimizer, clipNorm, patience, seed } = plan;
  const settings = { epochs, lr, optimizer, clipNorm, patience, seed, ...(asked.timeLimit === undefined ? {} : { timeLimit: asked.timeLimit }) };
  const ended = yield* trainModel({ model: forecaster, task, settings, options: settled, hash, saved }, run);

  const { output } = forecaster.config;
  if (output.quantiles.length > 0) output.stretch = calibrate(forecaster, data, starts.valid);
  const score = (part: Part): Evaluation => evaluate(forecaster, data, starts[part], material.baselines, material.training);
  const [valid, test] = [score("valid"), score("test")];
  const report = makeReport({ source: table.source, windows, valid, test }, runFacts({ plan, parameters, notes, ended, engine, began }));
  forecaster.provenance = {
    ...{ writer: run.writer ?? "sluice", source: table.source, dataHash: hash, rows: set.series.reduce((n, s) => n + s.length, 0) },
    ...{ seed: plan.seed, plan, split: splits[0], splitSpec: asked.split ?? null, backend: engine.backend },
    // No clock: the same seed gives the same bytes, stopped and resumed or not.
    scores: { test: report.test, baselines: report.baselines },
  } as unknown as JsonObject;
  yield { type: "report", report, model: forecaster };
  return { model: forecaster, report, ended };
}

/** Milliseconds that the training rows of all series cover. */
function trainingSpan(set: SeriesSet, splits: readonly Split[]): number {
  const first = Math.min(...set.series.map((s, i) => s.times[splits[i]!.train[0]]!));
  const last = Math.max(...set.series.map((s, i) => s.times[splits[i]!.train[1] - 1]!));
  return last - first;
}

/** What is fitted to the training rows and kept with the model. */
function fitPreprocessing(set: SeriesSet, splits: readonly Split[], plan: ForecastPlan, options: ForecastOptions, maxGap: number): Preprocessing {
  const width = set.series[0]!.width;
  const blocks = set.series.map((s, i) => ({ id: s.id, values: s.measured, from: splits[i]!.train[0], to: splits[i]!.train[1] }));
  refuseConstant(set.targetNames, blocks, width);
  return {
    ...{ freq: set.freq, timed: set.timed, timeNames: set.timeNames, timeFormat: options.timeFormat, id: options.id },
    ...{ targetNames: set.targetNames, pastNames: set.pastNames, futureNames: set.futureNames, categories: set.categories },
    scaler: fitScaler(plan.scaler, blocks, width, { perSeries: plan.scalePerSeries }),
    calendar: plan.calendar ? calendarFor(set, trainingSpan(set, splits)) : [],
    season: plan.season,
    maxGap,
  };
}

/** @throws data: a target that does not change in the training rows, however much it does later */
function refuseConstant(names: readonly string[], blocks: readonly ScalerBlock[], width: number): void {
  for (const [c, name] of names.entries()) {
    let seen = Number.NaN;
    const moves = blocks.some(({ values, from, to }) => {
      for (let t = from; t < to; t++) {
        const v = values[t * width + c]!;
        if (Number.isNaN(v)) continue;
        if (Number.isNaN(seen)) seen = v;
        else if (v !== seen) return true;
      }
      return false;
    });
    if (moves) continue;
    const what = Number.isNaN(seen) ? "has no value in the training rows" : `is ${seen} in every training row`;
    throw new SluiceError("data", `forecast: target "${name}" ${what}, expected values that change; leave the column out, or choose a split whose training part has more of it`, { column: name });
  }
}

/** The network's config for a plan and the columns there are. */
function configOf(plan: ForecastPlan, data: Prepared): ForecasterConfig {
  const { output, norm, model, cell, hidden, layers, dropout, lookback, horizon, segment } = plan;
  const { targets, features, known } = data.layout;
  const linear = !plan.linear ? "none" : output.kind === "quantiles" || output.kind === "point" ? "all" : "first";
  return {
    network: {
      ...{ model, cell, hidden, layers, dropout, lookback, horizon, segment, linear },
      ...{ targets: targets.length, features: features.length, known: known.length, outputs: outputSize(output) },
    },
    output: { ...output },
    norm,
  };
}

/** The map was fitted to differences from the last value; under another levelling the linear part starts from nothing. */
function startFromMap(skip: LinearSkip, map: LinearMap, plan: ForecastPlan): void {
  if (plan.norm !== "last") return;
  skip.map.weight.data.set(map.weight);
  skip.map.bias!.data.set(map.bias);
}

/** Shuffling, batches, loss and validation. */
function trainingTask(forecaster: Forecaster, { data, starts }: Material, plan: ForecastPlan, drawn: number) {
  const { engine, config } = forecaster;
  const lossOf = (part: Int32Array, rng?: Rng) => {
    const rows = engine.ints([part.length], part);
    const { inputs, scales } = cutInputs(data, config.network, config.norm, rows);
    return forecastLoss(config.output, forecaster.network.forward(inputs, rng), cutTargets(data, config.network, scales, rows), scales);
  };
  /** The training loss on the validation windows, as the network will be used. */
  function* validation(): Steps<number> {
    let sum = 0;
    const size = 256;
    for (let first = 0; first < starts.valid.length; first += size) {
      const part = starts.valid.subarray(first, first + size);
      sum += part.length * engine.scope(() => lossOf(part).item());
      yield;
    }
    return sum / starts.valid.length;
  }
  let order = starts.train;
  return {
    startEpoch(rng: Rng) {
      order = rng.shuffle(starts.train.slice()).subarray(0, drawn);
    },
    loss: (index: number, rng: Rng) => lossOf(order.subarray(index * plan.batch, (index + 1) * plan.batch), rng),
    validate: () => inTurns(validation()),
  };
}
