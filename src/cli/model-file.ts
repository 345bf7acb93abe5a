/** @file The model that a verb is to use: which task it is for, without reading all of it, and the refusal of one that cannot do what is asked. Node-only. */
import * as fs from "node:fs";
import { SluiceError } from "../base/errors.ts";
import { readBytes } from "../formats/files.ts";
import { isObject } from "../formats/json.ts";
import { decodeModel, type LoadedModel } from "../formats/model.ts";
import { headerOf } from "./paths.ts";
import { type ModelVerb, tasks, tasksWith } from "./tasks.ts";

/** `"a", "b" or "c"` */
function quoted(names: readonly string[]): string {
  const each = names.map((name) => `"${name}"`);
  return each.length < 2 ? (each[0] ?? "none") : `${each.slice(0, -1).join(", ")} or ${each.at(-1)}`;
}

/** The task that a file says its model is for; undefined for whatever is no such file: who reads it whole says what is wrong with it. */
export function taskOf(path: string): string | undefined {
  if (!isFile(path)) return undefined;
  const metadata = parsed(headerOf(path)?.toString("utf8"));
  const document = isObject(metadata) && isObject(metadata["__metadata__"]) ? parsed(metadata["__metadata__"]["sluice"]) : undefined;
  const task = isObject(document) ? document["task"] : undefined;
  return typeof task === "string" ? task : undefined;
}

/** Any word of a command line may be asked about, even a long text, of which the system says that no file can be called so. */
function isFile(path: string): boolean {
  try {
    return fs.statSync(path).isFile();
  } catch {
    return false; // only a look ahead: reading the file brings the error
  }
}

/** The value of a JSON text, undefined for any other. */
function parsed(text: unknown): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // only a look ahead: reading the file whole brings the error
  }
}

/** What is said of a model that cannot do what is asked, with what it can. */
export function wrongTask(path: string, verb: ModelVerb, task: string): SluiceError {
  const able = tasksWith(verb);
  const details = { file: path, task, able };
  const use = Object.hasOwn(tasks, task) ? tasks[task]!.use : undefined;
  const shown = JSON.stringify(task.slice(0, 60));
  if (use === undefined) {
    return new SluiceError("format", `${path}: a model for the task ${shown}, expected ${quoted(Object.keys(tasks))}; update Sluice, or is the file damaged?`, details);
  }
  return new SluiceError("usage", `${verb}: ${path} is a model for the task ${shown}, expected ${quoted(able)}; use it with: sluice ${use.replace("<model>", path)}`, details);
}

/**
 * Reads a model for a verb.
 * @throws missing, io, format: not there, not readable, no model; usage: another task's model
 */
export function openModel(path: string, verb: ModelVerb, task: string): LoadedModel {
  const file = decodeModel(readBytes(path), path);
  if (file.task !== task) throw wrongTask(path, verb, file.task);
  return file;
}
