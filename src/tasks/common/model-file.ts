/** @file A task's model to a file and back: its weights by their names, and the looks that a file from anywhere deserves. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { Param } from "../../engine/tensor.ts";
import type { LoadedModel } from "../../formats/model.ts";
import type { FileTensor } from "../../formats/safetensors.ts";

/** Copies of all parameters, as a file holds them. */
export function tensorsOf(params: ReadonlyMap<string, Param>): Record<string, FileTensor> {
  return Object.fromEntries([...params].map(([name, p]) => [name, { dtype: "F32", shape: [...p.shape], data: Float32Array.from(p.data) }]));
}

/**
 * Gives every parameter its values from the file. Tensors that no parameter is called like are left alone: a checkpoint has some.
 * @throws format: a tensor that is missing, of another shape, or not float32
 */
export function loadTensors(params: ReadonlyMap<string, Param>, file: LoadedModel, where: string): void {
  for (const [name, p] of params) {
    const tensor = file.tensors.get(name);
    const refuse = (got: string, due: string) => new SluiceError("format", `${where}: tensor "${name}" ${got}, expected ${due}; its config says so`, { file: where, tensor: name });
    if (tensor?.shape.join() !== p.shape.join()) throw refuse(tensor ? `is [${tensor.shape.join(", ")}]` : "is not in it", `[${p.shape.join(", ")}]`);
    if (!(tensor.data instanceof Float32Array)) throw refuse(`holds ${tensor.dtype}`, "F32");
    p.data.set(tensor.data);
  }
}

/** @throws format: another task's model */
export function requireTask(file: LoadedModel, task: string, where: string): void {
  if (file.task === task) return;
  throw new SluiceError("format", `${where}: a model for the task "${file.task}", expected "${task}"`, { file: where, task: file.task });
}

/** Refuses what a file says. */
export interface FileCheck {
  /** @throws format: always */
  refuse(what: string, due: string): never;
  /** @throws format: `fits` is false; the message says which value, what it is and what was due */
  need(fits: boolean, name: string, value: unknown, due: string): void;
}

/** @param where the file's name, for errors */
export function fileCheck(where: string): FileCheck {
  const refuse = (what: string, due: string): never => {
    throw new SluiceError("format", `${where}: ${what}, expected ${due}; the file is damaged or was not written by Sluice`, { file: where });
  };
  return {
    refuse,
    need(fits, name, value, due) {
      if (!fits) refuse(`${name} is ${JSON.stringify(value)?.slice(0, 60) ?? "missing"}`, due);
    },
  };
}

export const isWhole = (v: unknown, least: number, most = 1 << 20): v is number => Number.isSafeInteger(v) && (v as number) >= least && (v as number) <= most;
/** A probability below 1: a dropout rate. */
export const isShare = (v: unknown): v is number => typeof v === "number" && v >= 0 && v < 1;
export const isTexts = (v: unknown): v is string[] => Array.isArray(v) && v.every((s) => typeof s === "string");
export const isNumbers = (v: unknown, length: number): v is number[] => Array.isArray(v) && v.length === length && v.every((n) => Number.isFinite(n));
export const isOneOf = (v: unknown, due: readonly string[]): boolean => typeof v === "string" && due.includes(v);
