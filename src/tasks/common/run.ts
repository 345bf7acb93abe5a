/** @file What the trainings of all tasks share: what a run may be given, the events that it gives, and the way from the first step to the best weights. Runs in browsers. */
import type { Engine } from "../../engine/engine.ts";
import type { Param } from "../../engine/tensor.ts";
import type { LoadedModel, ModelFile } from "../../formats/model.ts";
import { type TrainEvent, type TrainOptions, type TrainResult, type TrainTask, train } from "../../train/index.ts";
import type { OptimizerConfig } from "../../train/optimizer.ts";
import type { ScheduleConfig } from "../../train/schedule.ts";
import { checkpointFile, type Resumed } from "./checkpoint.ts";
import type { TaskReport } from "./report.ts";

/** What a run may be given beside data and options. */
export interface RunOptions {
  /** Default: a new one. */
  engine?: Engine;
  /** Stops the training; the best weights so far are scored and kept. */
  signal?: AbortSignal;
  /** Called with a checkpoint after every epoch, and when training ends: the file to resume from. */
  checkpoint?: (file: ModelFile) => void | Promise<void>;
  /** A checkpoint read back: the run goes on as if it had never stopped. Its options count; only `epochs`, `timeLimit` and `lr` may be set anew. */
  resume?: LoadedModel;
  /** Name and version of the program, for the file. */
  writer?: string;
}

/** What a user may say about any task's training beside what it learns. */
export interface TrainingChoices {
  epochs?: number;
  /** Seconds; without `epochs` the learning rate falls to zero over this time. */
  timeLimit?: number;
  lr?: number | string | ScheduleConfig;
  optimizer?: OptimizerConfig;
  clipNorm?: number;
  /** Averages the weights over the steps; 0: don't. */
  ema?: number;
  patience?: number;
  seed?: number;
}

/** Epochs of a plan that time alone ends: more than anybody waits for. */
export const UNCOUNTED = 100_000;

/** What every plan settles; a task's has more. JSON, kept in the model's provenance. */
export interface TaskPlan {
  /** Passes over the data at most. */
  epochs: number;
  seed: number;
}

/** Once, before the first step: what was chosen and what was noticed about the data. A task's event may have more. */
export interface PlanEvent<Plan extends TaskPlan = TaskPlan> {
  type: "plan";
  plan: Plan;
  notes: string[];
  parameters: number;
  stepsPerEpoch: number;
}

/** A trained model of any task. */
export interface TaskModel {
  readonly engine: Engine;
  readonly params: ReadonlyMap<string, Param>;
  /** The model as a file holds it. @param writer name and version of the program */
  toFile(writer: string): ModelFile;
}

export type TaskEvent<P extends PlanEvent, R extends TaskReport, M extends TaskModel> =
  | P
  | TrainEvent
  /** Last: the scores, and what was trained. */
  | { type: "report"; report: R; model: M };

export interface Trained<R extends TaskReport, M extends TaskModel> {
  model: M;
  report: R;
  ended: TrainResult;
}

/** One training of a task, from plan to report. */
export type TaskTraining<P extends PlanEvent, R extends TaskReport, M extends TaskModel> = AsyncGenerator<TaskEvent<P, R, M>, Trained<R, M>, void>;

/** A model's weights to be trained. */
export interface Work<O extends object> {
  model: TaskModel;
  /** Batches, losses, validation. */
  task: Omit<TrainTask, "engine" | "params">;
  /** Rate, optimizer, limits: what the plan says. Signal, checkpoints and resuming come from the run. */
  settings: Omit<TrainOptions, "signal" | "checkpoint" | "resume">;
  /** For the checkpoint: options as a resumed run must have them, whatever was left open settled where it hangs on what may change. JSON. */
  options: O;
  /** Fingerprint of the data. */
  hash: string;
  saved: Resumed<O> | null;
}

/**
 * Trains a model's weights: the loop's events as they come, a checkpoint after every epoch. In the end the parameters are the best ones.
 * @throws numeric, range, state: see `train`
 */
export async function* trainModel<O extends object>({ model, task, settings, options, hash, saved }: Work<O>, run: RunOptions): AsyncGenerator<TrainEvent, TrainResult, void> {
  const { signal, checkpoint, writer = "sluice" } = run;
  return yield* train(
    { engine: model.engine, params: [...model.params.values()], ...task },
    {
      ...settings,
      ...(signal ? { signal } : {}),
      ...(checkpoint ? { checkpoint: { every: "epoch" as const, save: (c) => checkpoint(checkpointFile(model.toFile(writer), c, options, hash)) } } : {}),
      ...(saved ? { resume: saved.checkpoint } : {}),
    },
  );
}
