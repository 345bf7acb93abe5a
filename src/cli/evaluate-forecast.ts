/** @file `sluice evaluate` with a forecaster: scores a model beside its baselines on the test part of a table. Node-only. */
import type { Command } from "commander";
import { newCommand } from "./command.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import { checkPicture } from "./paths.ts";
import { addReadFlags, type ReadFlags } from "./reading.ts";
import type { Session } from "./session.ts";

interface Flags extends ReadFlags, GeneralFlags {
  split?: string;
  plot?: string;
}

const help = `
The table is cut as the training data were, unless --split says otherwise; the linear
baseline is fitted to the table's own training part. Scores are MSE, MAE, RMSE, sMAPE, MASE
and the share of truths inside the intervals, overall and by step ahead.

Examples:
  $ sluice evaluate model.safetensors weather.csv
  $ sluice evaluate model.safetensors newer.csv --split 2024-06-01,2024-09-01 --plot scores.svg
  $ sluice evaluate model.safetensors weather.csv --json | jq .test.mse`;

export function command(session: Session): Command {
  const verb = newCommand("evaluate", "Scores a forecaster beside its baselines on the test part of a table.")
    .argument("<model>", "model file")
    .argument("<data>", "CSV or Parquet file with the model's columns")
    .option("--split <a,b,c>", "train, valid and test as rows, parts, or two dates; default: as when training")
    .option("--plot <file.svg>", "bars of the squared error by step ahead");
  addReadFlags(verb);
  return addGeneralFlags(verb, "the scores")
    .addHelpText("after", help)
    .action((model: string, data: string, flags: Flags) => evaluateFile(model, data, flags, session));
}

async function evaluateFile(modelPath: string, data: string, flags: Flags, session: Session): Promise<void> {
  if (flags.plot !== undefined) checkPicture("--plot", flags.plot, [modelPath, data]);
  const [{ readForecaster, tableFor }, { evaluateForecast }, { judge, showEvaluation, unitsOf }, { parseSplit }] =
    await Promise.all([
      import("./forecast-file.ts"),
      import("../tasks/forecast/apply.ts"),
      import("../tasks/forecast/report.ts"),
      import("../data/split.ts"),
    ]);
  const began = performance.now();
  const split = flags.split === undefined ? undefined : parseSplit(flags.split);
  const model = readForecaster(modelPath, "evaluate", flags.threads);
  const { table, options } = await tableFor(model, data, flags);
  const { evaluation, notes } = evaluateForecast(model, table, { ...options, ...(split ? { split } : {}) });
  const { cell } = model.config.network;
  const plan = { scaler: model.preprocessing.scaler.kind, horizon: model.horizon, cell };
  const verdict = judge(evaluation);
  for (const note of notes) session.say(`note: ${note}`);
  session.show(`${showEvaluation(evaluation, plan)}\n\n${verdict.text}`);
  if (flags.plot !== undefined) {
    await (await import("./score-plot.ts")).writeScorePlot(
      flags.plot,
      `${table.source}: squared error by step ahead`,
      evaluation,
      cell,
    );
    session.say(`plot  ${flags.plot}`);
  }
  const { network: test, baselines, targets, windows } = evaluation;
  session.result({
    task: "forecast",
    model: modelPath,
    source: table.source,
    units: unitsOf(plan),
    ...{ test, valid: null, baselines },
    targets,
    verdict,
    windows: { test: windows },
    parameters: [...model.params.values()].reduce((n, p) => n + p.size, 0),
    seconds: (performance.now() - began) / 1000,
    notes,
  });
}
