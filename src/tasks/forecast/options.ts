/** @file What a user may say about a forecast, and what is chosen where nothing was said. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { seasonCandidates, seasonOf } from "../../data/frequency.ts";
import type { ScalerKind } from "../../data/scale.ts";
import type { SeriesOptions, SeriesSet } from "../../data/series.ts";
import type { Range, SplitSpec } from "../../data/split.ts";
import type { CellKind } from "../../nn/cell.ts";
import type { OptimizerConfig } from "../../train/optimizer.ts";
import type { ScheduleConfig } from "../../train/schedule.ts";
import type { InstanceNorm } from "./batch.ts";
import { trainingFlops } from "./network.ts";
import { checkQuantiles, type OutputConfig } from "./output.ts";

/** What to forecast, and how. Only `targets` and `horizon` have no default. */
export interface ForecastOptions extends SeriesOptions {
  /** Steps to forecast, ≥ 1. */
  horizon: number;
  /** Steps to look back on, ≥ 1. Default: several seasons and horizons, as far as the data go. */
  lookback?: number;
  /** `segment` reads and writes whole segments (SegRNN), `direct` reads step by step. Default: `segment` where the horizon has segments. */
  model?: "segment" | "direct";
  /** Steps of a segment; divides look-back and horizon. */
  segment?: number;
  /** Default `gru`. */
  cell?: CellKind;
  /** Hidden size. */
  hidden?: number;
  layers?: number;
  dropout?: number;
  /** Start from the best linear map of the window and let the network learn what is left. */
  linear?: boolean;
  /** What a forecast is: quantiles (the default), a point, or a distribution. */
  output?: OutputConfig["kind"];
  /** Levels of the fan, 0.5 is always added. Default .1, .5, .9. */
  quantiles?: readonly number[];
  /** What a point is trained by; default `mse`. */
  loss?: OutputConfig["loss"];
  /** What each window is levelled by; default `last`. */
  norm?: InstanceNorm;
  /** Default `standard`. */
  scaler?: ScalerKind;
  /** Scale each series of an id column by itself; default true when there are several. */
  scalePerSeries?: boolean;
  /** Calendar features (hour, day, week, year); default true where times are known. */
  calendar?: boolean;
  /** Steps of the season that baselines and defaults use; default: the one that repeats best. */
  season?: number;
  /** Gaps of up to so many steps are filled; default one season. */
  maxGap?: number;
  split?: SplitSpec;
  epochs?: number;
  /** Seconds. */
  timeLimit?: number;
  /** Windows in a batch. */
  batch?: number;
  /** Windows drawn anew for each epoch. Default: all, or as many as a training of a few minutes allows. */
  windowsPerEpoch?: number;
  /** Epochs without a better validation score before training ends. */
  patience?: number;
  lr?: number | string | ScheduleConfig;
  optimizer?: OptimizerConfig;
  clipNorm?: number;
  seed?: number;
}

/** Every choice made: JSON, kept in the model's provenance. */
export interface ForecastPlan {
  horizon: number;
  lookback: number;
  model: "segment" | "direct";
  segment: number;
  cell: CellKind;
  hidden: number;
  layers: number;
  dropout: number;
  linear: boolean;
  output: OutputConfig;
  norm: InstanceNorm;
  scaler: ScalerKind;
  scalePerSeries: boolean;
  calendar: boolean;
  season: number;
  epochs: number;
  /** Windows drawn for each epoch, all of them unless that took too long. */
  windowsPerEpoch: number;
  batch: number;
  patience: number;
  lr: number | string | ScheduleConfig;
  optimizer: OptimizerConfig;
  clipNorm: number;
  seed: number;
}

const LONGEST_SEASON_LOOKED_BACK_ON = 400;
/** Multiplications and additions that a training may take unless told otherwise: about two minutes of one core. */
const BUDGET = 4e12;
/** Windows that an epoch has at least, if there are so many. */
const SMALLEST_EPOCH = 1000;

/**
 * Settles everything that the options leave open.
 * @param training rows of each series that are trained on: nothing else is looked at
 * @throws usage, range: options that contradict each other or lie outside their limits
 */
export function planForecast(set: SeriesSet, options: ForecastOptions, training: readonly Range[]): ForecastPlan {
  const rows = Math.max(...training.map(([from, to]) => to - from));
  const whole = (name: string, value: number | undefined, fallback: number): number => {
    const v = value ?? fallback;
    if (!Number.isInteger(v) || v < 1) throw new SluiceError("range", `forecast: ${name} is ${v}, expected a whole number from 1`, { [name]: v });
    return v;
  };
  const oneOf = (name: "norm" | "output" | "loss" | "model", due: readonly string[]): void => {
    const v = options[name];
    if (v !== undefined && !due.includes(v)) throw new SluiceError("usage", `forecast: ${name} is "${v}", expected ${due.join(", ")}`, { [name]: v });
  };
  oneOf("norm", ["none", "last", "mean", "standard"]);
  oneOf("output", ["quantiles", "point", "normal", "student-t"]);
  oneOf("loss", ["mse", "mae", "huber"]);
  oneOf("model", ["segment", "direct"]);
  const horizon = whole("horizon", options.horizon, 1);
  const season = whole("season", options.season, pickSeason(set, training, rows));
  const wished = defaultLookback(season, horizon, rows);
  const given = options.lookback === undefined ? undefined : whole("lookback", options.lookback, 1);
  const { model, segment } = pickSegment(horizon, given, wished, options);
  const lookback = given ?? Math.max(segment, Math.floor(wished / segment) * segment);
  const windows = set.series.reduce((n, s) => n + Math.max(0, Math.round((s.length * rows) / Math.max(1, longest(set))) - lookback - horizon + 1), 0);
  const targets = set.targetNames.length;
  const items = windows * (model === "segment" ? targets : 1);
  const hidden = whole("hidden", options.hidden, items < 1000 ? 32 : items < 10_000 ? 64 : 128);
  const batch = whole("batch", options.batch, Math.max(4, Math.min(Math.round(448 / (model === "segment" ? targets : 7)), Math.ceil(windows / 12))));
  const perEpoch = Math.max(1, Math.ceil(windows / batch));
  const epochs = whole("epochs", options.epochs, Math.max(12, Math.min(150, Math.ceil(1800 / perEpoch))));
  const cell = options.cell ?? "gru";
  const layers = whole("layers", options.layers, 1);
  const known = set.pastNames.length + set.futureNames.length + 6;
  const flops = trainingFlops({ ...{ model, cell, hidden, layers, lookback, horizon, segment, targets }, features: known });
  const affordable = Math.max(SMALLEST_EPOCH, Math.floor(BUDGET / Math.max(12, epochs) / flops));
  const windowsPerEpoch = whole("windowsPerEpoch", options.windowsPerEpoch, Math.max(1, Math.min(windows, affordable)));
  const output: OutputConfig = {
    kind: options.output ?? "quantiles",
    quantiles: options.output === "point" ? [] : checkQuantiles(options.quantiles ?? [0.1, 0.5, 0.9]),
    loss: options.loss ?? "mse",
  };
  return {
    ...{ horizon, lookback, model, segment, season, hidden, batch, epochs, output },
    ...{ cell, layers, windowsPerEpoch },
    dropout: options.dropout ?? (model === "segment" && items >= 1000 ? 0.5 : 0.1),
    linear: options.linear ?? true,
    norm: options.norm ?? "last",
    scaler: options.scaler ?? "standard",
    scalePerSeries: options.scalePerSeries ?? set.series.length > 1,
    calendar: options.calendar ?? (set.timed && set.freq.unit !== "row"),
    patience: whole("patience", options.patience, Math.max(5, Math.ceil(epochs / 4))),
    lr: options.lr ?? "cosine(1e-3)",
    optimizer: options.optimizer ?? { kind: "adamw", weightDecay: 0.01 },
    clipNorm: options.clipNorm ?? 1,
    seed: options.seed ?? 1,
  };
}

const longest = (set: SeriesSet): number => set.series.reduce((n, s) => Math.max(n, s.length), 0);

/** The candidate season whose repetition errs least over the training rows; what the step suggests when none fits. */
function pickSeason(set: SeriesSet, training: readonly Range[], rows: number): number {
  const usual = seasonOf(set.freq);
  const candidates = [...new Set([usual, ...seasonCandidates(set.freq)])].filter((s) => s > 1 && s <= rows / 3);
  let best = { season: usual <= rows / 2 ? usual : 1, error: Infinity };
  for (const season of candidates) {
    let sum = 0;
    let count = 0;
    for (const [i, s] of set.series.entries()) {
      const [from, to] = training[i]!;
      for (let c = 0; c < s.targets; c++) {
        for (let t = Math.max(from + season, to - 20_000); t < to; t++) {
          const e = Math.abs(s.measured[t * s.width + c]! - s.measured[(t - season) * s.width + c]!);
          if (Number.isNaN(e)) continue;
          sum += e;
          count++;
        }
      }
    }
    // A longer season has to be clearly better: it costs more rows.
    const error = count > 0 ? sum / count : Infinity;
    if (error < best.error * 0.98) best = { season, error };
  }
  return best.season;
}

/** Enough seasons and horizons to see what repeats, but no more than a third of the training rows. */
function defaultLookback(season: number, horizon: number, rows: number): number {
  const seasons = season <= 1 ? 24 : season <= 60 ? 4 * season : season <= LONGEST_SEASON_LOOKED_BACK_ON ? 2 * season : 60;
  return Math.max(1, Math.min(Math.max(seasons, 2 * horizon), Math.floor((rows - horizon) / 3), 1000));
}

/** Which network, and for `segment` how long the segments are. */
function pickSegment(horizon: number, lookback: number | undefined, wished: number, options: ForecastOptions): { model: "segment" | "direct"; segment: number } {
  const { model, segment } = options;
  const fits = (d: number) => horizon % d === 0 && (lookback === undefined ? d <= wished : lookback % d === 0);
  if (model === "direct") {
    if (segment !== undefined && segment !== 1) throw new SluiceError("usage", `forecast: segment is ${segment} with the direct model, expected none; use model segment`);
    return { model, segment: 1 };
  }
  if (segment !== undefined) {
    if (!Number.isInteger(segment) || segment < 1 || !fits(segment)) {
      throw new SluiceError("usage", `forecast: segment is ${segment}, expected a divisor of the horizon ${horizon}${lookback ? ` and the look-back ${lookback}` : ""}`, { segment });
    }
    return { model: "segment", segment };
  }
  const divisors = Array.from({ length: Math.min(horizon, 48) }, (_, i) => i + 1).filter(fits);
  // At least three segments to read; the longest that leaves so many.
  const good = divisors.filter((d) => d >= 4 && d <= 24 && (lookback ?? wished) / d >= 3).at(-1);
  if (good !== undefined) return { model: "segment", segment: good };
  return model === "segment" ? { model, segment: divisors.at(-1) ?? 1 } : { model: "direct", segment: 1 };
}
