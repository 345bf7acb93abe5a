/** @file `sluice train forecast`: the verb's flags and help, where its results go, and what it may resume from. The run itself: `training.ts`. Node-only. */
import { existsSync, statSync } from "node:fs";
import { basename, extname } from "node:path";
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { LoadedModel } from "../formats/model.ts";
import type { ForecastOptions } from "../tasks/forecast/options.ts";
import { newCommand } from "./command.ts";
import { addForecastFlags, columnKinds, forecastOptions, missingPolicy, requireTargets } from "./forecast-options.ts";
import { checkModelOutput, checkPicture } from "./paths.ts";
import { readTableFile } from "./reading.ts";
import type { Session } from "./session.ts";
import { type TrainFlags, Training, type TrainPaths } from "./training.ts";

const where = "train forecast";

const help = `
${missingPolicy}

Ctrl-C stops at the next step, saves the checkpoint and the best model so far, and says how
to go on (exit code 130); a second Ctrl-C quits at once. Training ends by itself after
--epochs, at --time-limit, or when the validation part has not improved for --patience epochs;
the weights kept are those of the best epoch. The checkpoint is written after every epoch and
removed at the end, unless you named it with --checkpoint. A run that is resumed gives the
same model, byte for byte, as one that was never stopped.

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

export function trainForecastCommand(session: Session): Command {
  const command = newCommand("forecast", "Trains a forecaster of one or several columns of a CSV or Parquet file.").argument(
    "<data>",
    "CSV or Parquet file",
  );
  return addForecastFlags(command)
    .optionsGroup("Where results go:")
    .option("--out <file>", "the model; default: the data's name with .forecast.safetensors, in this folder")
    .option("--checkpoint <file>", "default: the model's name with .ckpt; kept when named here")
    .option(
      "--resume <checkpoint>",
      "go on with a training that was stopped; its options count, only --epochs, --time-limit and --lr may change",
    )
    .option("--plot <file.svg>", "picture of the last stretch of the data, forecast from before it")
    .option("--plot-loss <file.svg>", "picture of the losses over the epochs")
    .option("--tensorboard <folder>", "losses and rates as TensorBoard reads them")
    .optionsGroup("General:")
    .option("--json", "end with one JSON object on stdout, the report")
    .option("--quiet", "no progress, only the result")
    .addHelpText("after", help)
    .action((data: string, flags: TrainFlags) => trainForecastFile(data, flags, session));
}

async function trainForecastFile(data: string, flags: TrainFlags, session: Session): Promise<void> {
  const given = await forecastOptions(flags);
  if (flags.resume === undefined) requireTargets(given, where);
  const paths = choosePaths(data, flags);
  const resume = flags.resume === undefined ? undefined : await readCheckpoint(flags.resume, given);
  const options = requireTargets({ ...(resume?.options ?? {}), ...given }, where);
  const table = await readTableFile(data, flags, columnKinds(options));
  if (resume === undefined && !flags.checkpoint && existsSync(paths.checkpoint) && statSync(paths.checkpoint).isFile()) {
    session.say(
      `note: ${paths.checkpoint} of a run that was stopped will be replaced; to go on with that run instead, stop this one and use --resume`,
    );
  }
  await new Training(session, flags, paths, table, options, resume?.file).run();
}

function choosePaths(data: string, flags: TrainFlags): TrainPaths {
  const fallback = flags.resume?.endsWith(".ckpt")
    ? flags.resume.slice(0, -".ckpt".length)
    : `${basename(data, extname(data))}.forecast.safetensors`;
  const model = flags.out ?? fallback;
  const checkpoint = flags.checkpoint ?? flags.resume ?? `${model}.ckpt`;
  checkModelOutput("--out", model, [data]);
  if (model === checkpoint)
    throw new SluiceError("usage", `--checkpoint is ${checkpoint}, the model itself, expected another file`);
  checkModelOutput(checkpoint === flags.resume ? "--resume" : "--checkpoint", checkpoint, [data]);
  for (const [flag, path] of [["--plot", flags.plot], ["--plot-loss", flags.plotLoss]] as const) {
    if (path === undefined) continue;
    if ([model, checkpoint].includes(path)) throw new SluiceError("usage", `${flag} is ${path}, the same as another result, expected a name of its own`);
    checkPicture(flag, path, [data, model, checkpoint]);
  }
  if (flags.plot !== undefined && flags.plot === flags.plotLoss)
    throw new SluiceError("usage", `--plot-loss is ${flags.plot}, as --plot is, expected a name of its own`);
  return { data, model, checkpoint, keepCheckpoint: flags.checkpoint !== undefined };
}

/** Reads the checkpoint; whatever was said again must be what it says, but for what may change. */
async function readCheckpoint(
  path: string,
  given: Partial<ForecastOptions>,
): Promise<{ file: LoadedModel; options: Partial<ForecastOptions> }> {
  const [{ readBytes }, { decodeModel }] = await Promise.all([import("../formats/files.ts"), import("../formats/model.ts")]);
  const file = decodeModel(readBytes(path), path);
  const options = (file.checkpoint?.["options"] ?? {}) as unknown as Partial<ForecastOptions>;
  if (!file.checkpoint)
    throw new SluiceError(
      "usage",
      `--resume is ${path}, a finished model, expected a checkpoint (.ckpt), which train leaves when it is stopped`,
    );
  for (const [key, value] of Object.entries(given)) {
    if (["epochs", "timeLimit", "lr"].includes(key)) continue;
    const before = (options as Record<string, unknown>)[key];
    if (JSON.stringify(before) === JSON.stringify(value)) continue;
    throw new SluiceError(
      "usage",
      `--resume: ${key} is ${JSON.stringify(value)}, expected ${before === undefined ? "nothing, as when the training began" : JSON.stringify(before)}; ${path} says so. Leave the flag out, or train anew`,
      { key },
    );
  }
  return { file, options };
}
