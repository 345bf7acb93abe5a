/** @file `sluice backtest`: the whole training again on ever more of the past, each time scored on what came next. Node-only. */
import type { Command } from "commander";
import { newCommand, newGroup, share, wholeNumber } from "./command.ts";
import {
  addForecastFlags,
  columnKinds,
  type ForecastFlags,
  forecastOptions,
  missingPolicy,
  requireTargets,
} from "./forecast-options.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import { Progress } from "./progress.ts";
import { readTableFile } from "./reading.ts";
import { type Session, version } from "./session.ts";

interface Flags extends ForecastFlags, GeneralFlags {
  folds?: number;
  share?: number;
}

const help = `
${missingPolicy}

Each fold trains a forecaster from nothing on the first part of every series and scores it
on the stretch that follows. No model is kept: the question is how far a recipe can be
trusted, not which weights it gives.

Examples:
  $ sluice backtest forecast weather.csv --target temperature --horizon 24 --folds 4
  $ sluice backtest forecast sales.csv --id shop --target sales --horizon 14 --folds 3 --json`;

const examples = "\nExamples:\n  $ sluice backtest forecast weather.csv --target temperature --horizon 24 --folds 4";

export function command(session: Session): Command {
  const forecast = newCommand("forecast", "Backtests a forecaster of one or several columns of a table.").argument(
    "<data>",
    "CSV or Parquet file",
  );
  addForecastFlags(forecast)
    .optionsGroup("The backtest:")
    .option("--folds <n>", "trainings; default 4", wholeNumber("--folds", 2))
    .option("--share <x>", "share of the rows, at the end, that is tested on; default 0.4", share("--share"));
  addGeneralFlags(forecast)
    .addHelpText("after", help)
    .action((data: string, flags: Flags) => backtestFile(data, flags, session));
  return newGroup("backtest", "Trains and scores again and again on ever more of the past.", "<task> …")
    .addCommand(forecast)
    .addHelpText("after", examples);
}

async function backtestFile(data: string, flags: Flags, session: Session): Promise<void> {
  const options = requireTargets(await forecastOptions(flags), "backtest forecast");
  const table = await readTableFile(data, flags, columnKinds(options));
  const [{ backtestForecast }, { machineEngine }, { whyEnded }, { showPlan }, { showBacktest }] = await Promise.all([
    import("../tasks/forecast/backtest.ts"),
    import("./engine.ts"),
    import("./show.ts"),
    import("./show-forecast.ts"),
    import("./show-backtest.ts"),
  ]);
  const { folds = 4, share: part } = flags;
  const events = backtestForecast(
    table,
    { ...options, folds, ...(part === undefined ? {} : { share: part }) },
    { engine: machineEngine(flags.threads), writer: `sluice ${version()}` },
  );
  let progress = new Progress(session, "windows", options.timeLimit);
  let first = true;
  try {
    for (;;) {
      const { value: event, done } = await events.next();
      if (done) {
        session.show(showBacktest(event));
        session.result({ task: "forecast", source: table.source, ...event });
        return;
      }
      if (event.type === "fold") {
        progress = new Progress(session, "windows", options.timeLimit);
        session.say(`fold ${event.fold} of ${event.folds}`);
      } else if (event.type === "plan") {
        if (first) session.say(showPlan(event));
        first = false;
        await progress.begin(event);
      } else if (event.type === "step") progress.step(event);
      else if (event.type === "epoch") progress.epoch(event);
      else if (event.type === "end") {
        progress.end();
        session.say(whyEnded(event, options));
      } else if (event.type === "report") session.say(`${event.report.verdict.text}\n`);
    }
  } finally {
    progress.end();
  }
}
