/** Model files that nobody vouches for. Truth: each says one thing that cannot be meant, and must be refused by name before anything is built. */
import { beforeAll, describe, expect, test } from "vitest";
import { SluiceError } from "../../base/errors.ts";
import type { Table } from "../../data/table.ts";
import { createEngine } from "../../engine/index.ts";
import { decodeModel, encodeModel, type ModelFile } from "../../formats/model.ts";
import * as forecast from "./index.ts";

const rows = 300;
const hour = 3_600_000;
const table: Table = {
  source: "made up",
  rows,
  notes: [],
  columns: [
    { name: "time", kind: "time", values: Float64Array.from({ length: rows }, (_, t) => Date.UTC(2024, 0, 1) + t * hour) },
    { name: "y", kind: "number", values: Float64Array.from({ length: rows }, (_, t) => Math.sin(t / 4) + 0.1 * Math.cos(t * t)) },
    { name: "x", kind: "number", values: Float64Array.from({ length: rows }, (_, t) => Math.cos(t / 3)) },
  ],
};

let file: ModelFile;
let checkpoint: ModelFile;
beforeAll(async () => {
  const run = forecast.train(table, { targets: "y", past: ["x"], horizon: 6, lookback: 24, hidden: 4, epochs: 1, calendar: true }, { checkpoint: (c) => void (checkpoint = c), engine: createEngine({ simd: "plain" }) });
  for (;;) {
    const { value, done } = await run.next();
    if (!done) continue;
    file = value.model.toFile("test");
    break;
  }
});

type Json = Record<string, unknown>;
/** `from` with the value at a path replaced, or left out. */
function changed(from: Json, path: string, value: unknown): Json {
  const [key, ...rest] = path.split(".");
  return { ...from, [key!]: rest.length > 0 ? changed(from[key!] as Json, rest.join("."), value) : value };
}
const bytesOf = (path: string, value: unknown, from = file) => encodeModel(changed(from as unknown as Json, path, value) as unknown as ModelFile);
const load = (path: string, value: unknown) => forecast.load(bytesOf(path, value), "x.safetensors", createEngine({ simd: "plain" }));

describe("a file is refused by the name of what cannot be meant", () => {
  test.each<[string, unknown]>([
    ["config.network.layers", 100_000],
    ["config.network.cell", "transformer"],
    ["config.network.dropout", "half"],
    ["config.network.outputs", 2],
    ["config.output.quantiles", [0.9, 0.5, 0.1]],
    ["config.output.quantiles", [0.1, 0.4, 0.9]],
    ["config.output.quantiles", undefined],
    ["config.output.stretch", [1, 1]],
    ["config.output.stretch", ["1", "1", "1"]],
    ["preprocessing.season", 0],
    ["preprocessing.season", 1.5],
    ["preprocessing.season", 1e300],
    ["preprocessing.maxGap", -1],
    ["preprocessing.timed", false],
    ["preprocessing.freq.step", 0],
    ["preprocessing.freq.unit", "lightyear"],
    ["preprocessing.freq.name", undefined],
    ["preprocessing.categories", undefined],
    ["preprocessing.categories", { x: "red" }],
    ["preprocessing.calendar", ["day.sin", "moon.cos"]],
    ["preprocessing.scaler", undefined],
    ["preprocessing.scaler.kind", "magic"],
    ["preprocessing.scaler.width", 3],
    ["preprocessing.scaler.all.center", undefined],
    ["preprocessing.scaler.all.center", [1]],
    ["preprocessing.scaler.all.scale", [1, 0]],
    ["preprocessing.scaler.all.scale", [1, "2"]],
    ["preprocessing.scaler.series", { a: { center: [0, 0], scale: [1, -1] } }],
  ])("%s is %j", (path, value) => {
    const named = path.replace(/^(preprocessing\.(freq|scaler)).*/, "$1");
    expect(() => load(path, value)).toThrow(expect.objectContaining({ name: "SluiceError", code: "format" }));
    expect(() => load(path, value)).toThrow(new RegExp(`^x\\.safetensors: ${named.replaceAll(".", "\\.")} is `));
  });

  test("weights that are whole numbers", () => {
    const name = Object.keys(file.tensors).at(-1)!;
    const { shape, data } = (file.tensors as unknown as Record<string, { shape: number[]; data: Float32Array }>)[name]!;
    const tensors = { ...file.tensors, [name]: { dtype: "I64", shape, data: new BigInt64Array(data.length) } };
    expect(() => load("tensors", tensors)).toThrow(new RegExp(`tensor "${name}" holds I64, expected F32`));
  });
});

test("a season longer than all rows, and a split from a file, cannot break a scoring", () => {
  const model = load("preprocessing.season", 1_000_000_000);
  const { evaluation } = forecast.evaluate(model, table);
  expect(evaluation.baselines["seasonal"]!.mse).toBe(evaluation.baselines["last"]!.mse);
  expect(evaluation.network.mase).toBe(null);
  for (const spec of [{ by: "magic" }, { by: "counts", train: -5, valid: 100, test: 100 }, { by: "counts", train: 100.5, valid: 50, test: 50 }, { by: "fractions", train: 0.9, valid: 0.9, test: 0.9 }, { by: "fractions", train: "x" }, { by: "dates", valid: null, test: 1 }, 7]) {
    expect(() => forecast.evaluate(load("provenance.splitSpec", spec), table), JSON.stringify(spec)).toThrow(SluiceError);
  }
});

test.each<[string, unknown]>([
  ["checkpoint", {}],
  ["checkpoint.hash", 7],
  ["checkpoint.options", null],
  ["checkpoint.train", { version: 1 }],
  ["checkpoint.train.rng", undefined],
  ["checkpoint.train.rng.now", { key: [1] }],
  ["checkpoint.train.optimizer.counters", { "network.output.weight": -1 }],
  ["checkpoint.train.epoch", "many"],
  ["checkpoint.train.index", 1e9],
  ["checkpoint.train.schedule", null],
  ["checkpoint.train.best", 3],
])("a checkpoint whose %s is %j is refused in words", async (path, value) => {
  const resume = decodeModel(bytesOf(path, value, checkpoint), "c.ckpt");
  const run = forecast.train(table, { targets: "y", horizon: 6, epochs: 2 }, { resume, engine: createEngine({ simd: "plain" }) });
  await expect((async () => { for await (const _ of run); })()).rejects.toThrow(SluiceError);
});
