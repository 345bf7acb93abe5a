/**
 * @file Files that are whole or not there: a save that fails, or dies half way, leaves the old file as it was. Node-only.
 * Synchronous on purpose: a checkpoint's chunks are views of memory that the next training step changes.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { nearNames, SluiceError, showBytes } from "../base/errors.ts";

/** What one file may hold: text (written as UTF-8), bytes, or pieces in order. */
export type Content = string | Uint8Array | Iterable<Uint8Array>;

/**
 * Writes the file at `path`: into a temporary neighbour first, then fsync, rename, fsync of the folder. Whoever reads `path`, at any
 * time and after any crash, sees the old file or the new one. Keeps the old file's permissions and follows a symbolic link.
 * A device or pipe (`/dev/stdout`) has no old content to keep and is written straight.
 * @throws io: folder missing, disk full, no permission, `path` is a folder. The temporary file is gone and the old file untouched
 */
export function writeAtomic(path: string, content: Content): void {
  const chunks = typeof content === "string" ? [Buffer.from(content)] : content instanceof Uint8Array ? [content] : content;
  const progress = { bytes: 0 };
  try {
    const old = fs.statSync(path, { throwIfNoEntry: false });
    if (old?.isDirectory()) throw ioError(path, "EISDIR");
    if (old && !old.isFile()) writeInto(fs.openSync(path, "w"), chunks, progress);
    else replace(old ? fs.realpathSync(path) : path, old ? old.mode & 0o777 : undefined, chunks, progress);
  } catch (cause) {
    throw isSystemError(cause) ? ioError(path, cause.code, progress.bytes, cause) : cause;
  }
}

/** The temporary file either becomes `target` or is removed. */
function replace(target: string, mode: number | undefined, chunks: Iterable<Uint8Array>, progress: { bytes: number }): void {
  const stem = `.${basename(target).slice(0, 40)}.`;
  clearStale(dirname(target), stem);
  const temporary = join(dirname(target), `${stem}${randomBytes(6).toString("hex")}.tmp`);
  const file = fs.openSync(temporary, "wx");
  try {
    writeInto(file, chunks, progress);
    if (mode !== undefined) fs.chmodSync(temporary, mode);
    fs.renameSync(temporary, target);
  } catch (cause) {
    fs.rmSync(temporary, { force: true });
    throw cause;
  }
  syncFolder(dirname(target));
}

/** Milliseconds after which a temporary file is left over: a save under way writes to its own all the time. */
const stale = 600_000;

/** Removes what saves that were killed have left behind. What cannot be removed stays: it is in nobody's way. */
function clearStale(folder: string, stem: string): void {
  try {
    for (const name of fs.readdirSync(folder)) {
      if (!name.startsWith(stem) || !/^[0-9a-f]{12}\.tmp$/.test(name.slice(stem.length))) continue;
      const path = join(folder, name);
      if (Date.now() - (fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY) > stale) fs.rmSync(path, { force: true });
    }
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
  }
}

/** Writes, syncs (a pipe or device has nothing to sync) and closes. */
function writeInto(file: number, chunks: Iterable<Uint8Array>, progress: { bytes: number }): void {
  try {
    for (const chunk of chunks) {
      progress.bytes += chunk.length;
      writeAll(file, chunk);
    }
    if (fs.fstatSync(file).isFile()) fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

/**
 * All bytes of the file at `path`, in memory of their own (so that tensors can be views of them).
 * @param maxBytes at most this many are read
 * @throws missing: no such file, with like names in its folder; io: a folder, no permission; memory: more than `maxBytes`
 */
export function readBytes(path: string, maxBytes: number = 2 ** 32 - 1): Uint8Array {
  let file: number | undefined;
  try {
    file = fs.openSync(path, "r");
    const stat = fs.fstatSync(file);
    if (stat.isDirectory()) throw ioError(path, "EISDIR");
    if (stat.isFile()) {
      if (stat.size > maxBytes) throw tooLarge(path, stat.size, maxBytes);
      const bytes = new Uint8Array(stat.size);
      return bytes.subarray(0, readInto(file, bytes));
    }
    return readStream(file, path, maxBytes);
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") throw missing(path, cause);
    throw ioError(path, cause.code, 0, cause);
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

/** A pipe or device says no size: pieces until it ends. */
function readStream(file: number, path: string, maxBytes: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let total = 0; ; ) {
    const piece = new Uint8Array(65536);
    const n = fs.readSync(file, piece);
    if (n === 0) return new Uint8Array(Buffer.concat(pieces, total));
    total += n;
    if (total > maxBytes) throw tooLarge(path, total, maxBytes);
    pieces.push(piece.subarray(0, n));
  }
}

/** Fills `bytes` as far as the file goes; returns how many there were. */
function readInto(file: number, bytes: Uint8Array): number {
  let done = 0;
  while (done < bytes.length) {
    const n = fs.readSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30), null);
    if (n === 0) break;
    done += n;
  }
  return done;
}

/** One write may take less than it was given (a disk that is nearly full, more than 2 GB). */
export function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30));
}

/** Makes the rename itself durable. Windows cannot open folders, and needs no such step. */
function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const file = fs.openSync(folder, "r");
  try {
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

export const isSystemError = (error: unknown): error is NodeJS.ErrnoException & { code: string } =>
  error instanceof Error && "syscall" in error && typeof (error as NodeJS.ErrnoException).code === "string";

function missing(path: string, cause: Error): SluiceError {
  const folder = dirname(path);
  if (!fs.existsSync(folder))
    return new SluiceError(
      "missing",
      `${path}: no such file; its folder ${folder} does not exist either`,
      { file: path },
      { cause },
    );
  const near = fs.statSync(folder).isDirectory() ? nearNames(basename(path), fs.readdirSync(folder)) : [];
  const wayOut =
    near.length > 0 ? `did you mean ${near.map((name) => `"${name}"`).join(" or ")}?` : `nothing in ${folder} is called like it`;
  return new SluiceError("missing", `${path}: no such file; ${wayOut}`, { file: path, near }, { cause });
}

const tooLarge = (path: string, bytes: number, maxBytes: number): SluiceError =>
  new SluiceError(
    "memory",
    `${path}: the file is ${showBytes(bytes)} or more, expected at most ${showBytes(maxBytes)}; is it the right file?`,
    { file: path, bytes },
  );

/** What a system error code means for the one who asked, and what to do about it. */
export function ioError(path: string, code: string, bytes = 0, cause?: Error): SluiceError {
  const folder = dirname(path);
  const forbidden = `no permission for it or its folder ${folder}; choose another path, or another user`;
  const reasons: Record<string, string> = {
    ENOSPC: `the disk is full while writing ${showBytes(bytes)} (${freeSpace(folder)} free); free some space or write elsewhere`,
    EDQUOT: "the disk quota is used up; free some space or write elsewhere",
    EFBIG: `the limit of a file's size is reached while writing ${showBytes(bytes)}; raise the limit (ulimit -f) or write elsewhere`,
    EACCES: forbidden,
    EPERM: forbidden,
    EROFS: "the disk can only be read; write elsewhere",
    EISDIR: "it is a folder, expected a file; give a file name inside it",
    ENOENT: `the folder ${folder} does not exist; create it (mkdir -p) or write elsewhere`,
    ENOTDIR: `${folder} is no folder; write elsewhere`,
    EMFILE: "too many files are open (ulimit -n); close some and try again",
    ENAMETOOLONG: "the name is too long; choose a shorter one",
    EPIPE: "the reader of the pipe has gone",
  };
  const reason = reasons[code] ?? `${cause?.message ?? "the operating system refused"}; check the disk`;
  return new SluiceError("io", `${path}: ${reason} (${code})`, { file: path, code, bytes }, { cause });
}

function freeSpace(folder: string): string {
  try {
    const { bavail, bsize } = fs.statfsSync(folder);
    return showBytes(bavail * bsize);
  } catch {
    return "an unknown amount"; // only words of a message that is already an error
  }
}
