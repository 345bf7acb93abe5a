/** @file `sluice predict` with a forecaster: forecasts what comes after the end of a table. Node-only. */
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import { newCommand, shellWords } from "./command.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import { checkOutput, checkPicture } from "./paths.ts";
import { addReadFlags, type ReadFlags } from "./reading.ts";
import type { Session } from "./session.ts";
import { list } from "./show.ts";

interface Flags extends ReadFlags, GeneralFlags {
  out?: string;
  plot?: string;
  holdOut?: boolean;
}

const help = `
The CSV has the id where there is one, the time, the forecast under the target's own name
(with several targets: the columns "target" and "point"), its quantiles (q0.1 …), and with
--hold-out the truth. Without --out it goes to stdout.
The forecast starts after the last measured target of each series. Columns known in the
future must reach over the horizon: rows with their values and empty targets. Missing values
in the look-back are filled, and said. Of several series, those that are too short for the
look-back are left out, and named.

Examples:
  $ sluice predict model.safetensors weather.csv --out forecast.csv --plot forecast.svg
  $ sluice predict model.safetensors weather.csv --hold-out --plot held-out.svg --out held-out.csv
  $ sluice predict model.safetensors weather.csv | head -5`;

export function command(session: Session): Command {
  const verb = newCommand("predict", "Forecasts what comes after the end of a table, with the model's fan of quantiles.")
    .argument("<model>", "model file")
    .argument("<data>", "CSV or Parquet file with the model's columns")
    .optionsGroup("Where results go:")
    .option("--out <file.csv>", "the forecast; default: stdout")
    .option("--plot <file.svg>", "picture of history and forecast")
    .option("--hold-out", "forecast the last stretch of the table instead, from the rows before it, and show the truth beside");
  addReadFlags(verb);
  return addGeneralFlags(verb, "the forecast; the CSV then needs --out")
    .addHelpText("after", help)
    .action((model: string, data: string, flags: Flags) => predictFile(model, data, flags, session));
}

async function predictFile(modelPath: string, data: string, flags: Flags, session: Session): Promise<void> {
  if (flags.out !== undefined) checkOutput("--out", flags.out, [modelPath, data]);
  if (flags.plot !== undefined) checkPicture("--plot", flags.plot, [modelPath, data]);
  if (flags.plot !== undefined && flags.plot === flags.out)
    throw new SluiceError("usage", `--plot is ${flags.plot}, as --out is, expected a name of its own`);
  const [{ readForecaster, tableFor }, output, { longEnough, seriesFor }, { toCsv }, { writeAtomic }] = await Promise.all([
    import("./forecast-file.ts"),
    import("./forecast-output.ts"),
    import("../tasks/forecast/apply.ts"),
    import("../data/write.ts"),
    import("../formats/files.ts"),
  ]);
  const model = readForecaster(modelPath, "predict", flags.threads);
  const { table, options } = await tableFor(model, data, flags);
  const rows = model.lookback + (flags.holdOut ? model.horizon : 0);
  const { set, skipped } = longEnough(seriesFor(model, table, options), rows);
  const forecasts = flags.holdOut ? output.heldOut(model, set) : model.predict(set);
  const result = output.forecastTable(model, set, forecasts, flags.holdOut ?? false);
  if (skipped.length > 0) {
    const short = skipped.map(({ id, rows: has }) => `"${id}" (${has})`);
    session.warn(`not forecast: ${list(short)}, which ${short.length === 1 ? "has" : "have"} fewer than ${rows} rows up to the last measured target`);
  }
  for (const note of set.notes) session.say(`note: ${note}`);
  for (const { id, notes } of forecasts) for (const note of notes) session.say(`note: ${id ? `${id}: ` : ""}${note}`);
  if (flags.plot !== undefined) output.drawForecast(flags.plot, model, set, forecasts, table.source);
  if (flags.out !== undefined) writeAtomic(flags.out, [...toCsv(result)].join(""));
  else if (!session.json) for (const text of toCsv(result)) process.stdout.write(text);
  if (process.stderr.isTTY)
    session.say(output.terminalPlot(model, set, forecasts, process.stderr.columns ?? 80, !process.env["NO_COLOR"]));
  if (flags.out !== undefined) session.say(`forecast  ${flags.out} (${result.rows} rows)`);
  if (flags.plot !== undefined) session.say(`plot      ${flags.plot}`);
  if (!flags.holdOut && flags.out !== undefined)
    session.say(
      `next      sluice ${shellWords(["predict", modelPath, data, "--hold-out", "--plot", "held-out.svg", "--out", "held-out.csv"])}`,
    );
  const series = forecasts.map(({ id, times, targets }) => ({
    id,
    times: Array.from(times, (t) => (set.timed ? new Date(t).toISOString() : t + 1)),
    targets: targets.map(({ name, point, quantiles }) => ({
      name,
      point: Array.from(point),
      quantiles: quantiles.map(({ level, values }) => ({ level, values: Array.from(values) })),
    })),
  }));
  session.result({ task: "forecast", model: modelPath, source: table.source, out: flags.out ?? null, skipped, forecasts: series });
}
