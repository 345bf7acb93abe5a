/** @file The flags of a forecast's training, and the options they mean: shared by `train forecast` and `backtest forecast`. Node-only. */
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { ForecastOptions } from "../tasks/forecast/options.ts";
import { choice, levels, names, wholeNumber } from "./command.ts";
import { addNetworkFlags, addTrainingFlags, defined, type NetworkFlags, type TrainingFlags, trainingOptions } from "./flags.ts";
import { addReadFlags, type ReadFlags, timeOf } from "./reading.ts";

/** As commander gives them; `linear` and `calendar` are true unless refused. */
export interface ForecastFlags extends ReadFlags, NetworkFlags, TrainingFlags {
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
  model?: ForecastOptions["model"];
  segment?: number;
  linear: boolean;
  calendar: boolean;
  norm?: ForecastOptions["norm"];
  scaler?: ForecastOptions["scaler"];
  output?: ForecastOptions["output"];
  quantiles?: number[];
  loss?: ForecastOptions["loss"];
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
  addNetworkFlags(command)
    .option("--model <kind>", "segment (reads whole segments) or direct (reads step by step)", choice("--model", ["segment", "direct"] as const))
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
    .option("--no-calendar", "do not read hour, day, week and year of the times");
  return addTrainingFlags(command, "windows");
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
  const [{ parseSplit }, { parseFrequency }] = await Promise.all([import("../data/split.ts"), import("../data/frequency.ts")]);
  const { target, freq, split, output, quantiles, loss } = flags;
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
  if (freq !== undefined && freq !== "auto") parseFrequency(freq);
  const training = await trainingOptions(flags);
  const { timeFormat, horizon, lookback, id, past, future, maxGap, season, cell, model, segment, hidden, layers, dropout, norm, scaler } = flags;
  return defined({
    ...{ time: timeOf(flags), timeFormat, horizon, lookback, freq, id, past, future, maxGap, season },
    ...{ cell, model, segment, hidden, layers, dropout, norm, scaler, quantiles, loss },
    ...training,
    targets: target?.length === 1 && target[0] === "all" ? ("all" as const) : target,
    split: split === undefined ? undefined : parseSplit(split),
    output: output ?? (loss === undefined ? undefined : ("point" as const)),
    linear: flags.linear ? undefined : false,
    calendar: flags.calendar ? undefined : false,
  });
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
