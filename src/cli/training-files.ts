/** @file Where a training's results go, checked before any work is done, and the checkpoint that it goes on from. Node-only. */
import { existsSync, statSync } from "node:fs";
import { basename, extname } from "node:path";
import { SluiceError } from "../base/errors.ts";
import type { LoadedModel } from "../formats/model.ts";
import { mayChange } from "../tasks/common/checkpoint.ts";
import type { ResultFlags } from "./flags.ts";
import { checkModelOutput, checkPicture } from "./paths.ts";
import type { Session } from "./session.ts";

/** Everything that a training writes. */
export interface TrainPaths {
  model: string;
  checkpoint: string;
  keepCheckpoint: boolean;
  /** Pictures, as the last lines name them. */
  pictures: string[];
}

/** What is known of a training before its data are read. */
export interface Beginning<O extends object> {
  task: string;
  /** Files that it reads; the first gives the model its name. */
  inputs: readonly string[];
  flags: ResultFlags;
  /** Options that were said, and no others. */
  given: Partial<O>;
  /** Pictures of its own, by their flags. */
  pictures?: readonly (readonly [flag: string, path: string | undefined])[];
  session: Session;
}

/** A training that may begin. */
export interface Begun<O extends object> {
  paths: TrainPaths;
  resume: LoadedModel | undefined;
  /** What was said, and for a resumed run what was said when it began. */
  options: Partial<O>;
}

/**
 * Checks that every result can be written, and reads the checkpoint of a run that is resumed.
 * @throws usage, io: a name that cannot be; usage, format: not a checkpoint of this task, or other options than it was made with
 */
export async function beginTraining<O extends object>(what: Beginning<O>): Promise<Begun<O>> {
  const { task, flags, given, session } = what;
  const paths = choosePaths(what);
  if (flags.resume !== undefined) {
    const { file, options } = await readCheckpoint(flags.resume, task, given, session);
    return { paths, resume: file, options: { ...options, ...given } };
  }
  if (!flags.checkpoint && existsSync(paths.checkpoint) && statSync(paths.checkpoint).isFile()) {
    session.say(`note: ${paths.checkpoint} of a run that was stopped will be replaced; to go on with that run instead, stop this one and use --resume`);
  }
  return { paths, resume: undefined, options: given };
}

function choosePaths<O extends object>({ task, inputs, flags, pictures = [] }: Beginning<O>): TrainPaths {
  const data = inputs[0]!;
  const fallback = flags.resume?.endsWith(".ckpt") ? flags.resume.slice(0, -".ckpt".length) : `${basename(data, extname(data))}.${task}.safetensors`;
  const model = flags.out ?? fallback;
  const checkpoint = flags.checkpoint ?? flags.resume ?? `${model}.ckpt`;
  checkModelOutput("--out", model, inputs);
  if (model === checkpoint) throw new SluiceError("usage", `--checkpoint is ${checkpoint}, the model itself, expected another file`);
  checkModelOutput(checkpoint === flags.resume ? "--resume" : "--checkpoint", checkpoint, inputs);
  const drawn: [flag: string, path: string][] = [];
  for (const [flag, path] of [...pictures, ["--plot-loss", flags.plotLoss] as const]) {
    if (path === undefined) continue;
    if ([model, checkpoint].includes(path)) throw new SluiceError("usage", `${flag} is ${path}, the same as another result, expected a name of its own`);
    checkPicture(flag, path, [...inputs, model, checkpoint]);
    const twin = drawn.find(([, other]) => other === path);
    if (twin) throw new SluiceError("usage", `${flag} is ${path}, as ${twin[0]} is, expected a name of its own`);
    drawn.push([flag, path]);
  }
  return { model, checkpoint, keepCheckpoint: flags.checkpoint !== undefined, pictures: drawn.map(([, path]) => path) };
}

/** Reads the checkpoint; whatever was said again must be what it says, but for what may change. */
async function readCheckpoint<O extends object>(path: string, task: string, given: Partial<O>, session: Session): Promise<{ file: LoadedModel; options: Partial<O> }> {
  const [{ readBytes }, { decodeModel }] = await Promise.all([import("../formats/files.ts"), import("../formats/model.ts")]);
  const file = decodeModel(readBytes(path), path);
  if (!file.checkpoint) {
    throw new SluiceError("usage", `--resume is ${path}, a finished model, expected a checkpoint (.ckpt), which train leaves when it is stopped`);
  }
  if (file.task !== task) {
    const shown = JSON.stringify(file.task.slice(0, 60));
    throw new SluiceError("usage", `--resume is ${path}, a checkpoint of the task ${shown}, expected "${task}"; go on with sluice train ${file.task.slice(0, 60)}, not ${session.argv[1] ?? task}`, { task: file.task });
  }
  const options = (file.checkpoint["options"] ?? {}) as Partial<O>;
  for (const [key, value] of Object.entries(given)) {
    if (mayChange.includes(key)) continue;
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
