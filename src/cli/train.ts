/** @file `sluice train`: one task below it for each kind of model. Node-only. */
import type { Command } from "commander";
import { newGroup } from "./command.ts";
import type { Session } from "./session.ts";
import { trainForecastCommand } from "./train-forecast.ts";

export const command = (session: Session): Command =>
  newGroup("train", "Trains a model on a table, scores it beside its baselines and saves it.", "<task> …")
    .addCommand(trainForecastCommand(session))
    .addHelpText(
      "after",
      "\nExamples:\n  $ sluice train forecast data.csv --target temperature --horizon 24\n  $ sluice train forecast --help",
    );
