/** @file The flags of a forecast's training, and the options they mean: shared by `train forecast` and `backtest forecast`. Node-only. */
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { ForecastOptions } from "../tasks/forecast/options.ts";
import { choice, duration, levels, names, positive, share, wholeNumber } from "./command.ts";
import { addReadFlags, type ReadFlags, timeOf } from "./reading.ts";

/** As commander gives them; `linear` and `calendar` are true unless refused. */
export interface ForecastFlags extends ReadFlags {
  target?: string[];
  horizon?: number;
  lookback?: number;
  freq?: string;
  id?: string;
  past?: string[];
  future?: string[];
  split?: string;
  maxGap?: number;
  season?: number;
  cell?: ForecastOptions["cell"];
  model?: ForecastOptions["model"];
  segment?: number;
  hidden?: number;
  layers?: number;
  dropout?: number;
  linear: boolean;
  calendar: boolean;
  norm?: ForecastOptions["norm"];
  scaler?: ForecastOptions["scaler"];
  output?: ForecastOptions["output"];
  quantiles?: number[];
  loss?: ForecastOptions["loss"];
  epochs?: number;
  timeLimit?: number;
  batch?: number;
  patience?: number;
  lr?: string;
  optimizer?: "adamw" | "adam" | "sgd" | "rmsprop" | "adagrad";
  weightDecay?: number;
  clip?: number;
  seed?: number;
}

/** Adds the flags. What is left out is chosen from the data and printed before training begins. */
export function addForecastFlags(command: Command): Command {
  command
    .optionsGroup("What to forecast:")
    .option(
      "--target <column>",
      'column to forecast; several between commas or by repeating; "all": every numeric one',
      names("--target"),
    )
    .option("--horizon <steps>", "steps to forecast", wholeNumber("--horizon"))
    .option("--lookback <steps>", "steps to look back on", wholeNumber("--lookback"))
    .option("--freq <step>", "length of a step: 15min, 1h, 1D, 1W, 1M, weekday, row; default auto")
    .option("--id <column>", "column that tells several series in one table apart")
    .option("--past <columns>", "covariates known up to now", names("--past"))
    .option("--future <columns>", "covariates known over the horizon too", names("--future"))
    .option("--split <a,b,c>", "train, valid and test as rows (8640,2880,2880), parts (.7,.1,.2) or two dates; default .7,.1,.2")
    .option(
      "--max-gap <steps>",
      "gaps of up to so many steps are filled for reading; windows with longer ones are left out",
      wholeNumber("--max-gap", 0),
    )
    .option("--season <steps>", "after how many steps the pattern repeats", wholeNumber("--season"));
  addReadFlags(command);
  return command
    .optionsGroup("The network:")
    .option(
      "--model <kind>",
      "segment (reads whole segments) or direct (reads step by step)",
      choice("--model", ["segment", "direct"] as const),
    )
    .option("--cell <kind>", "gru, lstm or rnn; default gru", choice("--cell", ["gru", "lstm", "rnn"] as const))
    .option("--hidden <size>", "hidden size", wholeNumber("--hidden"))
    .option("--layers <n>", "recurrent layers", wholeNumber("--layers"))
    .option("--dropout <p>", "share of units left out while training", share("--dropout"))
    .option("--segment <steps>", "steps of a segment; divides look-back and horizon", wholeNumber("--segment"))
    .option(
      "--norm <kind>",
      "what each window is levelled by: last, mean, standard or none",
      choice("--norm", ["last", "mean", "standard", "none"] as const),
    )
    .option(
      "--scaler <kind>",
      "standard, robust, minmax or none",
      choice("--scaler", ["standard", "robust", "minmax", "none"] as const),
    )
    .option(
      "--output <kind>",
      "quantiles, point, normal or student-t",
      choice("--output", ["quantiles", "point", "normal", "student-t"] as const),
    )
    .option("--quantiles <levels>", "levels of the fan; default .1,.5,.9", levels("--quantiles"))
    .option("--loss <kind>", "of a point forecast: mse, mae or huber", choice("--loss", ["mse", "mae", "huber"] as const))
    .option("--no-linear", "do not start from the best linear map of the window")
    .option("--no-calendar", "do not read hour, day, week and year of the times")
    .optionsGroup("Training:")
    .option("--epochs <n>", "passes over the data at most", wholeNumber("--epochs"))
    .option("--time-limit <time>", "stop after so long: 90s, 5m, 1h30m", duration("--time-limit"))
    .option("--patience <epochs>", "stop when so many epochs brought nothing better", wholeNumber("--patience"))
    .option("--batch <windows>", "windows in a batch", wholeNumber("--batch"))
    .option("--lr <rate>", 'learning rate: 1e-3, or a schedule like "cosine(1e-3, warmup=200)"')
    .option(
      "--optimizer <kind>",
      "adamw, adam, sgd, rmsprop or adagrad",
      choice("--optimizer", ["adamw", "adam", "sgd", "rmsprop", "adagrad"] as const),
    )
    .option("--weight-decay <x>", "strength of weight decay", share("--weight-decay"))
    .option("--clip <norm>", "largest norm of the gradients; default 1", positive("--clip"))
    .option("--seed <n>", "same seed, same model; default 1", wholeNumber("--seed", 0));
}

/** The policy on what is missing, for `--help`. */
export const missingPolicy = `Missing values: empty cells, NA, NaN, null, - and ? are missing; absent time-stamps become
missing rows. Gaps of up to --max-gap steps (default: one season) are filled by a straight
line for reading only: a value that was not measured is never trained on as a target and
never scored. Windows that would read a longer gap are left out. Infinite values are an error.`;

/**
 * The options that the flags mean; what was not said is not there, so that a resumed run can tell.
 * @throws usage, range, missing: a split, rate or step that can't be read, flags that contradict each other
 */
export async function forecastOptions(flags: ForecastFlags): Promise<Partial<ForecastOptions>> {
  const [{ parseSplit }, { parseFrequency }, { parseSchedule }] = await Promise.all([
    import("../data/split.ts"),
    import("../data/frequency.ts"),
    import("../train/schedule.ts"),
  ]);
  const { target, freq, split, lr, optimizer, weightDecay, output, quantiles, loss } = flags;
  if (loss !== undefined && output !== undefined && output !== "point") {
    throw new SluiceError(
      "usage",
      `--loss is ${loss} with --output ${output}, expected --output point; ${output} has a loss of its own`,
    );
  }
  if (quantiles !== undefined && (output === "point" || loss !== undefined))
    throw new SluiceError(
      "usage",
      "--quantiles are given with a point forecast, expected --output quantiles, normal or student-t",
    );
  if (weightDecay !== undefined && optimizer === undefined)
    throw new SluiceError("usage", "--weight-decay is given without --optimizer, expected both");
  if (freq !== undefined && freq !== "auto") parseFrequency(freq);
  if (lr !== undefined) parseSchedule(lr, "--lr");
  const {
    timeFormat,
    horizon,
    lookback,
    id,
    past,
    future,
    maxGap,
    season,
    cell,
    model,
    segment,
    hidden,
    layers,
    dropout,
    norm,
    scaler,
  } = flags;
  const { epochs, timeLimit, patience, batch, clip: clipNorm, seed } = flags;
  const all = {
    ...{ time: timeOf(flags), timeFormat, horizon, lookback, freq, id, past, future, maxGap, season },
    ...{ cell, model, segment, hidden, layers, dropout, norm, scaler, quantiles, loss },
    ...{ epochs, timeLimit, patience, batch, lr, clipNorm, seed },
    targets: target?.length === 1 && target[0] === "all" ? ("all" as const) : target,
    split: split === undefined ? undefined : parseSplit(split),
    output: output ?? (loss === undefined ? undefined : ("point" as const)),
    linear: flags.linear ? undefined : false,
    calendar: flags.calendar ? undefined : false,
    optimizer: optimizer && { kind: optimizer, ...(weightDecay === undefined ? {} : { weightDecay }) },
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Partial<ForecastOptions>;
}

/** @throws usage: no target or no horizon */
export function requireTargets(options: Partial<ForecastOptions>, where: string): ForecastOptions {
  if (options.targets === undefined)
    throw new SluiceError(
      "usage",
      `${where}: --target is missing, expected a column of the table, like --target temperature, or --target all`,
    );
  if (options.horizon === undefined)
    throw new SluiceError("usage", `${where}: --horizon is missing, expected how many steps to forecast, like --horizon 24`);
  return options as ForecastOptions;
}

/** Columns of a table that the options ask for as numbers, and those to keep as they are written. */
export const columnKinds = ({ targets, id }: Partial<ForecastOptions>): { numeric: string[]; text: string[] } => ({
  numeric: targets === undefined || targets === "all" ? [] : [targets].flat(),
  text: id === undefined ? [] : [id],
});
