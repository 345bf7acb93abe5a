/**
 * @file Truth: save → load gives the same parts, load → save the same
 * bytes; every foreign, newer, damaged file is told apart by name.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { SluiceError } from "../base/errors.ts";
import { decodeModel, encodeModel, type ModelFile } from "./model.ts";
import { encodeSafetensors } from "./safetensors.ts";

const tensors = { "rnn.weight_hh_l0": { dtype: "F32", shape: [3, 1], data: new Float32Array([1, -2, 3]) } } as const;
const model: ModelFile = {
  task: "forecast",
  config: { hiddenSize: 1 },
  preprocessing: { mean: [0.1] },
  provenance: { seed: 0 },
  tensors,
};

/** A file whose metadata `sluice` is any text. */
const withDocument = (document: unknown): Uint8Array =>
  encodeSafetensors(tensors, { sluice: typeof document === "string" ? document : JSON.stringify(document) });

test("save then load gives every part, load then save the same bytes", () => {
  const bytes = encodeModel({ ...model, writer: "sluice 0.1.0", checkpoint: { step: 5, rng: { key: [1, 2] } } });
  const read = decodeModel(bytes, "m");
  expect(read.checkpoint).toEqual({ step: 5, rng: { key: [1, 2] } });
  expect([read.task, read.config, read.preprocessing, read.provenance, read.writer]).toEqual([
    "forecast",
    { hiddenSize: 1 },
    { mean: [0.1] },
    { seed: 0 },
    "sluice 0.1.0",
  ]);
  expect(read.tensors.get("rnn.weight_hh_l0")).toEqual(tensors["rnn.weight_hh_l0"]);
  expect(encodeModel(read)).toEqual(bytes);
});

test("a model that is no checkpoint has no checkpoint part", () => {
  expect(decodeModel(encodeModel(model), "m")).not.toHaveProperty("checkpoint");
});

test("any JSON object survives as a part, with every double exact", () => {
  const part = fc.dictionary(
    fc.string().filter((key) => key !== "__proto__"),
    fc.jsonValue({ maxDepth: 4 }),
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(part, (config) => {
      const expected = JSON.parse(JSON.stringify(config)) as unknown; // JSON itself turns -0 into 0
      expect(decodeModel(encodeModel({ ...model, config }), "m").config).toEqual(expected);
    }),
    { seed: 2 },
  );
});

test.each<[string, Record<string, unknown>, string, RegExp]>([
  ["NaN", { a: { b: [1, NaN] } }, "numeric", /document\.config\.a\.b\[1\] is NaN, expected a finite number/],
  ["NaN directly", { a: Number.NaN }, "numeric", /document\.config\.a is NaN/],
  ["undefined in a list", { a: [undefined] }, "type", /document\.config\.a\[0\] is undefined, expected plain JSON/],
  ["typed array", { a: new Float32Array(2) }, "type", /document\.config\.a is Float32Array, expected plain JSON/],
  ["Map", { a: new Map() }, "type", /is Map, expected plain JSON/],
  ["__proto__", JSON.parse('{"__proto__":1}') as Record<string, unknown>, "type", /no key __proto__/],
])("a part that JSON would change without a word is refused: %s", (_, config, code, message) => {
  const error = failure(() => encodeModel({ ...model, config }));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
});

test("a cyclic part is refused, not followed for ever", () => {
  const config: Record<string, unknown> = {};
  config.self = config;
  expect(failure(() => encodeModel({ ...model, config })).message).toMatch(/64 levels/);
});

const document = { format: "sluice-model", version: 1, task: "forecast", config: {}, preprocessing: {}, provenance: {} };
test.each<[string, unknown, RegExp]>([
  [
    "newer version",
    { ...document, version: 2, writer: "sluice 9.0.0" },
    /format version is 2, expected 1; written by "sluice 9\.0\.0"; update Sluice/,
  ],
  ["older version", { ...document, version: 0 }, /format version is 0, expected 1; its writer is unknown; train the model again/],
  ["no version", { ...document, version: undefined }, /format version is undefined/],
  ["other format", { ...document, format: "x" }, /format is "x", expected "sluice-model"/],
  ["no object", 3, /metadata "sluice" is 3, expected an object/],
  ["not JSON", "{", /metadata "sluice" is not JSON/],
  ["key twice", '{"format":"a","format":"sluice-model"}', /the key "format" twice/],
  ["no task", { ...document, task: 1 }, /task is 1, expected a text/],
  ["config a list", { ...document, config: [] }, /config is \[\], expected an object/],
  ["checkpoint null", { ...document, checkpoint: null }, /checkpoint is null/],
  ["__proto__ inside", JSON.stringify({ ...document, config: 7 }).replace("7", '{"__proto__":{}}'), /no key __proto__/],
])("refused: %s", (_, text, message) => {
  const error = failure(() => decodeModel(withDocument(text), "m.safetensors"));
  expect(error.code).toBe("format");
  expect(error.message).toMatch(message);
  expect(error.message).toMatch(/^m\.safetensors: /);
});

test("another program's safetensors file is called that, with the names it has", () => {
  const error = failure(() => decodeModel(encodeSafetensors(tensors), "m"));
  expect(error.message).toMatch(/no Sluice model.*"rnn\.weight_hh_l0"; made by PyTorch/);
});

test("NaN weights are refused unless asked for", () => {
  const bytes = encodeModel({ ...model, tensors: { w: { dtype: "F32", shape: [1], data: new Float32Array([NaN]) } } });
  expect(failure(() => decodeModel(bytes, "m")).code).toBe("numeric");
  expect(decodeModel(bytes, "m", { refuseNonFinite: false }).tensors.get("w")!.data[0]).toBeNaN();
});

test("flipped bytes and truncations give a model or a SluiceError", () => {
  const good = encodeModel(model);
  const survives = (bytes: Uint8Array): void => {
    try {
      decodeModel(bytes, "m");
    } catch (error) {
      expect(error).toBeInstanceOf(SluiceError);
    }
  };
  fc.assert(
    fc.property(fc.nat(good.length), fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (length, at, mask) => {
      const bytes = good.slice();
      bytes[at]! ^= mask;
      survives(bytes);
      survives(good.subarray(0, length));
    }),
    { seed: 4, numRuns: 2000 },
  );
});
