/** @file `sluice train forecast`: the verb's flags and help, and what a forecaster's training has of its own. The run itself: `training.ts`. Node-only. */
import type { Command } from "commander";
import type { ForecastOptions } from "../tasks/forecast/options.ts";
import { newCommand } from "./command.ts";
import { addGeneralFlags, addResultFlags, type GeneralFlags, type ResultFlags, stoppingPolicy } from "./flags.ts";
import { addForecastFlags, columnKinds, type ForecastFlags, forecastOptions, missingPolicy, requireTargets } from "./forecast-options.ts";
import { readTableFile } from "./reading.ts";
import type { Session } from "./session.ts";
import { Training } from "./training.ts";
import { beginTraining } from "./training-files.ts";

interface Flags extends ForecastFlags, ResultFlags, GeneralFlags {
  plot?: string;
}

const where = "train forecast";

const help = `
${missingPolicy}

${stoppingPolicy}

Examples:
  $ sluice train forecast weather.csv --target temperature --horizon 24 \\
      --past humidity,pressure,wind --out model.safetensors
  $ sluice train forecast ETTh1.csv --time date --target all --lookback 96 --horizon 96 \\
      --split 8640,2880,2880 --json
  $ sluice train forecast pm25.csv --time year,month,day,hour --target pm2.5 --horizon 12 \\
      --cell lstm --time-limit 5m
  $ sluice train forecast shops.csv --id shop --target sales --future holiday --horizon 14 \\
      --quantiles .05,.5,.95
  $ sluice train forecast weather.csv --resume model.safetensors.ckpt --out model.safetensors`;

export function command(session: Session): Command {
  const verb = newCommand("forecast", "Trains a forecaster of one or several columns of a CSV or Parquet file.").argument("<data>", "CSV or Parquet file");
  addForecastFlags(verb);
  addResultFlags(verb, "forecast").option("--plot <file.svg>", "picture of the last stretch of the data, forecast from before it");
  return addGeneralFlags(verb, "the report")
    .addHelpText("after", help)
    .action((data: string, flags: Flags) => trainForecastFile(data, flags, session));
}

async function trainForecastFile(data: string, flags: Flags, session: Session): Promise<void> {
  const given = await forecastOptions(flags);
  if (flags.resume === undefined) requireTargets(given, where);
  const begun = await beginTraining<ForecastOptions>({ task: "forecast", inputs: [data], flags, given, pictures: [["--plot", flags.plot]], session });
  const options = requireTargets(begun.options, where);
  const table = await readTableFile(data, flags, columnKinds(options));
  const [{ trainForecast }, { showPlan, showReport }] = await Promise.all([import("../tasks/forecast/train.ts"), import("./show-forecast.ts")]);
  await new Training(session, flags, begun.paths, {
    ...{ task: "forecast", source: table.source, unit: "windows", timeLimit: options.timeLimit, showPlan, showReport },
    start: (run) => trainForecast(table, options, { ...run, ...(begun.resume ? { resume: begun.resume } : {}) }),
    async writeExtras({ model }) {
      if (flags.plot === undefined) return;
      const [{ drawForecast, heldOut }, { seriesFor }] = await Promise.all([import("./forecast-output.ts"), import("../tasks/forecast/apply.ts")]);
      const set = seriesFor(model, table);
      drawForecast(flags.plot, model, set, heldOut(model, set), table.source);
    },
    next: (model) => ["predict", model, data, "--out", "forecast.csv", "--plot", "forecast.svg"],
  }).run();
}
