/** @file A training on its way to a file and back, the same for every task. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { isObject, type JsonObject } from "../../formats/json.ts";
import type { LoadedModel, ModelFile } from "../../formats/model.ts";
import type { FileTensor } from "../../formats/safetensors.ts";
import type { Checkpoint } from "../../train/index.ts";

/** Options that a resumed run may set anew. */
export const mayChange: readonly string[] = ["epochs", "timeLimit", "lr"];

/** A training that goes on. */
export interface Resumed<O extends object> {
  checkpoint: Checkpoint;
  /** As they were when the training began. */
  options: O;
  /** Fingerprint of the data that it began with. */
  hash: string;
}

/**
 * A model file with everything that a training needs to go on.
 * @param file the model as it stands; its tensors are replaced by the checkpoint's
 * @param options JSON
 */
export function checkpointFile(file: ModelFile, { tensors, json }: Checkpoint, options: object, hash: string): ModelFile {
  const all: Record<string, FileTensor> = {};
  for (const [name, { shape, data }] of Object.entries(tensors)) all[name] = { dtype: "F32", shape: [...shape], data: Float32Array.from(data as ArrayLike<number>) };
  return { ...file, tensors: all, checkpoint: { train: json, options, hash } as unknown as JsonObject };
}

/**
 * What a checkpoint holds. The loop looks at its progress, the task at its options.
 * @throws format: a finished model, another task's checkpoint, a damaged one
 */
export function resumeFrom<O extends object>(file: LoadedModel, task: string): Resumed<O> {
  const { checkpoint } = file;
  if (!checkpoint) throw new SluiceError("format", `resume: the file is a finished model, expected a checkpoint of the task "${task}"; train writes one beside the model (.ckpt)`);
  if (file.task !== task) throw new SluiceError("format", `resume: the file is a checkpoint of the task "${file.task}", expected "${task}"`, { task: file.task });
  const { train: json, options, hash } = checkpoint;
  if (!isObject(json) || !isObject(options) || typeof hash !== "string") {
    throw new SluiceError("format", "resume: the checkpoint lacks its progress, its options or its data's fingerprint, expected all three; the file is damaged");
  }
  const tensors: Record<string, { shape: readonly number[]; data: ArrayLike<number> }> = {};
  for (const [name, { shape, data }] of file.tensors) tensors[name] = { shape, data: data as ArrayLike<number> };
  return { checkpoint: { tensors, json } as unknown as Checkpoint, options: options as O, hash };
}

/** The options of a run: its own, or those of the run that it goes on with, but for what may change. */
export function optionsOf<O extends object>(options: O, saved: Resumed<O> | null): O {
  if (saved === null) return options;
  const anew = Object.entries(options).filter(([key, value]) => mayChange.includes(key) && value !== undefined);
  return { ...saved.options, ...Object.fromEntries(anew) };
}

/** @throws data: not the data that the training began with */
export function requireSameData(saved: Resumed<object> | null, hash: string): void {
  if (saved === null || saved.hash === hash) return;
  throw new SluiceError("data", `resume: the data's fingerprint is ${hash}, expected ${saved.hash}; the checkpoint was made from other data`, { hash });
}
