/** @file What the training loop is given and what it gives back: the task, the options, the events. */
import { SluiceError } from "../base/errors.ts";
import type { Rng } from "../base/random.ts";
import type { Engine, Param, Tensor } from "../engine/index.ts";
import type { Carried } from "./bptt.ts";
import type { Best, Checkpoint } from "./checkpoint.ts";
import { checkClip } from "./clip.ts";
import type { Optimizer, OptimizerConfig } from "./optimizer.ts";
import type { ScheduleConfig } from "./schedule.ts";

/** What is trained, and on what. */
export interface TrainTask {
  readonly engine: Engine;
  /** Each with a name of its own. */
  readonly params: readonly Param[];
  readonly batchesPerEpoch: number;
  /** Items in one epoch, for the speed in events; left out: the speed counts batches. */
  readonly samplesPerEpoch?: number;
  /**
   * Called when an epoch begins: shuffle with `rng`. What it does must follow from `rng` alone (start from the same order each time),
   * because a resumed run calls it again to get the same order.
   */
  startEpoch?(rng: Rng): void;
  /** The loss [1] of batch `index` of this epoch, made from ops: a mean over the batch. Called while recording; `rng` is for dropout. */
  loss(index: number, rng: Rng): Tensor;
  /** How good the weights are now; lower is better. Left out: the mean training loss of the epoch is taken. */
  validate?(): number | Promise<number>;
  /** What flows from batch to batch beside the weights (see `CarriedState`). */
  readonly carried?: Carried;
}

export interface TrainOptions {
  /** Passes over the data. At least one of `epochs`, `steps`, `timeLimit` must be given; the first one reached ends the training. */
  epochs?: number;
  /** Updates of the parameters. */
  steps?: number;
  /** Seconds, from this call. */
  timeLimit?: number;
  /** Default: Adam. */
  optimizer?: Optimizer | OptimizerConfig;
  /** Learning rate: a number, a schedule, or its text. Default: what PyTorch has for the optimizer, constant. */
  lr?: number | string | ScheduleConfig;
  /** Largest joint L2 norm of the gradients. */
  clipNorm?: number;
  /** Largest magnitude of one gradient, after clipNorm. */
  clipValue?: number;
  /** Default 0. A resumed run goes on with the generator of its checkpoint. */
  seed?: number;
  /** Batches whose mean gradient makes one step. Default 1. The last step of an epoch takes what is left. */
  accumulate?: number;
  /** Ends the training when this many epochs have passed since the best one. */
  patience?: number;
  /** Which weights the parameters have in the end: the best measured (default), or the last, where nothing that was held back could tell. */
  keep?: "best" | "last";
  /** By how much a result must be below the best to count as better. Default 0. */
  minDelta?: number;
  /** Epochs between validations. Default 1. */
  validateEvery?: number;
  /**
   * Averages the weights over the steps, average = ema·average + (1 − ema)·weights with 0 < ema < 1, less of the past in the first steps
   * (min(ema, (1 + t)/(10 + t)), as TensorFlow). Validation and the best weights are then the average's, the steps go on from the weights themselves.
   */
  ema?: number;
  /** Stops before the next step; the weights are put back to the best ones. */
  signal?: AbortSignal;
  /** `save` is called after every epoch or every n steps, and when the training ends. */
  checkpoint?: { every: "epoch" | number; save(checkpoint: Checkpoint): void | Promise<void> };
  /** Goes on from here: same options and data give the same bytes as if the run had never stopped. */
  resume?: Checkpoint;
}

export type EndReason = "epochs" | "steps" | "time" | "patience" | "aborted";

export interface TrainResult {
  reason: EndReason;
  /** Steps and epochs done, those before a resume included. */
  step: number;
  epoch: number;
  /** The result whose weights the parameters now have; null: nothing was measured, the weights are the last ones. */
  best: Best | null;
  /** Seconds of this call. */
  seconds: number;
}

export type TrainEvent =
  /** After each step. `step` and `epoch` count from 1; `gradientNorm` is the one before clipping; `samplesPerSecond` without validation. */
  | { type: "step"; step: number; epoch: number; loss: number; lr: number; gradientNorm: number; samplesPerSecond: number }
  /** After each epoch, and after the part of one that a limit cut off (`complete` false). `validLoss` is null where nothing was validated. */
  | {
      type: "epoch";
      epoch: number;
      step: number;
      trainLoss: number;
      validLoss: number | null;
      best: Best | null;
      improved: boolean;
      complete: boolean;
      seconds: number;
    }
  /** A checkpoint has been saved. */
  | { type: "checkpoint"; step: number; epoch: number }
  | ({ type: "end" } & TrainResult);

/** @throws data, missing, state: nothing to train on, nothing to train, or names that can't be told apart */
export function checkTask({ params, batchesPerEpoch }: TrainTask): void {
  if (!(Number.isInteger(batchesPerEpoch) && batchesPerEpoch >= 1)) {
    throw new SluiceError(
      "data",
      `train: an epoch has ${batchesPerEpoch} batches, expected at least 1; give more data or make the batch smaller`,
    );
  }
  if (params.every((p) => p.frozen))
    throw new SluiceError("missing", "train: no parameter is free to be trained, expected at least one that is not frozen");
  const seen = new Set<string>();
  for (const { name } of params) {
    if (name === "" || seen.has(name)) {
      throw new SluiceError(
        "state",
        `train: a parameter's name is "${name}"${name === "" ? "" : ", twice"}, expected a name of its own; name them by their path in the model`,
        { name },
      );
    }
    seen.add(name);
  }
}

/** @throws range, missing: an option outside its limits, or no end in sight */
export function checkOptions(o: TrainOptions): void {
  const number = (name: string, value: number | undefined, fits: boolean, due: string) => {
    if (value !== undefined && !fits)
      throw new SluiceError("range", `train: ${name} is ${value}, expected ${due}`, { [name]: value });
  };
  for (const name of ["epochs", "steps"] as const)
    number(name, o[name], Number.isInteger(o[name]) && o[name]! >= 0, "a whole number from 0");
  for (const name of ["accumulate", "patience", "validateEvery"] as const)
    number(name, o[name], Number.isInteger(o[name]) && o[name]! >= 1, "a whole number from 1");
  number("ema", o.ema, o.ema! > 0 && o.ema! < 1, "a number above 0, below 1");
  number("timeLimit", o.timeLimit, o.timeLimit! > 0, "seconds above 0");
  number("minDelta", o.minDelta, o.minDelta! >= 0 && o.minDelta! < Infinity, "a number from 0");
  for (const name of ["clipNorm", "clipValue"] as const) if (o[name] !== undefined) checkClip(name, o[name]);
  const every = o.checkpoint?.every;
  if (typeof every === "number")
    number("checkpoint.every", every, Number.isInteger(every) && every >= 1, 'a whole number of steps from 1, or "epoch"');
  if (o.epochs === undefined && o.steps === undefined && o.timeLimit === undefined) {
    throw new SluiceError("missing", "train: no end is given, expected epochs, steps or timeLimit");
  }
}
