/**
 * @file Truth: bytes written by the reference implementation (Python
 * safetensors), the format's rules, and encode → decode = identity.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { SluiceError } from "../base/errors.ts";
import { type Dtype, dtypes, type TensorData } from "./dtype.ts";
import { decodeSafetensors, encodeSafetensors, type FileTensor } from "./safetensors.ts";

/** A file with any header text, true or not, and any data behind it. */
function file(header: unknown, dataBytes = 0, length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const names = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "10", "2", "encoder.layers.0.wh", 'é\u0000\n"\\'),
  fc.string({ unit: "grapheme", maxLength: 8 }),
);
const writable = (Object.keys(dtypes) as Dtype[]).filter((dtype) => !dtypes[dtype].widen);

/** Any tensor: random bytes seen as any type, so NaN payloads and -0 are among them. */
const anyTensor: fc.Arbitrary<FileTensor> = fc
  .tuple(fc.constantFrom(...writable), fc.array(fc.nat(3), { maxLength: 3 }), fc.infiniteStream(fc.nat(255)))
  .map(([dtype, shape, stream]) => {
    const { bytes, array } = dtypes[dtype];
    const raw = new Uint8Array(shape.reduce((a, b) => a * b, 1) * bytes).map(() => stream.next().value as number);
    return { dtype, shape, data: new array(raw.buffer, 0, raw.length / bytes) };
  });
const anyFile = fc.tuple(
  fc
    .array(
      fc.tuple(
        names.filter((n) => n !== "__metadata__"),
        anyTensor,
      ),
      { maxLength: 5 },
    )
    .map((pairs) => new Map(pairs)),
  fc.array(fc.tuple(names, fc.string({ unit: "grapheme" })), { maxLength: 3 }).map((pairs) => new Map(pairs)),
);
const rawBytes = (data: TensorData): number[] => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];

describe("round trip", () => {
  test("decode(encode(x)) is x: names, types, shapes, bytes, metadata; and encoding again gives the same file", () => {
    fc.assert(
      fc.property(anyFile, fc.nat(7), ([tensors, metadata], shift) => {
        const bytes = encodeSafetensors(tensors, metadata);
        const held = new Uint8Array(bytes.length + shift); // unaligned buffers are copied, not misread
        held.set(bytes, shift);
        const read = decodeSafetensors(held.subarray(shift), "t");
        expect(new Map([...read.metadata])).toEqual(metadata);
        expect([...read.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
        for (const [name, { dtype, shape, data }] of tensors) {
          const got = read.tensors.get(name)!;
          expect([got.dtype, got.shape, got.data.constructor, rawBytes(got.data)]).toEqual([
            dtype,
            shape,
            data.constructor,
            rawBytes(data),
          ]);
        }
        expect(encodeSafetensors(read.tensors, read.metadata)).toEqual(bytes);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test("the order in which tensors and metadata are given does not change a byte", () => {
    const a = { dtype: "F32", shape: [1], data: new Float32Array([1]) } as const;
    const b = { dtype: "F64", shape: [1], data: new Float64Array([2]) } as const;
    expect(encodeSafetensors({ a, b }, { x: "1", y: "2" })).toEqual(encodeSafetensors({ b, a }, { y: "2", x: "1" }));
  });

  test("an aligned tensor is a view of the file, not a copy", () => {
    const bytes = encodeSafetensors({ a: { dtype: "F32", shape: [2], data: new Float32Array([1, 2]) } });
    expect(decodeSafetensors(bytes, "t").tensors.get("a")!.data.buffer).toBe(bytes.buffer);
  });
});

describe("the reference implementation", () => {
  // Python: safetensors.numpy.save({"b.weight": arange(6, f32).reshape(2, 3) / 4, "a": int64 [1, 2, 3], "c": uint8 [7],
  //   "h": float16 [1.5, -2, 6e-8, inf]}, metadata={"who": "é"}), safetensors 0.8.0
  const oracle = Uint8Array.from(
    Buffer.from(
      "00010000000000007b225f5f6d657461646174615f5f223a7b2277686f223a22c3a9227d2c2261223a7b226474797065223a22493634222c227368617065223a5b335d2c22646174615f6f666673657473223a5b302c32345d7d2c22622e776569676874223a7b226474797065223a22463332222c227368617065223a5b322c335d2c22646174615f6f666673657473223a5b32342c34385d7d2c2268223a7b226474797065223a22463136222c227368617065223a5b345d2c22646174615f6f666673657473223a5b34382c35365d7d2c2263223a7b226474797065223a225538222c227368617065223a5b315d2c22646174615f6f666673657473223a5b35362c35375d7d7d010000000000000002000000000000000300000000000000000000000000803e0000003f0000403f0000803f0000a03f003e00c00100007c07",
      "hex",
    ),
  );

  test("its file is read, float16 widened", () => {
    const { tensors, metadata } = decodeSafetensors(oracle, "oracle");
    expect(metadata).toEqual(new Map([["who", "é"]]));
    expect(tensors.get("b.weight")).toEqual({
      dtype: "F32",
      shape: [2, 3],
      data: new Float32Array([0, 0.25, 0.5, 0.75, 1, 1.25]),
    });
    expect(tensors.get("a")!.data).toEqual(new BigInt64Array([1n, 2n, 3n]));
    expect(tensors.get("c")!.data).toEqual(new Uint8Array([7]));
    expect(tensors.get("h")!.data).toEqual(new Float32Array([1.5, -2, 2 ** -24, Infinity]));
  });

  test("what it wrote without float16 is what we write, byte for byte", () => {
    const same = Uint8Array.from(
      Buffer.from(
        "48010000000000007b225f5f6d657461646174615f5f223a7b2277686f223a22c3a9227d2c2261223a7b226474797065223a22493634222c227368617065223a5b335d2c22646174615f6f666673657473223a5b302c32345d7d2c227a2e663634223a7b226474797065223a22463634222c227368617065223a5b312c315d2c22646174615f6f666673657473223a5b32342c33325d7d2c22622e776569676874223a7b226474797065223a22463332222c227368617065223a5b322c335d2c22646174615f6f666673657473223a5b33322c35365d7d2c22622e693332223a7b226474797065223a22493332222c227368617065223a5b305d2c22646174615f6f666673657473223a5b35362c35365d7d2c2263223a7b226474797065223a225538222c227368617065223a5b315d2c22646174615f6f666673657473223a5b35362c35375d7d7d202020202020200100000000000000020000000000000003000000000000009a9999999999b93f000000000000803e0000003f0000403f0000803f0000a03f07",
        "hex",
      ),
    );
    const { tensors, metadata } = decodeSafetensors(same, "oracle");
    expect(Buffer.from(encodeSafetensors(tensors, metadata)).toString("hex")).toBe(Buffer.from(same).toString("hex"));
  });

  test("bfloat16 is the upper half of float32", () => {
    const bytes = file({ x: { dtype: "BF16", shape: [3], data_offsets: [0, 6] } }, 6);
    bytes.set([0xc0, 0x3f, 0x80, 0xff, 0x49, 0x40], bytes.length - 6); // 1.5, -Infinity, 3.140625
    expect(decodeSafetensors(bytes, "t").tensors.get("x")!.data).toEqual(new Float32Array([1.5, -Infinity, 3.140625]));
  });
});

describe("hostile files are refused by name", () => {
  const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });
  const cases: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ["empty", new Uint8Array(0), /the file is 0 bytes, expected at least 8/],
    ["header longer than any", file("{}", 0, 2n ** 63n), /begins with the number 9223372036854775808, expected the length of a header of at most 100000000 bytes/],
    ["a table of texts", new TextEncoder().encode("date,load\n2024-01-01,5\n"), /begins with "date,loa", expected the length of a header/],
    ["header longer than the file", file("{}", 0, 3n), /length is 3 bytes, expected at most 2,/],
    ["not UTF-8", new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 0xff]), /not UTF-8/],
    ["no object", file("[1]"), /begins with "\[1\]", expected "\{"/],
    ["byte order mark", file("\ufeff{}"), /expected "\{"/],
    ["not JSON", file('{"a":'), /header is not JSON/],
    ["key twice", file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}'), /the key "a" twice/],
    ["key twice inside", file('{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), /the key "dtype" twice/],
    ["metadata no object", file({ __metadata__: [] }), /__metadata__ is \[\], expected an object/],
    ["metadata number", file({ __metadata__: { a: 1 } }), /__metadata__ "a" is 1, expected a text/],
    ["entry no object", file({ a: 3 }), /tensor "a": its entry is 3/],
    [
      "dtype unknown",
      file({ a: { dtype: "F8", shape: [], data_offsets: [0, 1] } }, 1),
      /tensor "a": dtype is "F8", expected one of U64/,
    ],
    [
      "dtype from the prototype",
      file({ a: { dtype: "constructor", shape: [], data_offsets: [0, 1] } }, 1),
      /dtype is "constructor"/,
    ],
    ["shape negative", file({ a: f32(0, 4, [-1]) }, 4), /shape is \[-1\], expected a list of whole numbers/],
    ["shape fractional", file({ a: f32(0, 4, [0.5, 2]) }, 4), /shape is \[0.5, 2\]/],
    ["shape text", file({ a: f32(0, 4, "1") }, 4), /shape is "1"/],
    ["shape overflow", file({ a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4), /4 bytes, expected more than 9 PB/],
    ["shape overflow to 0 in 64 bits", file({ a: f32(0, 0, [2 ** 32, 2 ** 32]) }), /0 bytes, expected more than 9 PB/],
    ["shape Infinity × 0", file({ a: f32(0, 0, [...Array(30).fill(2 ** 50), 0]) }), /0 bytes, expected more than 9 PB/],
    ["shape against bytes", file({ a: f32(0, 8, [3]) }, 8), /8 bytes, expected 12; dtype F32 and shape \[3\]/],
    ["offsets missing", file({ a: { dtype: "F32", shape: [] } }), /data_offsets is undefined/],
    ["offsets three", file({ a: { dtype: "U8", shape: [1], data_offsets: [0, 1, 2] } }, 2), /data_offsets is \[0, 1, 2\]/],
    ["offsets backwards", file({ a: { dtype: "U8", shape: [0], data_offsets: [1, 0] } }, 1), /expected begin at or before end/],
    ["offsets beyond the file", file({ a: f32(0, 400) }, 4), /tensor "a": it ends at byte 400, expected at most 4/],
    ["offsets one number beyond the file", file({ a: f32(0, 8) }, 4), /tensor "a": it ends at byte 8, expected at most 4/],
    ["overlap", file({ a: f32(0, 8), b: f32(4, 12) }, 12), /tensor "b" begins 4 B inside the tensor before it/],
    ["same bytes twice", file({ a: f32(0, 8), b: f32(0, 8) }, 8), /tensor "b" begins 8 B inside/],
    ["hole", file({ a: f32(0, 4), b: f32(8, 12) }, 12), /tensor "b" begins 4 B after the tensor before it/],
    ["hole before the first", file({ a: f32(4, 8) }, 8), /tensor "a" begins 4 B after/],
    ["bytes left over", file({ a: f32(0, 4) }, 5), /1 bytes follow the last tensor/],
    ["half a surrogate pair", file('{"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), /not Unicode/],
  ];
  test.each(cases)("%s", (_, bytes, message) => {
    const error = failure(() => decodeSafetensors(bytes, "model.safetensors"));
    expect(error.code).toBe("format");
    expect(error.message).toMatch(/^model\.safetensors: /);
    expect(error.message).toMatch(message);
    expect(error.message.length).toBeLessThan(400);
  });

  test("a name of a million letters stays one line", () => {
    const error = failure(() => decodeSafetensors(file({ ["x".repeat(1e6)]: 1 }), "m"));
    expect(error.message.length).toBeLessThan(200);
  });

  test("a million open brackets neither hang nor overflow the stack", () => {
    const deep = `{"a":${"[".repeat(1e6)}${"]".repeat(1e6)}}`;
    expect(failure(() => decodeSafetensors(file(deep), "m")).code).toBe("format");
  });

  test("__proto__ is a name like any other and leaves Object.prototype alone", () => {
    const bytes = file('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{"__proto__":"x"}}', 1);
    const { tensors, metadata } = decodeSafetensors(bytes, "m");
    expect([...tensors.keys(), ...metadata]).toEqual(["__proto__", ["__proto__", "x"]]);
    expect(({} as { dtype?: unknown }).dtype).toBeUndefined();
  });

  test("NaN is read unless it is refused, and then tensor and element are named", () => {
    const bytes = encodeSafetensors({
      ok: { dtype: "I32", shape: [1], data: new Int32Array(1) },
      w: { dtype: "F32", shape: [2, 2], data: new Float32Array([1, 2, NaN, Infinity]) },
    });
    expect(decodeSafetensors(bytes, "m").tensors.get("w")!.data[2]).toBeNaN();
    const error = failure(() => decodeSafetensors(bytes, "m", { refuseNonFinite: true }));
    expect([error.code, error.details.tensor, error.details.index]).toEqual(["numeric", "w", 2]);
  });
});

describe("damage", () => {
  const good = encodeSafetensors(
    {
      w: { dtype: "F32", shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) },
      n: { dtype: "I64", shape: [2], data: new BigInt64Array(2) },
    },
    { note: "some text" },
  );
  /** Reads or refuses; whatever is read is no larger than the file. */
  const survives = (bytes: Uint8Array): void => {
    try {
      for (const { data } of decodeSafetensors(bytes, "m").tensors.values())
        expect(data.byteLength).toBeLessThanOrEqual(2 * bytes.length);
    } catch (error) {
      expect(error).toBeInstanceOf(SluiceError);
    }
  };

  test("every truncation is refused", () => {
    for (let n = 0; n < good.length; n++) expect(failure(() => decodeSafetensors(good.subarray(0, n), "m")).code).toBe("format");
  });

  test("flipped bytes are read or refused, never anything else", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
        (flips) => {
          const bytes = good.slice();
          for (const [at, mask] of flips) bytes[at]! ^= mask;
          survives(bytes);
        },
      ),
      { seed: 11, numRuns: 3000 },
    );
  });

  test("any JSON as header, any bytes as file", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(40), (json, extra) => survives(file(json, extra))),
      { seed: 3, numRuns: 500 },
    );
    fc.assert(fc.property(fc.uint8Array(), survives), { seed: 5, numRuns: 500 });
  });
});

describe("what cannot be written", () => {
  const data = new Float32Array(6);
  test.each<[string, () => unknown, string, RegExp]>([
    [
      "shape",
      () => encodeSafetensors({ w: { dtype: "F32", shape: [2, 2], data } }),
      "shape",
      /"w": data has 6 elements, expected 4; shape is \[2, 2\]/,
    ],
    ["shape negative", () => encodeSafetensors({ w: { dtype: "F32", shape: [-2, -3], data } }), "shape", /"w"/],
    [
      "class",
      () => encodeSafetensors({ w: { dtype: "F64", shape: [6], data } }),
      "type",
      /data is Float32Array, expected Float64Array/,
    ],
    ["dtype", () => encodeSafetensors({ w: { dtype: "F99" as Dtype, shape: [6], data } }), "type", /dtype is "F99"/],
    ["half", () => encodeSafetensors({ w: { dtype: "F16", shape: [6], data } }), "type", /write float32 as F32/],
    ["reserved", () => encodeSafetensors({ __metadata__: { dtype: "F32", shape: [6], data } }), "type", /its name is taken/],
    ["surrogate", () => encodeSafetensors({ "\ud800": { dtype: "F32", shape: [6], data } }), "type", /expected Unicode text/],
  ])("%s", (_, run, code, message) => {
    const error = failure(run);
    expect([error.code, message.test(error.message)]).toEqual([code, true]);
  });
});
