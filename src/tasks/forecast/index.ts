/** @file The forecast task: time series in, quantiles of what comes next out. */
import type { Engine } from "../../engine/engine.ts";
import { createEngine } from "../../engine/index.ts";
import { decodeModel } from "../../formats/model.ts";
import { Forecaster } from "./forecaster.ts";

export { type ApplyOptions, evaluateForecast as evaluate, forecastPlot as plot, holdOut, predict, type SkippedSeries, seriesFor } from "./apply.ts";
export { type BacktestEvent, type BacktestReport, backtestForecast as backtest } from "./backtest.ts";
export type { Evaluation, PartScores } from "./evaluate.ts";
export { Forecaster, type ForecasterConfig, type SeriesForecast, type TargetForecast } from "./forecaster.ts";
export type { ForecastOptions, ForecastPlan } from "./options.ts";
export type { Preprocessing } from "./prepare.ts";
export { type ForecastReport, judge, showEvaluation } from "./report.ts";
export type { ForecastRow, ForecastStream } from "./stream.ts";
export { type ForecastEvent, type ForecastPlanEvent, type TrainedForecast, trainForecast as train } from "./train.ts";

/**
 * The forecaster in a model file.
 * @param bytes the whole file
 * @param where its name, for errors
 * @throws format: damaged, of another version or another task
 */
export function load(bytes: Uint8Array, where = "model", engine: Engine = createEngine()): Forecaster {
  return Forecaster.fromFile(decodeModel(bytes, where), engine, where);
}
