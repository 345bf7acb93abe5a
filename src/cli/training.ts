/**
 * @file One run of `train`, the same for every task: takes the training's events, shows them, stops on Ctrl-C, and sees to it that model and checkpoint
 * are on the disk whatever happens. What only the task knows it is told by a job. Node-only.
 */
import { rmSync, statSync } from "node:fs";
import { SluiceError, showBytes } from "../base/errors.ts";
import type { ModelFile } from "../formats/model.ts";
import type { TaskReport } from "../tasks/common/report.ts";
import type { PlanEvent, RunOptions, TaskModel, TaskTraining, Trained } from "../tasks/common/run.ts";
import { shellWords } from "./command.ts";
import type { GeneralFlags, ResultFlags } from "./flags.ts";
import type { EpochEvent } from "./loss-plot.ts";
import { Progress } from "./progress.ts";
import { type Session, version } from "./session.ts";
import type { TrainPaths } from "./training-files.ts";

/** A training as its task has it. */
export interface Job<P extends PlanEvent, R extends TaskReport, M extends TaskModel> {
  task: string;
  /** Name of the data, for titles. */
  source: string;
  /** What `samplesPerSecond` counts: `windows`. */
  unit: string;
  /** Seconds after which training ends anyway. */
  timeLimit?: number | undefined;
  /** @param run engine, signal, checkpoints, writer; the job adds what it resumes from */
  start(run: RunOptions): TaskTraining<P, R, M>;
  showPlan(event: P): string;
  showReport(report: R): string;
  /** Writes what is asked for beside the model. */
  writeExtras?(trained: Trained<R, M>): void | Promise<void>;
  /** Words of the command to try next, without `sluice`. */
  next(model: string): string[];
}

/** One training under way, from the first event to the saved model. */
export class Training<P extends PlanEvent, R extends TaskReport, M extends TaskModel> {
  readonly #stop = new AbortController();
  #signal: NodeJS.Signals | null = null;
  /** The checkpoint on the disk that one can go on from. */
  #saved: string | null;
  #ended = "";
  #progress: Progress | null = null;

  constructor(
    readonly session: Session,
    readonly flags: ResultFlags & GeneralFlags,
    readonly paths: TrainPaths,
    readonly job: Job<P, R, M>,
  ) {
    this.#saved = flags.resume ?? null;
  }

  async run(): Promise<void> {
    const { session, paths, flags } = this;
    const epochs: EpochEvent[] = [];
    let trained: Trained<R, M> | null;
    try {
      trained = await this.#train(epochs);
    } catch (error) {
      throw this.#withAdvice(error);
    } finally {
      this.#listen(false);
    }
    if (trained) await this.#save(trained);
    if (flags.plotLoss !== undefined) (await import("./loss-plot.ts")).writeLossPlot(flags.plotLoss, this.job.source, epochs);
    if (this.#signal) this.#sayStopped(trained?.report ?? null);
    else if (trained) {
      if (!paths.keepCheckpoint) rmSync(paths.checkpoint, { force: true });
      this.#sayDone(trained.report);
    }
    session.exitCode = this.#signal === null ? 0 : this.#signal === "SIGINT" ? 130 : 143;
  }

  /** Null: stopped before there was anything to keep. */
  async #train(epochs: EpochEvent[]): Promise<Trained<R, M> | null> {
    const { session, flags, job } = this;
    const [{ machineEngine }, { whyEnded }] = await Promise.all([import("./engine.ts"), import("./show.ts")]);
    const board =
      flags.tensorboard === undefined ? null : new (await import("../formats/tensorboard.ts")).EventWriter(flags.tensorboard);
    const progress = new Progress(session, job.unit, job.timeLimit);
    this.#progress = progress;
    const events = job.start({
      engine: machineEngine(flags.threads),
      signal: this.#stop.signal,
      checkpoint: (file) => this.#saveCheckpoint(file, progress),
      writer: `sluice ${version()}`,
    });
    try {
      for (;;) {
        const { value: event, done } = await events.next();
        if (done) return event;
        if (event.type === "plan") {
          this.#listen(true);
          session.say(job.showPlan(event));
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
          this.#ended = whyEnded(event, job);
          if (event.best === null && event.reason === "aborted") return null;
          if (event.reason !== "aborted") {
            session.say(this.#ended);
            this.#ended = ""; // said
          }
          session.say("scoring it and its baselines");
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
    this.#progress?.end(); // a bar that goes later would take the next lines' place
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

  async #save(trained: Trained<R, M>): Promise<void> {
    const [{ writeAtomic }, { modelChunks }] = await Promise.all([import("../formats/files.ts"), import("../formats/model.ts")]);
    try {
      writeAtomic(this.paths.model, modelChunks(trained.model.toFile(`sluice ${version()}`)));
    } catch (error) {
      throw this.#withAdvice(error);
    }
    await this.job.writeExtras?.(trained);
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

  #showScores(report: R): void {
    this.session.say("");
    this.session.show(this.job.showReport(report));
  }

  #sayDone(report: R): void {
    const { session, paths, job } = this;
    this.#showScores(report);
    session.say("");
    const size = statSync(paths.model).size;
    session.say(`model  ${paths.model} (${showBytes(size)})${paths.keepCheckpoint ? `, checkpoint ${paths.checkpoint}` : ""}`);
    for (const path of paths.pictures) session.say(`plot   ${path}`);
    session.say(`next   sluice ${shellWords(job.next(paths.model))}`);
    session.result({ ...report, model: paths.model });
  }

  #sayStopped(report: R | null): void {
    const { session, paths } = this;
    if (this.#ended) session.say(this.#ended);
    if (report) {
      this.#showScores(report);
      session.say(`\nmodel  ${paths.model}: the best so far`);
    } else session.say(`model  none yet: no epoch was finished`);
    const checkpoint = this.#saved;
    const resume = checkpoint === null ? null : this.#resumeCommand(checkpoint);
    session.warn(resume ? `stopped; go on with: ${resume}` : "stopped; there is no checkpoint to go on from");
    session.result({
      ...(report ?? { task: this.job.task, ended: "aborted" }),
      model: report ? paths.model : null,
      checkpoint,
      resume,
    });
  }
}
