/**
 * @file Safetensors, written with the same bytes every time and read as if the sender meant harm. A file is: 8
 * bytes little-endian header length N; N bytes of JSON, `{"name": {"dtype", "shape", "data_offsets": [begin,
 * end]}, …, "__metadata__": {text: text}}`, padded with spaces; then the numbers, without a gap. Runs in browsers.
 * @see https://github.com/huggingface/safetensors (format)
 */
import { SluiceError, showBytes } from "../base/errors.ts";
import { type Dtype, dtypes, isDtype, type TensorData } from "./dtype.ts";
import { isObject, parseStrict, show } from "./json.ts";

/** A tensor on its way into or out of a file: row-major `data`, as many elements as the product of `shape`. */
export interface FileTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** F16 and BF16 are read as Float32Array, BOOL as Uint8Array. */
  readonly data: TensorData;
}

/** Things by name, as a Map or as an object. */
export type Named<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>>;

export interface Safetensors {
  /** In the order of their bytes in the file. */
  readonly tensors: Map<string, FileTensor>;
  readonly metadata: Map<string, string>;
}

export interface DecodeOptions {
  /** Throw at the first NaN or Infinity of a floating tensor. Off here, on for models. */
  refuseNonFinite?: boolean;
}

/** The largest header any reader of the format accepts. */
const maxHeader = 100_000_000;
const metadataKey = "__metadata__";
const order = Object.keys(dtypes);
const rank = (tensor: FileTensor): number => order.indexOf(tensor.dtype);

/**
 * The file as pieces in writing order: the header, then each tensor's own memory, not copied. Order and header depend
 * on the names, types and shapes alone: by type, widest first, then by name, as the reference implementation does.
 * @throws type: `data` is not an array of `dtype`, F16 or BF16 (read
 * only), or a name is not Unicode; shape: `data` and `shape` disagree
 */
export function safetensorsChunks(tensors: Named<FileTensor>, metadata: Named<string> = {}): Uint8Array[] {
  const sorted = entries(tensors).sort(([a, ta], [b, tb]) => rank(ta) - rank(tb) || (a < b ? -1 : 1));
  const fields: string[] = [];
  const notes = entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (notes.length > 0) fields.push(`"${metadataKey}":{${notes.map(([k, v]) => `${jsonText(k)}:${jsonText(v)}`).join(",")}}`);
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    checkTensor(name, dtype, shape, data);
    const end = offset + data.byteLength;
    fields.push(`${jsonText(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${offset},${end}]}`);
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > maxHeader)
    throw new SluiceError(
      "range",
      `safetensors: the header is ${showBytes(length)}, expected at most ${showBytes(maxHeader)}; the format`,
    );
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return [header, ...chunks];
}

/** The whole file in one array; `safetensorsChunks` says the rest. */
export const encodeSafetensors = (tensors: Named<FileTensor>, metadata: Named<string> = {}): Uint8Array =>
  joinChunks(safetensorsChunks(tensors, metadata));

/** One array of all pieces, in order. */
export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/**
 * The tensors and metadata of a file. Tensors are views of `bytes` where alignment allows, so keep `bytes` unchanged
 * while they are used. Every number in the header is checked against the bytes that are really there before it is used.
 * @param where the file's name, for errors
 * @throws format: anything that breaks a rule of the format; numeric: NaN or Infinity, when they are refused
 */
export function decodeSafetensors(bytes: Uint8Array, where: string, options: DecodeOptions = {}): Safetensors {
  const [header, dataStart] = readHeader(bytes, where);
  const dataBytes = bytes.length - dataStart;
  const metadata = new Map<string, string>();
  const places: Place[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === metadataKey) readMetadata(value, where, metadata);
    else places.push(readPlace(name, value, where, dataBytes));
  }
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of places) {
    if (begin !== covered) {
      const problem =
        begin < covered
          ? `${showBytes(covered - begin)} inside the tensor before it`
          : `${showBytes(begin - covered)} after the tensor before it`;
      refuse(
        where,
        `tensor ${show(name)} begins ${problem}, expected right behind it; the format allows no overlap and no hole`,
        { tensor: name },
      );
    }
    covered = end;
  }
  if (covered !== dataBytes)
    refuse(where, `${dataBytes - covered} bytes follow the last tensor, expected none; the header says where each tensor ends`);
  const tensors = new Map<string, FileTensor>();
  for (const place of places) {
    const data = readData(bytes, dataStart, place);
    if (options.refuseNonFinite) refuseNonFinite(place.name, data, where);
    tensors.set(place.name, { dtype: place.dtype, shape: place.shape, data });
  }
  return { tensors, metadata };
}

/**
 * Where the header says a tensor lies: [begin, end) in bytes behind the header; already checked against dtype, shape and file.
 */
interface Place {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

/** The first eight bytes: as text where they are letters, otherwise as the number that they make. */
function beginning(bytes: Uint8Array): string {
  const letters = bytes.subarray(0, 8).every((b) => (b >= 0x20 && b < 0x7f) || b === 0x09 || b === 0x0a || b === 0x0d);
  return letters
    ? show(String.fromCharCode(...bytes.subarray(0, 8)))
    : `the number ${new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)}`;
}

function readHeader(bytes: Uint8Array, where: string): [header: Record<string, unknown>, dataStart: number] {
  if (bytes.length < 8)
    refuse(
      where,
      `the file is ${bytes.length} bytes, expected at least 8; a safetensors file begins with the length of its header`,
    );
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(maxHeader))
    refuse(
      where,
      `the file begins with ${beginning(bytes)}, expected the length of a header of at most ${maxHeader} bytes; is this a safetensors file?`,
    );
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) {
    refuse(
      where,
      `the header's length is ${length} bytes, expected at most ${bytes.length - 8}, which is all that follows; the file is cut off, or not a safetensors file`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, dataStart));
  } catch (cause) {
    throw new SluiceError(
      "format",
      `${where}: the header is not UTF-8 text; is this a safetensors file?`,
      { file: where },
      { cause },
    );
  }
  if (!text.startsWith("{"))
    refuse(where, `the header begins with ${show(text.slice(0, 8))}, expected "{"; is this a safetensors file?`);
  return [parseStrict(text, where, "the header") as Record<string, unknown>, dataStart];
}

function readMetadata(value: unknown, where: string, into: Map<string, string>): void {
  if (!isObject(value)) refuse(where, `${metadataKey} is ${show(value)}, expected an object of texts; the format`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") refuse(where, `${metadataKey} ${show(key)} is ${show(text)}, expected a text; the format`);
    into.set(key, text);
  }
}

function readPlace(name: string, value: unknown, where: string, dataBytes: number): Place {
  const bad = (what: string): never => refuse(where, `tensor ${show(name)}: ${what}`, { tensor: name });
  if (/\p{Surrogate}/u.test(name))
    bad("its name is not Unicode text (half a surrogate pair), expected one that can be written as UTF-8");
  if (!isObject(value)) return bad(`its entry is ${show(value)}, expected {"dtype", "shape", "data_offsets"}; the format`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) return bad(`dtype is ${show(dtype)}, expected one of ${order.join(", ")}; others are not read`);
  if (!isSizes(shape)) return bad(`shape is ${show(shape)}, expected a list of whole numbers from 0; the format`);
  const count = shape.reduce((product, size) => product * size, 1);
  if (!isSizes(offsets) || offsets.length !== 2)
    return bad(`data_offsets is ${show(offsets)}, expected two whole numbers [begin, end]; the format`);
  const [begin, end] = offsets as [number, number];
  if (end > dataBytes)
    bad(`it ends at byte ${end}, expected at most ${dataBytes}, where the file ends; the file is cut off, or its header lies`);
  if (begin > end) bad(`data_offsets is [${begin}, ${end}], expected begin at or before end; the format`);
  // Not `count <= …`: a product that overflowed is NaN or Infinity and must fail too.
  if (!(count * dtypes[dtype].bytes === end - begin)) {
    bad(
      `it has ${end - begin} bytes, expected ${showCount(count * dtypes[dtype].bytes)}; dtype ${dtype} and shape ${show(shape)} say so`,
    );
  }
  return { name, dtype, shape, begin, end };
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
const showCount = (n: number): string => (Number.isSafeInteger(n) ? String(n) : "more than 9 PB");

function readData(bytes: Uint8Array, dataStart: number, { dtype, begin, end }: Place): TensorData {
  const info = dtypes[dtype];
  const start = bytes.byteOffset + dataStart + begin;
  const [buffer, offset] =
    start % info.bytes === 0 ? [bytes.buffer, start] : [bytes.slice(dataStart + begin, dataStart + end).buffer, 0];
  const data = new info.array(buffer, offset, (end - begin) / info.bytes);
  return info.widen ? info.widen(data as Uint16Array) : data;
}

/** @throws numeric: names the first element that is NaN or infinite */
function refuseNonFinite(name: string, data: TensorData, where: string): void {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      const message = `${where}: tensor ${show(name)} element ${i} is ${data[i]}, expected a finite number; the run that wrote it had diverged, or the file is damaged`;
      throw new SluiceError("numeric", message, { file: where, tensor: name, index: i });
    }
  }
}

/** @throws the reasons `safetensorsChunks` lists */
function checkTensor(name: string, dtype: Dtype, shape: readonly number[], data: TensorData): void {
  const bad = (code: "type" | "shape", what: string): never => {
    throw new SluiceError(code, `safetensors: tensor ${show(name)}: ${what}`, { tensor: name });
  };
  if (name === metadataKey) bad("type", `its name is taken, expected another; the format keeps ${metadataKey} for itself`);
  if (!isDtype(dtype)) bad("type", `dtype is ${show(dtype)}, expected one of ${order.join(", ")}`);
  const info = dtypes[dtype];
  if (info.widen) bad("type", `dtype is ${dtype}, expected a type that is also written; write float32 as F32`);
  if (!(data instanceof info.array))
    bad("type", `data is ${(data as object).constructor.name}, expected ${info.array.name}; dtype is ${dtype}`);
  const count = shape.reduce((product, size) => product * size, 1);
  if (!isSizes(shape) || count !== data.length)
    bad("shape", `data has ${data.length} elements, expected ${count}; shape is ${show(shape)}`);
}

/** JSON text of a string, escaped only where it must be. */
function jsonText(text: string): string {
  if (typeof text === "string" && !/\p{Surrogate}/u.test(text)) return JSON.stringify(text);
  throw new SluiceError("type", `safetensors: a name or metadata text is ${show(text)}, expected Unicode text`);
}

const entries = <T>(named: Named<T>): [string, T][] => (named instanceof Map ? [...named] : Object.entries(named));

function refuse(where: string, what: string, details: Record<string, unknown> = {}): never {
  throw new SluiceError("format", `${where}: ${what}`, { file: where, ...details });
}
