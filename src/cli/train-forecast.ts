/** @file `sluice train forecast`: from a table to a trained, scored and saved forecaster that can be stopped and resumed at any step. Node-only. */
import { existsSync, rmSync, statSync } from "node:fs";
import { basename, extname } from "node:path";
import type { Command } from "commander";
import { SluiceError, showBytes } from "../base/errors.ts";
import type { Table } from "../data/table.ts";
import type { LoadedModel, ModelFile } from "../formats/model.ts";
import type { ForecastOptions } from "../tasks/forecast/options.ts";
import type { ForecastReport } from "../tasks/forecast/report.ts";
import type { TrainedForecast } from "../tasks/forecast/train.ts";
import type { EpochEvent } from "./loss-plot.ts";
import { newCommand, shellWords } from "./command.ts";
import {
  addForecastFlags,
  columnKinds,
  type ForecastFlags,
  forecastOptions,
  missingPolicy,
  requireTargets,
} from "./forecast-options.ts";
import { checkModelOutput, checkOutput } from "./paths.ts";
import { Progress } from "./progress.ts";
import { readTableFile } from "./reading.ts";
import { type Session, version } from "./session.ts";

interface Flags extends ForecastFlags {
  out?: string;
  resume?: string;
  checkpoint?: string;
  tensorboard?: string;
  plot?: string;
  plotLoss?: string;
}

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
    .action((data: string, flags: Flags) => trainForecastFile(data, flags, session));
}

/** Everything that a run of this verb writes. */
interface Paths {
  data: string;
  model: string;
  checkpoint: string;
  keepCheckpoint: boolean;
}

async function trainForecastFile(data: string, flags: Flags, session: Session): Promise<void> {
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

function choosePaths(data: string, flags: Flags): Paths {
  const fallback = flags.resume?.endsWith(".ckpt")
    ? flags.resume.slice(0, -".ckpt".length)
    : `${basename(data, extname(data))}.forecast.safetensors`;
  const model = flags.out ?? fallback;
  const checkpoint = flags.checkpoint ?? flags.resume ?? `${model}.ckpt`;
  checkModelOutput("--out", model, [data]);
  if (model === checkpoint)
    throw new SluiceError("usage", `--checkpoint is ${checkpoint}, the model itself, expected another file`);
  checkModelOutput("--checkpoint", checkpoint, [data]);
  if (flags.plot !== undefined) checkOutput("--plot", flags.plot, [data, model, checkpoint]);
  if (flags.plotLoss !== undefined) checkOutput("--plot-loss", flags.plotLoss, [data, model, checkpoint]);
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

/** One training under way, from the first event to the saved model. */
class Training {
  readonly #stop = new AbortController();
  #signal: NodeJS.Signals | null = null;
  /** The checkpoint on the disk that one can go on from. */
  #saved: string | null;
  #ended = "";

  constructor(
    readonly session: Session,
    readonly flags: Flags,
    readonly paths: Paths,
    readonly table: Table,
    readonly options: ForecastOptions,
    readonly resume: LoadedModel | undefined,
  ) {
    this.#saved = flags.resume ?? null;
  }

  async run(): Promise<void> {
    const { session, paths, flags } = this;
    const epochs: EpochEvent[] = [];
    let trained: TrainedForecast | null;
    try {
      trained = await this.#train(epochs);
    } catch (error) {
      throw this.#withAdvice(error);
    } finally {
      this.#listen(false);
    }
    if (flags.plotLoss !== undefined)
      await (await import("./loss-plot.ts")).writeLossPlot(flags.plotLoss, this.table.source, epochs);
    if (trained) await this.#save(trained);
    if (this.#signal) await this.#sayStopped(trained?.report ?? null);
    else if (trained) {
      if (!paths.keepCheckpoint) rmSync(paths.checkpoint, { force: true });
      await this.#sayDone(trained.report);
    }
    session.exitCode = this.#signal === null ? 0 : this.#signal === "SIGINT" ? 130 : 143;
  }

  /** Null: stopped before there was anything to keep. */
  async #train(epochs: EpochEvent[]): Promise<TrainedForecast | null> {
    const { session, options, flags, table, resume } = this;
    const [{ trainForecast }, { machineEngine }, { showPlan, whyEnded }] = await Promise.all([
      import("../tasks/forecast/train.ts"),
      import("./engine.ts"),
      import("./show.ts"),
    ]);
    const board =
      flags.tensorboard === undefined ? null : new (await import("../formats/tensorboard.ts")).EventWriter(flags.tensorboard);
    const progress = new Progress(session, options.timeLimit);
    const events = trainForecast(table, options, {
      engine: machineEngine(),
      signal: this.#stop.signal,
      checkpoint: (file) => this.#saveCheckpoint(file, progress),
      writer: `sluice ${version()}`,
      ...(resume ? { resume } : {}),
    });
    try {
      for (;;) {
        const { value: event, done } = await events.next();
        if (done) return event;
        if (event.type === "plan") {
          this.#listen(true);
          session.say(showPlan(event));
          await progress.begin(event);
        } else if (event.type === "step") {
          progress.step(event);
          board?.scalar("step/loss", event.loss, event.step);
          board?.scalar("step/learning rate", event.lr, event.step);
          board?.scalar("step/gradient norm", event.gradientNorm, event.step);
        } else if (event.type === "epoch") {
          progress.epoch(event);
          epochs.push(event);
          board?.scalar("epoch/train loss", event.trainLoss, event.epoch);
          if (event.validLoss !== null) board?.scalar("epoch/valid loss", event.validLoss, event.epoch);
        } else if (event.type === "end") {
          progress.end();
          this.#ended = whyEnded(event, options);
          if (event.best === null && event.reason === "aborted") return null;
        }
      }
    } finally {
      progress.end();
      board?.close();
      await events.return(undefined as never);
    }
  }

  /** First Ctrl-C: stop at the next step. The handler is gone then, so that a second one ends the process at once. */
  #listen(on: boolean): void {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      if (on) process.once(signal, this.#stopped);
      else process.removeListener(signal, this.#stopped);
    }
  }

  readonly #stopped = (signal: NodeJS.Signals): void => {
    this.#listen(false);
    this.#signal = signal;
    this.#stop.abort();
    this.session.say("\nstopping, saving and scoring what there is … (again to quit at once)");
  };

  /** A disk that is full must not end a training that goes well: the next epoch tries again. */
  async #saveCheckpoint(file: ModelFile, progress: Progress): Promise<void> {
    const [{ writeAtomic }, { modelChunks }] = await Promise.all([import("../formats/files.ts"), import("../formats/model.ts")]);
    try {
      writeAtomic(this.paths.checkpoint, modelChunks(file));
      this.#saved = this.paths.checkpoint;
    } catch (error) {
      if (!(error instanceof SluiceError && error.code === "io")) throw error;
      progress.end();
      this.session.warn(`the checkpoint could not be saved, training goes on: ${error.message}`);
    }
  }

  async #save({ forecaster }: TrainedForecast): Promise<void> {
    const [{ writeAtomic }, { modelChunks }] = await Promise.all([import("../formats/files.ts"), import("../formats/model.ts")]);
    try {
      writeAtomic(this.paths.model, modelChunks(forecaster.toFile(`sluice ${version()}`)));
    } catch (error) {
      throw this.#withAdvice(error);
    }
    if (this.flags.plot === undefined) return;
    const [{ drawForecast, heldOut }, { seriesFor }] = await Promise.all([
      import("./forecast-output.ts"),
      import("../tasks/forecast/apply.ts"),
    ]);
    const set = seriesFor(forecaster, this.table);
    drawForecast(this.flags.plot, forecaster, set, heldOut(forecaster, set), this.table.source);
  }

  /** The command that goes on from the checkpoint, with other words for some flags. */
  #resumeCommand(checkpoint: string, instead: Record<string, string> = {}): string {
    const flags: Record<string, string> = { ...instead, "--resume": checkpoint };
    const said = (word: string | undefined) => word !== undefined && Object.hasOwn(flags, word);
    const words = this.session.argv.filter((word, i, all) => !said(word) && !said(all[i - 1]) && !said(word.split("=")[0]));
    return `sluice ${shellWords([...words, ...Object.entries(flags).flat()])}`;
  }

  /** Nothing is lost: how to go on after a rate that was too high, or with a disk that was full. Other errors stay as they are. */
  #withAdvice(error: unknown): unknown {
    const checkpoint = this.#saved;
    if (checkpoint === null || !(error instanceof SluiceError && ["numeric", "io"].includes(error.code))) return error;
    const { lr } = error.details;
    const instead: Record<string, string> = error.code === "io" ? { "--out": "elsewhere.safetensors" } : {};
    if (typeof lr === "number") instead["--lr"] = String(Number((lr / 10).toPrecision(3)));
    const way = `The checkpoint ${checkpoint} has what was learnt: ${this.#resumeCommand(checkpoint, instead)}`;
    return new SluiceError(error.code, `${error.message}. ${way}`, { ...error.details, checkpoint }, { cause: error });
  }

  async #showScores(report: ForecastReport): Promise<void> {
    const { showReport } = await import("./show.ts");
    this.session.say("");
    this.session.show(showReport(report));
  }

  async #sayDone(report: ForecastReport): Promise<void> {
    const { session, paths, flags } = this;
    session.say(this.#ended);
    await this.#showScores(report);
    session.say("");
    const size = statSync(paths.model).size;
    session.say(`model  ${paths.model} (${showBytes(size)})${paths.keepCheckpoint ? `, checkpoint ${paths.checkpoint}` : ""}`);
    for (const path of [flags.plot, flags.plotLoss]) if (path !== undefined) session.say(`plot   ${path}`);
    session.say(
      `next   sluice ${shellWords(["predict", paths.model, paths.data, "--out", "forecast.csv", "--plot", "forecast.svg"])}`,
    );
    session.result({ ...report, model: paths.model });
  }

  async #sayStopped(report: ForecastReport | null): Promise<void> {
    const { session, paths } = this;
    session.say(this.#ended);
    if (report) {
      await this.#showScores(report);
      session.say(`\nmodel  ${paths.model}: the best so far`);
    } else session.say(`model  none yet: no epoch was finished`);
    const checkpoint = this.#saved;
    const resume = checkpoint === null ? null : this.#resumeCommand(checkpoint);
    session.warn(resume ? `stopped; go on with: ${resume}` : "stopped; there is no checkpoint to go on from");
    session.result({
      ...(report ?? { task: "forecast", ended: "aborted" }),
      model: report ? paths.model : null,
      checkpoint,
      resume,
    });
  }
}
