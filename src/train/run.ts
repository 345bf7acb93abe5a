/**
 * @file One training under way: it knows nothing of models or data, only a task that makes the loss of a batch.
 * The path of one step: `Run.step` → task.loss (ops, recorded) → engine.backward → gradientNorm → Optimizer.step.
 */
import { SluiceError } from "../base/errors.ts";
import { Rng, type RngState } from "../base/random.ts";
import type { Engine, Tensor } from "../engine/index.ts";
import { CarriedState } from "./bptt.ts";
import {
  type Checkpoint,
  checkCheckpoint,
  checkpointVersion,
  copyInto,
  loadAll,
  type Progress,
  Weights,
  withPrefix,
} from "./checkpoint.ts";
import { clipFactor, gradientNorm } from "./clip.ts";
import { Optimizer } from "./optimizer.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { checkOptions, checkTask, type EndReason, type TrainEvent, type TrainOptions, type TrainTask } from "./task.ts";

type StepEvent = Extract<TrainEvent, { type: "step" }>;
type EpochEvent = Extract<TrainEvent, { type: "epoch" }>;

/** One training under way. */
export class Run {
  at: Progress = { step: 0, epoch: 0, index: 0, lossSum: 0, lossCount: 0, best: null };
  readonly #engine: Engine;
  readonly #optimizer: Optimizer;
  readonly #schedule: Schedule;
  /** The best weights; while nothing has been measured, those of the start. */
  readonly #good: Weights;
  /** The average of the weights, where one is asked for. */
  readonly #average: Weights | null;
  /** What `carried` was before the step under way. */
  readonly #carriedBefore: CarriedState;
  readonly #accumulate: number;
  #rng: Rng;
  /** The generator as the epoch began. */
  #epochStart: RngState;
  #epochOpen = false;
  readonly #started = performance.now();
  #epochBegan = performance.now();
  /** Batches done in this call and the milliseconds that they took. */
  #batches = 0;
  #busy = 0;

  constructor(
    readonly task: TrainTask,
    readonly options: TrainOptions,
  ) {
    checkTask(task);
    checkOptions(options);
    const { engine, params, batchesPerEpoch } = task;
    const { epochs = Infinity, steps = Infinity, optimizer = { kind: "adam" }, accumulate = 1, resume, seed = 0 } = options;
    this.#engine = engine;
    this.#accumulate = accumulate;
    this.#optimizer = optimizer instanceof Optimizer ? optimizer : new Optimizer(optimizer);
    const stepsPerEpoch = Math.ceil(batchesPerEpoch / accumulate);
    this.#schedule = schedule(options.lr, {
      steps: Math.min(steps, epochs * stepsPerEpoch),
      stepsPerEpoch,
      rate: this.#optimizer.rate,
      timed: options.timeLimit !== undefined,
    });
    this.#rng = new Rng(seed);
    this.#epochStart = this.#rng.state;
    this.#carriedBefore = new CarriedState(engine);
    if (resume) checkCheckpoint(resume, batchesPerEpoch, this.#optimizer.kind);
    if (resume) loadAll(Object.fromEntries(params.map((p) => [p.name, p])), resume.tensors);
    this.#good = new Weights(params);
    this.#average = options.ema === undefined ? null : new Weights(params);
    if (resume) this.#resume(resume);
  }

  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  whyStop(): EndReason | null {
    const { epochs = Infinity, steps = Infinity, timeLimit = Infinity, patience = Infinity, signal } = this.options;
    const { step, epoch, index, best } = this.at;
    if (signal?.aborted) return "aborted";
    if (epoch >= epochs) return "epochs";
    if (index === 0 && best !== null && epoch - best.epoch >= patience) return "patience";
    if (step >= steps && index < this.task.batchesPerEpoch) return "steps";
    if (this.seconds >= timeLimit) return "time";
    return null;
  }

  /** Begins the next epoch, unless one is under way. */
  openEpoch(): void {
    if (this.#epochOpen) return;
    this.#epochOpen = true;
    this.#epochBegan = performance.now();
    this.#epochStart = this.#rng.state;
    this.task.startEpoch?.(this.#rng);
  }

  /** Forward, backward and update over the next `accumulate` batches. */
  step(): StepEvent {
    const { task, at, options } = this;
    const began = performance.now();
    const rngBefore = this.#rng.state;
    if (task.carried) copyState(this.#carriedBefore, task.carried.save());
    this.#engine.where = `step ${at.step + 1}`;
    const count = Math.min(this.#accumulate, task.batchesPerEpoch - at.index);
    const loss = this.#gradients(count);
    if (!Number.isFinite(loss)) throw this.#nonFinite("loss", loss, count, rngBefore);
    const norm = gradientNorm(task.params);
    if (!Number.isFinite(norm)) throw this.#nonFinite("gradient norm", norm, count, rngBefore);
    const lr = this.#schedule.rate(at.step, this.seconds / (options.timeLimit ?? Infinity));
    const scale = options.clipNorm === undefined ? 1 : clipFactor(norm, options.clipNorm);
    this.#optimizer.step(task.params, lr, { scale, clipValue: options.clipValue ?? 0 });
    at.step++;
    this.#average?.blend(Math.min(options.ema!, (1 + at.step) / (10 + at.step)));
    at.index += count;
    at.lossSum += loss;
    at.lossCount += count;
    this.#batches += count;
    this.#busy += performance.now() - began;
    const perBatch = (task.samplesPerEpoch ?? task.batchesPerEpoch) / task.batchesPerEpoch;
    const samplesPerSecond = (this.#batches * perBatch) / Math.max(this.#busy / 1000, 1e-9);
    return { type: "step", step: at.step, epoch: at.epoch + 1, loss: loss / count, lr, gradientNorm: norm, samplesPerSecond };
  }

  /**
   * Leaves the mean gradient of the next `count` batches in the parameters and returns the sum of their losses.
   * Stops at a loss that is not finite and returns it.
   */
  #gradients(count: number): number {
    const { engine, params } = this.task;
    for (const p of params) if (p.gradPtr !== 0) engine.kernels.fill(p.gradPtr, 0, p.size);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const loss = engine.scope(() => {
        const t = engine.record(() => this.task.loss(this.at.index + i, this.#rng));
        const value = t.item();
        if (Number.isFinite(value)) engine.backward(t, 1 / count);
        return value;
      });
      if (!Number.isFinite(loss)) return loss;
      sum += loss;
    }
    return sum;
  }

  /** Runs the failed batches again with every op watched, and says which one made the first bad number. */
  #nonFinite(what: string, value: number, count: number, rngBefore: RngState): SluiceError {
    const { task, at } = this;
    const failed = at.step + 1;
    const lr = this.#schedule.rate(at.step, this.seconds / (this.options.timeLimit ?? Infinity));
    this.#rng = Rng.from(rngBefore);
    task.carried?.load(toSaved(this.#carriedBefore.save()));
    this.#engine.where = "";
    let cause: unknown = null;
    this.#engine.watch = true;
    try {
      this.#gradients(count);
    } catch (error) {
      cause = error;
    } finally {
      this.#engine.watch = false;
    }
    const found =
      cause instanceof SluiceError && cause.code === "numeric" ? cause.message : "no single op made it (it grew in a sum)";
    const advice =
      failed === 1
        ? "the weights have not moved yet, so look at the data and the initial weights first"
        : `lower the learning rate (it was ${lr}: try ${Number((lr / 10).toPrecision(3))})${this.options.clipNorm === undefined ? " or clip gradients (clipNorm 1)" : ""}`;
    const kept = at.best ? `those of epoch ${at.best.epoch}, the best` : "those of the start";
    return new SluiceError(
      "numeric",
      `train: ${what} of step ${failed} is ${value}, expected a finite number; ${found}; ${advice}. The weights are ${kept}`,
      { step: failed, epoch: at.epoch + 1, lr, what, value },
      { cause },
    );
  }

  /**
   * Takes stock at the end of an epoch (or where a limit cut it off): validates, remembers the best weights, tells the schedule.
   * Null: aborted meanwhile, and nothing has changed.
   */
  async measure(complete: boolean): Promise<EpochEvent | null> {
    this.#average?.swap(); // the average is what is measured and kept
    try {
      return await this.#measure(complete);
    } finally {
      this.#average?.swap();
    }
  }

  async #measure(complete: boolean): Promise<EpochEvent | null> {
    const { task, at, options } = this;
    const epoch = at.epoch + 1;
    const trainLoss = at.lossSum / at.lossCount;
    const due = !complete || epoch % (options.validateEvery ?? 1) === 0 || epoch >= (options.epochs ?? Infinity);
    let validLoss: number | null = null;
    if (task.validate && due) {
      this.#engine.where = `validation after step ${at.step}`;
      try {
        validLoss = await task.validate();
      } catch (error) {
        if (options.signal?.aborted) return null;
        throw error;
      }
      if (!Number.isFinite(validLoss)) {
        throw new SluiceError(
          "numeric",
          `train: validation after step ${at.step} is ${validLoss}, expected a finite number; lower the learning rate or look at the validation data`,
          { step: at.step },
        );
      }
    }
    const value = task.validate ? validLoss : trainLoss;
    const improved = value !== null && (options.keep === "last" || at.best === null || value < at.best.value - (options.minDelta ?? 0));
    if (improved) {
      at.best = { value, epoch, step: at.step };
      this.#good.save();
    }
    if (complete) {
      if (value !== null) this.#schedule.observe(value);
      Object.assign(at, { epoch, index: 0, lossSum: 0, lossCount: 0 });
      this.#epochOpen = false;
    }
    const seconds = (performance.now() - this.#epochBegan) / 1000;
    return {
      type: "epoch",
      epoch,
      step: at.step,
      trainLoss,
      validLoss,
      best: at.best && { ...at.best },
      improved,
      complete,
      seconds,
    };
  }

  /** Gives the parameters the best weights; where nothing was measured they stay as they are. */
  restoreBest(): void {
    if (this.at.best !== null) this.#good.restore();
  }

  /** Gives the parameters weights that are known to be sound: the best, or those of the start. */
  restoreGood(): void {
    this.#good.restore();
  }

  snapshot(): Checkpoint {
    const { task, at } = this;
    const tensors: Checkpoint["tensors"] = {};
    copyInto(tensors, "", Object.fromEntries(task.params.map((p) => [p.name, p])));
    if (at.best) copyInto(tensors, "best.", this.#good.named());
    if (this.#average) copyInto(tensors, "ema.", this.#average.named());
    copyInto(tensors, "", this.#optimizer.tensors());
    if (task.carried) copyInto(tensors, "carried.", task.carried.save());
    return {
      tensors,
      json: {
        version: checkpointVersion,
        ...structuredClone(at),
        batchesPerEpoch: task.batchesPerEpoch,
        rng: { now: this.#rng.state, epochStart: this.#epochStart },
        optimizer: { config: this.#optimizer.config, counters: this.#optimizer.counters },
        schedule: { config: this.#schedule.config, state: this.#schedule.state },
      },
    };
  }

  #resume({ json, tensors }: Checkpoint): void {
    const { step, epoch, index, lossSum, lossCount, best } = json;
    this.at = { step, epoch, index, lossSum, lossCount, best: best && { ...best } };
    if (best) loadAll(this.#good.named(), tensors, "best.");
    if (this.#average) loadAll(this.#average.named(), tensors, "ema.");
    this.#optimizer.load(this.task.params, tensors, json.optimizer.counters);
    if (json.schedule.config.kind === this.#schedule.config.kind) this.#schedule.load(json.schedule.state);
    if (index > 0) {
      this.#rng = Rng.from(json.rng.epochStart);
      this.openEpoch(); // the same shuffle again
    }
    this.#rng = Rng.from(json.rng.now);
    this.task.carried?.load(withPrefix(tensors, "carried."));
  }
}

const toSaved = (named: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(named).map(([name, t]) => [name, { shape: t.shape, data: t.toArray() }]));

/** Makes `to` hold copies of exactly these values, in buffers that are used again. */
function copyState(to: CarriedState, values: Record<string, Tensor>): void {
  to.reset();
  for (const name in values) to.write(name, values[name]!);
}
