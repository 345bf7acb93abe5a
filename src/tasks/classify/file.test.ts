/** Model files that nobody vouches for. Truth: each says one thing that cannot be meant, and must be refused by name before anything is built. */
import { beforeAll, expect, test } from "vitest";
import { SluiceError } from "../../base/errors.ts";
import { createEngine } from "../../engine/index.ts";
import { encodeModel, type ModelFile } from "../../formats/model.ts";
import { restoreTokenizer } from "../../text/index.ts";
import * as classify from "./index.ts";

const engine = createEngine({ simd: "plain" });
let text: ModelFile;
let series: ModelFile;

const small = { hidden: 3, members: 1, epochs: 1, embedding: 4, gramBuckets: 8, wideBuckets: 16 };
async function made(train: classify.Labelled): Promise<ModelFile> {
  const run = classify.train({ train }, small, { engine });
  for (;;) {
    const { value, done } = await run.next();
    if (done) return value.model.toFile("test");
  }
}

beforeAll(async () => {
  const n = Array.from({ length: 20 }, (_, i) => i);
  const labels = n.map((i) => [i % 2 ? "odd" : "even"]);
  text = await made({ kind: "text", source: "t", texts: n.map((i) => `number ${i}`), labels, notes: [] });
  series = await made({ kind: "series", source: "s", channels: ["a", "b"], series: n.map((i) => ({ steps: 2, values: Float32Array.from([i, 1, i % 2, 0]) })), labels, notes: [] });
});

type Json = Record<string, unknown>;
/** `from` with the value at a path replaced. */
function changed(from: Json, path: string, value: unknown): Json {
  const [key, ...rest] = path.split(".");
  return { ...from, [key!]: rest.length > 0 ? changed(from[key!] as Json, rest.join("."), value) : value };
}
const load = (from: ModelFile, path: string, value: unknown) => classify.load(encodeModel(changed(from as unknown as Json, path, value) as unknown as ModelFile), "x.safetensors", engine);

test.each<[string, unknown]>([
  ["task", "forecast"],
  ["config.network", 3],
  ["config.network.input", "sound"],
  ["config.network.members", 1_000_000],
  ["config.network.layers", 0],
  ["config.network.width", 2 ** 40],
  ["config.network.width", 5],
  ["config.network.wide", 17],
  ["config.network.embedding", 0],
  ["config.network.hidden", 7],
  ["config.network.cell", "transformer"],
  ["config.network.pooling", "best"],
  ["config.network.bidirectional", "yes"],
  ["config.network.dropout", 1],
  ["config.network.classes", 1],
  ["config.classes", ["odd", "odd"]],
  ["config.classes", ["odd", "even", "neither"]],
  ["config.multiLabel", 1],
  ["config.piece", 0],
  ["config.calibration", { deep: "1", wide: 1 }],
  ["preprocessing.kind", "series"],
  ["preprocessing.units", null],
  ["preprocessing.units.split", "letters"],
  ["preprocessing.units.maxLength", -1],
  ["preprocessing.units.grams.to", 1e9],
  ["preprocessing.units.grams.buckets", 9],
  ["preprocessing.units.wide.order", 100],
  ["preprocessing.tokenizer", {}],
  ["preprocessing.tokenizer.tokens", ["a", "a"]],
])("a text classifier whose %s is %j is refused", (path, value) => {
  expect(() => load(text, path, value)).toThrow(SluiceError);
  expect(() => load(text, path, value)).toThrow(/x\.safetensors/);
});

test.each<[string, unknown]>([
  ["preprocessing.scale", null],
  ["preprocessing.scale.channels", ["a"]],
  ["preprocessing.scale.deviation", [1, 0]],
  ["preprocessing.scale.featureMean", [1]],
  ["config.network.width", 3],
  ["config.network.wide", 3],
])("a series classifier whose %s is %j is refused", (path, value) => {
  expect(() => load(series, path, value)).toThrow(SluiceError);
});

test("sizes that the file's own numbers cannot fill are refused before anything is built", () => {
  const used = engine.memory.usage.total;
  const wide = changed(changed(text as unknown as Json, "preprocessing.units.grams.buckets", 2 ** 26 - 100), "config.network.width", 0);
  const { size } = restoreTokenizer(text.preprocessing["tokenizer"], "x");
  expect(() => load(wide as unknown as ModelFile, "config.network.width", size + 2 ** 26 - 100)).toThrow(/config\.network is .* numbers can fill/);
  expect(() => load(text, "config.network.hidden", 30_000)).toThrow(/config\.network is .* numbers can fill/);
  expect(engine.memory.usage.total).toBe(used);
});

test("the files themselves are fine, and whatever a reading says does no harm", () => {
  expect(load(text, "provenance.reading", { column: 3 }).predictTexts(["number 3"])[0]!.probabilities).toHaveLength(2);
  const model = load(series, "writer", "x");
  expect(model.predictSeries(["a", "b"], [{ steps: 1, values: Float32Array.from([1, 1]) }])).toHaveLength(1);
  expect(() => model.predictSeries(["a"], [])).toThrow(/the series have 1 channels, expected 2/);
  expect(() => model.predictTexts(["x"])).toThrow(/the items are texts, expected series/);
});

test("any byte of it changed or cut off: the model, or a refusal", () => {
  const bytes = encodeModel(text);
  for (let i = 0; i < 200; i++) {
    const at = (i * 7919) % Math.min(bytes.length, 6000);
    const bad = i % 4 === 0 ? bytes.slice(0, at) : bytes.slice();
    if (i % 4 !== 0) bad[at] = bad[at]! ^ (1 << (i % 8));
    try {
      classify.load(bad, "x", engine);
    } catch (error) {
      expect(error).toBeInstanceOf(SluiceError);
    }
  }
});
