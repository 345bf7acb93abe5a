/** @file The number types a safetensors file can hold, what each is read into, and the two half-width ones widened to float32. */

/** Any typed array a tensor is handed over in. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** The array classes have one constructor signature each; this is what they share. */
interface ArrayClass {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TensorData;
  readonly name: string;
}

/** What is known about a number type. `widen` marks those that JavaScript has no array for. */
interface DtypeInfo {
  readonly bytes: 1 | 2 | 4 | 8;
  readonly array: ArrayClass;
  readonly widen?: (raw: Uint16Array) => Float32Array;
}

/**
 * By the format's own names, in the order in which the reference implementation writes them (widest first, so every tensor
 * is aligned). Arrays are little-endian in the file and, on every platform that JavaScript engines ship for, in memory.
 */
const table = {
  U64: { bytes: 8, array: BigUint64Array },
  I64: { bytes: 8, array: BigInt64Array },
  F64: { bytes: 8, array: Float64Array },
  F32: { bytes: 4, array: Float32Array },
  U32: { bytes: 4, array: Uint32Array },
  I32: { bytes: 4, array: Int32Array },
  BF16: { bytes: 2, array: Uint16Array, widen: fromBrain },
  F16: { bytes: 2, array: Uint16Array, widen: fromHalf },
  U16: { bytes: 2, array: Uint16Array },
  I16: { bytes: 2, array: Int16Array },
  I8: { bytes: 1, array: Int8Array },
  U8: { bytes: 1, array: Uint8Array },
  BOOL: { bytes: 1, array: Uint8Array },
} as const satisfies Record<string, DtypeInfo>;

export type Dtype = keyof typeof table;

export const dtypes: Readonly<Record<Dtype, DtypeInfo>> = table;

export const isDtype = (name: unknown): name is Dtype => typeof name === "string" && Object.hasOwn(table, name);

/** bfloat16 is the upper half of a float32. */
function fromBrain(raw: Uint16Array): Float32Array {
  const out = new Float32Array(raw.length);
  const words = new Uint32Array(out.buffer);
  for (let i = 0; i < raw.length; i++) words[i] = raw[i]! << 16;
  return out;
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function fromHalf(raw: Uint16Array): Float32Array {
  const out = new Float32Array(raw.length);
  for (let i = 0; i < raw.length; i++) {
    const h = raw[i]!;
    const exponent = (h >> 10) & 31;
    const fraction = h & 1023;
    const size =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction
            ? NaN
            : Infinity
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    out[i] = h & 0x8000 ? -size : size;
  }
  return out;
}
