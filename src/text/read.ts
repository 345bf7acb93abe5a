/** @file Reads texts from disk. Node-only; a browser's bundle takes `no-files.ts` instead (package.json, "browser"). */
import { SluiceError } from "../base/errors.ts";
import { alignLines, linesOf, type ParallelText } from "./lines.ts";
import { decodeText } from "./utf8.ts";

/**
 * The text of a file; see `decodeText`.
 * @throws missing: no such file; io: it cannot be read; format: not UTF-8; data: empty
 */
export async function readText(path: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw readError(path, cause);
  });
  return decodeText(bytes, path);
}

/** The lines of a file. */
export const readLines = async (path: string): Promise<string[]> => linesOf(await readText(path));

/** Two files whose lines belong together; see `alignLines`. */
export async function readParallel(source: string, target: string, options: { skipEmpty?: boolean } = {}): Promise<ParallelText> {
  return alignLines(await readLines(source), await readLines(target), [source, target], options);
}

function readError(path: string, cause: NodeJS.ErrnoException): SluiceError {
  if (cause.code === "ENOENT") return new SluiceError("missing", `${path}: there is no such file, expected a text file`, { path }, { cause });
  if (cause.code === "ERR_FS_FILE_TOO_LARGE") return new SluiceError("memory", `${path}: the file is larger than 2 GB, expected less; it is read whole. Split the file`, { path }, { cause });
  const what = cause.code === "EISDIR" ? "it is a folder" : cause.code === "EACCES" ? "permission is refused" : cause.message;
  return new SluiceError("io", `${path}: cannot be read: ${what}, expected a readable text file`, { path }, { cause });
}
