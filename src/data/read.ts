/**
 * @file Reads tables from disk: CSV as a stream, Parquet column by column. Node-only; a browser's bundle takes `no-files.ts` instead
 * (package.json, "browser").
 */
import type { Compressors } from "hyparquet";
import { SluiceError } from "../base/errors.ts";
import type { CsvOptions } from "./csv.ts";
import { CsvSink, csvError, decodeText, refuseBinary } from "./csv.ts";
import type { ParquetOptions } from "./parquet.ts";
import { parseParquet } from "./parquet.ts";
import type { Table } from "./table.ts";

/**
 * Reads a delimited text file, a megabyte at a time. See `parseCsv` for what is understood and thrown.
 * @throws missing: no such file
 * @throws io: it cannot be read
 */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<Table> {
  const { createReadStream } = await import("node:fs");
  const source = options.source ?? baseName(path);
  const decoder = new TextDecoder(options.encoding ?? "utf-8", { fatal: true });
  const chunks = (createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const next = async (): Promise<Uint8Array | undefined> => {
    try {
      const { value, done } = await chunks.next();
      return done ? undefined : value;
    } catch (cause) {
      throw readError(path, cause);
    }
  };
  const beginning = await next();
  if (beginning !== undefined) refuseBinary(beginning, source, options.encoding);
  const text = beginning === undefined ? "" : decodeText(decoder, beginning, source, true);
  const sink = new CsvSink(source, text, options);
  let carry = "";
  async function* texts(): AsyncGenerator<string> {
    yield text;
    for (let bytes = await next(); bytes !== undefined; bytes = await next()) yield decodeText(decoder, bytes, source, true);
    yield decodeText(decoder, new Uint8Array(), source, false); // throws when the file ends inside a letter
  }
  const stream = texts();
  try {
    while (sink.plain) {
      const { value, done } = await stream.next();
      if (done) break;
      carry = sink.takePlain(carry + value);
    }
    if (sink.plain) sink.takeLast(carry, () => undefined);
    else await parseQuoted(carry, stream, sink);
  } finally {
    await chunks.return?.();
  }
  return sink.finish();
}

/** Sends the rest of a file, from the first piece with a quote on, through csv-parse into the sink. */
async function parseQuoted(carry: string, rest: AsyncIterable<string>, sink: CsvSink): Promise<void> {
  const { pipeline } = await import("node:stream/promises");
  const { parse } = await import("csv-parse");
  const before = sink.fileRows;
  const parser = parse(sink.parserOptions());
  parser.resume(); // rows went to the sink; nothing comes out
  async function* texts(): AsyncGenerator<string> {
    yield carry;
    yield* rest;
  }
  try {
    await pipeline(texts, parser);
  } catch (error) {
    throw csvError(error, sink.source, before);
  }
}

/**
 * Reads a Parquet file; see `parseParquet`. Gzip and brotli are unpacked too, zstd where this Node can (22.15 on).
 * @throws missing: no such file
 * @throws io: it cannot be read
 */
export async function readParquet(path: string, options: ParquetOptions = {}): Promise<Table> {
  const { open } = await import("node:fs/promises");
  const handle = await open(path).catch((cause) => {
    throw readError(path, cause);
  });
  try {
    const { size } = await handle.stat();
    const slice = async (from: number, to = size): Promise<ArrayBuffer> => {
      const bytes = new Uint8Array(Math.max(0, Math.min(to, size) - from));
      for (let got = 0; got < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, got, bytes.length - got, from + got);
        if (bytesRead === 0) throw new Error("the file became shorter while it was read");
        got += bytesRead;
      }
      return bytes.buffer;
    };
    const compressors = { ...(await nodeCompressors()), ...options.compressors };
    return await parseParquet({ byteLength: size, slice }, { ...options, source: options.source ?? baseName(path), compressors });
  } catch (cause) {
    throw cause instanceof SluiceError ? cause : readError(path, cause);
  } finally {
    await handle.close();
  }
}

/** Reads `path` as Parquet when its name or its first bytes say so, as CSV otherwise. */
export async function readTable(path: string, options: CsvOptions & ParquetOptions = {}): Promise<Table> {
  if (/\.(parquet|pq)$/i.test(path)) return readParquet(path, options);
  const { open } = await import("node:fs/promises");
  const handle = await open(path).catch((cause) => {
    throw readError(path, cause);
  });
  const first = new Uint8Array(4);
  try {
    if ((await handle.stat()).isFIFO()) return await readCsv(path, options); // a pipe is read once, from its beginning
    await handle.read(first, 0, 4, 0);
  } catch (cause) {
    throw readError(path, cause);
  } finally {
    await handle.close();
  }
  return new TextDecoder("latin1").decode(first) === "PAR1" ? readParquet(path, options) : readCsv(path, options);
}

const baseName = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;

function readError(path: string, cause: unknown): SluiceError {
  if (cause instanceof SluiceError) return cause;
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOENT")
    return new SluiceError("missing", `${path}: there is no such file, expected a CSV or Parquet file`, { path }, { cause });
  const what =
    code === "EISDIR" ? "it is a folder" : code === "EACCES" ? "permission is refused" : String((cause as Error).message);
  return new SluiceError("io", `${path}: cannot be read: ${what}, expected a readable CSV or Parquet file`, { path }, { cause });
}

async function nodeCompressors(): Promise<Compressors> {
  const zlib = await import("node:zlib");
  const found: Compressors = {
    GZIP: (bytes) => zlib.gunzipSync(bytes),
    BROTLI: (bytes) => zlib.brotliDecompressSync(bytes),
  };
  // Typed for Node 20, which has no zstd yet.
  const zstd = (zlib as { zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array }).zstdDecompressSync;
  if (zstd !== undefined) found.ZSTD = (bytes) => zstd(bytes);
  return found;
}
