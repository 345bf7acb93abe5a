/**
 * @file A Parquet file into a Table, column by column, through hyparquet. Works on anything with a size and `slice`; needs no
 * file system.
 */
import type { AsyncBuffer, Compressors, FileMetaData, ParquetParsers, SchemaTree } from "hyparquet";
import { parquetMetadataAsync, parquetRead, parquetSchema } from "hyparquet";
import { SluiceError } from "../base/errors.ts";
import { checkPages } from "./parquet-guard.ts";
import type { Column, Table } from "./table.ts";

export interface ParquetOptions {
  /** What messages call the file; default "table". */
  source?: string;
  /** Columns to read; default all. */
  columns?: readonly string[];
  /** Decompressors beyond snappy, by codec name. */
  compressors?: Compressors;
}

/** Moments as milliseconds rather than Date objects: no garbage, and microseconds survive. */
const parsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (ms) => Number(ms),
  timestampFromMicroseconds: (us) => Number(us) / 1000,
  timestampFromNanoseconds: (ns) => Number(ns / 1000n) / 1000,
  dateFromDays: (days) => days * 86_400_000,
};

/**
 * Reads a Parquet file. Integers, floats, decimals and booleans (0/1) become number columns; timestamps and dates time columns
 * (UTC); strings, enums and UUIDs text columns. Null is missing. Lists, maps and structs are left out, with a note.
 * @throws format: not Parquet, cut short, damaged, encrypted, or compressed in a way that cannot be read here
 * @throws data: no rows
 */
export async function parseParquet(file: AsyncBuffer | ArrayBuffer, options: ParquetOptions = {}): Promise<Table> {
  const source = options.source ?? "table";
  const buffer: AsyncBuffer = file;
  await checkMagic(buffer, source);
  let metadata: FileMetaData;
  let schema: SchemaTree;
  try {
    metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
    schema = parquetSchema(metadata);
  } catch (cause) {
    throw damaged(source, cause);
  }
  const rows = Number(metadata.num_rows);
  if (rows === 0) throw new SluiceError("data", `${source}: the file has no rows, expected some`, { source });
  // A lying row count must not reserve the memory before a value is read: the smallest possible cell is under a bit.
  const counted = metadata.row_groups.reduce((n, g) => n + Number(g.num_rows), 0);
  if (!Number.isSafeInteger(rows) || rows < 0 || counted !== rows || rows > buffer.byteLength * 4096) {
    throw damaged(source, new Error(`it claims ${rows} rows in ${buffer.byteLength} bytes`));
  }
  const notes: string[] = [];
  const wanted = schema.children.filter((node) => options.columns?.includes(node.element.name) ?? true);
  const builders = new Map<string, { column: Column; put: (row: number, value: unknown) => void; filled: number }>();
  for (const node of wanted) {
    const kind = kindOf(node);
    if (kind === undefined) notes.push(`column "${node.element.name}" is left out: it holds lists, maps or bytes`);
    else builders.set(node.element.name, { ...makeColumn(node.element.name, kind, rows), filled: 0 });
  }
  try {
    await checkPages(buffer, metadata, new Set(builders.keys()));
    await parquetRead({
      ...{ file: buffer, metadata, columns: [...builders.keys()], parsers, compressors: options.compressors, geoparquet: false },
      onChunk: ({ columnName, columnData, rowStart }) => {
        const builder = builders.get(columnName)!;
        for (let i = 0; i < columnData.length && rowStart + i < rows; i++) builder.put(rowStart + i, columnData[i]);
        builder.filled += columnData.length;
      },
    });
  } catch (cause) {
    throw damaged(source, cause);
  }
  for (const [name, { filled }] of builders) {
    if (filled < rows) throw damaged(source, new Error(`column "${name}" has ${filled} of ${rows} values`));
  }
  return { source, rows, columns: [...builders.values()].map((b) => b.column), notes };
}

async function checkMagic(file: AsyncBuffer, source: string): Promise<void> {
  const text = async (from: number, to: number) => new TextDecoder("latin1").decode(await file.slice(from, to));
  const first = file.byteLength >= 4 ? await text(0, 4) : "";
  const last = file.byteLength >= 12 ? await text(file.byteLength - 4, file.byteLength) : "";
  if (first === "PAR1" && last === "PAR1") return;
  const what = first === "PARE" ? "encrypted" : first === "PAR1" ? "cut short (its end mark PAR1 is gone)" : "not a Parquet file";
  const way =
    first === "PAR1"
      ? "copy it again"
      : first === "PARE"
        ? "write it without encryption"
        : "a CSV file is read when it is not named .parquet";
  throw new SluiceError("format", `${source}: the file is ${what}, expected Parquet (PAR1 at both ends); ${way}`, { source });
}

function damaged(source: string, cause: unknown): SluiceError {
  if (cause instanceof SluiceError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  const codec = /unsupported compression codec: (\w+)/i.exec(why)?.[1];
  if (codec !== undefined) {
    return new SluiceError(
      "format",
      `${source}: its compression is ${codec}, expected snappy, gzip, brotli or none (zstd from Node 22.15); write it so`,
      { source, codec },
      { cause },
    );
  }
  return new SluiceError(
    "format",
    `${source}: the Parquet file is damaged (${why}), expected a whole one; write or copy it again`,
    { source },
    { cause },
  );
}

/** The kind of a leaf column, undefined for what a table cannot hold. */
function kindOf({ element, children }: SchemaTree): Column["kind"] | undefined {
  if (children.length > 0 || element.repetition_type === "REPEATED") return undefined;
  const { type, converted_type: converted, logical_type: logical } = element;
  if (
    logical?.type === "TIMESTAMP" ||
    logical?.type === "DATE" ||
    converted === "DATE" ||
    converted?.startsWith("TIMESTAMP") ||
    type === "INT96"
  )
    return "time";
  if (logical?.type === "DECIMAL" || logical?.type === "FLOAT16" || converted === "DECIMAL") return "number";
  if (type === "FIXED_LEN_BYTE_ARRAY" && logical?.type !== "UUID") return undefined;
  if (
    logical?.type === "JSON" ||
    logical?.type === "BSON" ||
    converted === "JSON" ||
    converted === "BSON" ||
    converted === "INTERVAL"
  )
    return undefined;
  return type === "BYTE_ARRAY" || type === "FIXED_LEN_BYTE_ARRAY" ? "text" : "number";
}

function makeColumn(
  name: string,
  kind: Column["kind"],
  rows: number,
): { column: Column; put: (row: number, value: unknown) => void } {
  if (kind === "text") {
    const values = new Array<string>(rows).fill("");
    return {
      column: { name, kind, values },
      put: (row, value) => (values[row] = value === null || value === undefined ? "" : String(value)),
    };
  }
  const values = new Float64Array(rows).fill(Number.NaN);
  return {
    column: { name, kind, values },
    put: (row, value) => (values[row] = value === null || value === undefined ? Number.NaN : Number(value)),
  };
}
