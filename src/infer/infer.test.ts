/** The model at work without its training code. Truth: the forecaster that was trained. */
import { expect, test } from "vitest";
import type { Table } from "../data/table.ts";
import { createEngine } from "../engine/index.ts";
import { encodeModel } from "../formats/model.ts";
import { forecast } from "../tasks/index.ts";
import { load } from "./index.ts";

const rows = 400;
const hour = 3_600_000;
const times = Float64Array.from({ length: rows }, (_, t) => Date.UTC(2024, 0, 1) + t * hour);
const demand = Float64Array.from(times, (_, t) => 10 + 3 * Math.sin((2 * Math.PI * t) / 24) + 0.3 * Math.cos(t * 1.7));
const heat = Float64Array.from(times, (_, t) => Math.cos((2 * Math.PI * t) / 24));
const kind = Array.from(times, (_, t) => (t % 5 === 0 ? "a" : "b"));
const table: Table = {
  source: "made up",
  rows,
  notes: [],
  columns: [
    { name: "when", kind: "time", values: times },
    { name: "demand", kind: "number", values: demand },
    { name: "heat", kind: "number", values: heat },
    { name: "kind", kind: "text", values: kind },
  ],
};

async function trained() {
  const engine = createEngine({ simd: "plain" });
  const run = forecast.train(table, { targets: "demand", past: ["heat", "kind"], horizon: 6, lookback: 24, hidden: 8, epochs: 2 }, { engine });
  for (;;) {
    const { value, done } = await run.next();
    if (done) return value.model;
  }
}

test("a saved forecaster gives the same bits in sluice/infer, and says clearly what it lacks", async () => {
  const model = await trained();
  const bytes = encodeModel(model.toFile("test"));
  const light = await load(bytes, "demand.safetensors");
  expect(light).toMatchObject({ task: "forecast", lookback: 24, horizon: 6, columns: { targets: ["demand"] } });
  const expected = forecast.predict(model, table).forecasts;
  const columns = { demand, heat, kind };
  expect(light.predict({ times, columns })).toEqual(expected);
  expect(light.predict({ times: Array.from(times, (t) => new Date(t)), columns })).toEqual(expected);
  expect(() => light.predict({ columns })).toThrow(/times are missing/);
  for (const bad of [null, undefined, Number.NaN, Infinity, new Date("x")]) {
    const broken = Array.from(times, (t, i) => (i === 390 ? (bad as unknown as number) : t));
    expect(() => light.predict({ times: broken, columns })).toThrow("input, row 391: the time is missing");
  }
  expect(() => light.predict({ times, columns: { demand, heat } })).toThrow(/column "kind" is not there/);
  expect(() => light.predict({ times, columns: { ...columns, heat: heat.slice(1) } })).toThrow(/column "heat" has 399 rows, expected 400/);
  const few = { demand: demand.slice(0, 20), heat: heat.slice(0, 20), kind: kind.slice(0, 20) };
  expect(() => light.predict({ times: times.slice(0, 20), columns: few })).toThrow(/has 20 rows up to its last measured target, expected at least 24/);
  await expect(load(bytes.subarray(0, 1000), "cut.safetensors")).rejects.toThrow(/cut\.safetensors/);
});
