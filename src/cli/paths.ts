/** @file Checks of where results will go, before any work is done: a folder that is missing must not be found out after an hour. Node-only. */
import * as fs from "node:fs";
import { dirname, resolve } from "node:path";
import { SluiceError } from "../base/errors.ts";
import { ioError, isSystemError } from "../formats/files.ts";

/**
 * Refuses a path that cannot be written, or that is one of the command's own inputs.
 * @param flag for errors: `--out`
 * @throws io: a folder, no folder, no permission; usage: an input
 */
export function checkOutput(flag: string, path: string, inputs: readonly string[] = []): void {
  if (path === "") throw new SluiceError("usage", `${flag} is "", expected the name of a file`, { flag });
  try {
    const old = fs.statSync(path, { throwIfNoEntry: false });
    if (old?.isDirectory()) throw ioError(path, "EISDIR");
    if (old) fs.accessSync(path, fs.constants.W_OK);
    // A file is replaced by a new neighbour, a device or pipe is written straight.
    if (!old || old.isFile()) checkFolder(path);
    const twin = old && inputs.find((input) => sameFile(input, old));
    if (twin)
      throw new SluiceError("usage", `${flag} is ${path}, which is the input ${twin}, expected another file`, { flag, path });
  } catch (cause) {
    throw isSystemError(cause) ? ioError(path, cause.code, 0, cause) : cause;
  }
}

function checkFolder(path: string): void {
  const folder = dirname(resolve(path));
  const stat = fs.statSync(folder, { throwIfNoEntry: false });
  if (!stat) throw ioError(path, "ENOENT");
  if (!stat.isDirectory()) throw ioError(path, "ENOTDIR");
  fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK);
}

function sameFile(path: string, { dev, ino }: fs.Stats): boolean {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.dev === dev && stat.ino === ino;
}

/**
 * As `checkOutput`, for a picture, which is always SVG.
 * @throws usage: a name that promises another kind of picture
 */
export function checkPicture(flag: string, path: string, inputs: readonly string[] = []): void {
  if (/\.(png|jpe?g|gif|webp|pdf|eps|html?)$/i.test(path)) {
    throw new SluiceError("usage", `${flag} is ${path}, expected a name that ends in .svg; pictures are drawn as SVG, which browsers open`, { flag, path });
  }
  checkOutput(flag, path, inputs);
}

/**
 * As `checkOutput`, for a model or checkpoint: an old file there must be one of Sluice's own.
 * @throws usage: an existing file of another kind, which saving would destroy
 */
export function checkModelOutput(flag: string, path: string, inputs: readonly string[] = []): void {
  checkOutput(flag, path, inputs);
  if (fs.statSync(path, { throwIfNoEntry: false })?.isFile() && !isSluiceFile(path)) {
    throw new SluiceError(
      "usage",
      `${flag} is ${path}, an existing file that Sluice did not write, expected a new name or an old model; saving would destroy it`,
      { flag, path },
    );
  }
}

/** Longest header that is looked into. */
const longest = 64 * 2 ** 20;

/** Whether the file is a model or checkpoint of ours, by its header alone. An empty file counts: nothing can be lost. */
const isSluiceFile = (path: string): boolean => fs.statSync(path).size === 0 || (headerOf(path)?.includes("sluice-model") ?? false);

/** The header of a safetensors file, as it stands there; undefined where the file has none, or an absurdly long one. */
export function headerOf(path: string): Buffer | undefined {
  const file = fs.openSync(path, "r");
  try {
    const { size } = fs.fstatSync(file);
    const length = Buffer.alloc(8);
    if (fs.readSync(file, length, 0, 8, 0) < 8) return undefined;
    const headerBytes = length.readBigUInt64LE();
    if (headerBytes > longest || headerBytes > size - 8) return undefined;
    const header = Buffer.alloc(Number(headerBytes));
    fs.readSync(file, header, 0, header.length, 8);
    return header;
  } finally {
    fs.closeSync(file);
  }
}
