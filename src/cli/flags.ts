/** @file Flags that verbs of several tasks have in common, in groups that a verb composes, and what they mean. Node-only. */
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { SplitSpec } from "../data/split.ts";
import type { CellKind } from "../nn/cell.ts";
import type { OptimizerConfig } from "../train/optimizer.ts";
import { choice, duration, positive, share, wholeNumber } from "./command.ts";

export interface NetworkFlags {
  cell?: CellKind;
  hidden?: number;
  layers?: number;
  dropout?: number;
}

export function addNetworkFlags(command: Command): Command {
  return command
    .optionsGroup("The network:")
    .option("--cell <kind>", "gru, lstm or rnn; default gru", choice("--cell", ["gru", "lstm", "rnn"] as const))
    .option("--hidden <size>", "hidden size", wholeNumber("--hidden"))
    .option("--layers <n>", "recurrent layers", wholeNumber("--layers"))
    .option("--dropout <p>", "share of units left out while training", share("--dropout"));
}

export interface TrainingFlags {
  epochs?: number;
  timeLimit?: number;
  patience?: number;
  batch?: number;
  lr?: string;
  optimizer?: "adamw" | "adam" | "sgd" | "rmsprop" | "adagrad";
  weightDecay?: number;
  clip?: number;
  seed?: number;
}

/** @param items what a batch is made of: `windows` */
export function addTrainingFlags(command: Command, items: string): Command {
  return command
    .optionsGroup("Training:")
    .option("--epochs <n>", "passes over the data at most", wholeNumber("--epochs"))
    .option("--time-limit <time>", "stop after so long: 90s, 5m, 1h30m", duration("--time-limit"))
    .option("--patience <epochs>", "stop when so many epochs brought nothing better", wholeNumber("--patience"))
    .option(`--batch <${items}>`, `${items} in a batch`, wholeNumber("--batch"))
    .option("--lr <rate>", 'learning rate: 1e-3, or a schedule like "cosine(1e-3, warmup=200)"')
    .option("--optimizer <kind>", "adamw, adam, sgd, rmsprop or adagrad", choice("--optimizer", ["adamw", "adam", "sgd", "rmsprop", "adagrad"] as const))
    .option("--weight-decay <x>", "strength of weight decay", share("--weight-decay"))
    .option("--clip <norm>", "largest norm of the gradients; default 1", positive("--clip"))
    .option("--seed <n>", "same seed, same model; default 1", wholeNumber("--seed", 0));
}

/** What the flags of a training mean to a task. */
export interface TrainingOptions {
  epochs?: number;
  timeLimit?: number;
  patience?: number;
  batch?: number;
  lr?: string;
  optimizer?: OptimizerConfig;
  clipNorm?: number;
  seed?: number;
}

/** `o` without what is undefined: a resumed run must be able to tell what was said. */
export const defined = <O extends object>(o: O): Partial<O> => Object.fromEntries(Object.entries(o).filter(([, value]) => value !== undefined)) as Partial<O>;

/** @throws usage, range: a rate that can't be read, weight decay without an optimizer */
export async function trainingOptions(flags: TrainingFlags): Promise<TrainingOptions> {
  const { epochs, timeLimit, patience, batch, lr, optimizer: kind, weightDecay, clip: clipNorm, seed } = flags;
  if (weightDecay !== undefined && kind === undefined) throw new SluiceError("usage", "--weight-decay is given without --optimizer, expected both");
  if (lr !== undefined) (await import("../train/schedule.ts")).parseSchedule(lr, "--lr");
  const optimizer = kind && { kind, ...(weightDecay === undefined ? {} : { weightDecay }) };
  return defined({ epochs, timeLimit, patience, batch, lr, optimizer, clipNorm, seed });
}

/** Where validation and test come from, for tasks whose data are files of texts. */
export interface PartFlags {
  valid?: string;
  test?: string;
  split?: string;
}

export function addPartFlags(command: Command): Command {
  return command
    .optionsGroup("What to train, stop and score by:")
    .option("--valid <file>", "validation data; default: a part of the training data")
    .option("--test <file>", "test data, scored once at the end; default: a part of the training data")
    .option("--split <a,b,c>", "train, valid and test, cut from the data, in percent (80,10,10), parts (.8,.1,.1) or items");
}

/**
 * A split of data that no clock orders.
 * @param text three percentages that sum to 100, three parts that sum to at most 1, or three counts
 * @throws usage: anything else
 */
export function textSplit(text: string): Exclude<SplitSpec, { by: "dates" }> {
  const refuse = (why = "") => new SluiceError("usage", `--split is "${text}"${why}, expected percent (80,10,10), parts (.8,.1,.1) or counts of items (6920,872,1821) of train, valid and test`, { split: text });
  const numbers = text.split(",").map((cell) => (cell.trim() === "" ? Number.NaN : Number(cell)));
  const [train, valid, test] = numbers as [number, number, number];
  if (numbers.length !== 3 || !numbers.every((n) => Number.isFinite(n) && n >= 0) || !(train > 0)) throw refuse();
  const sum = train + valid + test;
  if (Math.abs(sum - 100) < 1e-9) return { by: "fractions", train: train / 100, valid: valid / 100, test: test / 100 };
  if (numbers.every((n) => n <= 1)) {
    if (sum > 1 + 1e-9) throw refuse(`, which sums to ${+sum.toFixed(6)}`);
    return { by: "fractions", train, valid, test };
  }
  if (!numbers.every(Number.isInteger)) throw refuse(", a mixture of items and parts");
  return { by: "counts", train, valid, test };
}

/** Where a training's results go. */
export interface ResultFlags {
  out?: string;
  checkpoint?: string;
  resume?: string;
  plotLoss?: string;
  tensorboard?: string;
}

/** @param task `forecast`, which the default name has in it */
export function addResultFlags(command: Command, task: string): Command {
  return command
    .optionsGroup("Where results go:")
    .option("--out <file>", `the model; default: the data's name with .${task}.safetensors, in this folder`)
    .option("--checkpoint <file>", "default: the model's name with .ckpt; kept when named here")
    .option("--resume <checkpoint>", "go on with a training that was stopped; its options count, only --epochs, --time-limit and --lr may change")
    .option("--plot-loss <file.svg>", "picture of the losses over the epochs")
    .option("--tensorboard <folder>", "losses and rates as TensorBoard reads them");
}

export interface GeneralFlags {
  threads?: number;
  json?: boolean;
  quiet?: boolean;
}

/** @param what the JSON object holds, and whatever else is to be said of it */
export function addGeneralFlags(command: Command, what = ""): Command {
  return command
    .optionsGroup("General:")
    .option("--threads <n>", "the most threads that compute; default: one per core; the result is the same", wholeNumber("--threads"))
    .option("--json", `end with one JSON object on stdout${what && `, ${what}`}`)
    .option("--quiet", "no progress, no notes, only the result");
}

/** What a training that is stopped, limited or resumed does: for `--help`. */
export const stoppingPolicy = `Ctrl-C stops at the next step, saves the checkpoint and the best model so far, and says how
to go on (exit code 130); a second Ctrl-C quits at once. Training ends by itself after
--epochs, at --time-limit, or when the validation part has not improved for --patience epochs;
the weights kept are those of the best epoch. The checkpoint is written after every epoch and
removed at the end, unless you named it with --checkpoint. A run that is resumed gives the
same model, byte for byte, as one that was never stopped.`;
