/** A forecaster fed row by row. Truth: `predict` on a table of all rows so far, number for number. */
import { beforeAll, describe, expect, test } from "vitest";
import { Rng } from "../../base/random.ts";
import type { Column, Table } from "../../data/table.ts";
import { createEngine } from "../../engine/index.ts";
import { encodeModel } from "../../formats/model.ts";
import type { ForecastRow } from "./stream.ts";
import * as forecast from "./index.ts";

const hour = 3_600_000;
const start = Date.UTC(2024, 0, 1);
const [L, M] = [12, 3];

/** Rows of a demand with a daily wave, a measured covariate, a plan that is known ahead, and a kind of day. */
function world(n: number, seed = 1) {
  const rng = new Rng(seed);
  return Array.from({ length: n }, (_, t) => ({
    time: start + t * hour,
    demand: 10 + 3 * Math.sin((2 * Math.PI * t) / 24) + rng.normal(),
    heat: rng.normal() as number | null,
    plan: rng.uniform(),
    kind: t % 5 === 0 ? "a" : "b",
  }));
}
type WorldRow = { time: number; demand: number | null; heat: number | null; plan: number; kind: string | null };

function tableOf(rows: readonly WorldRow[], more: Column[] = [], timed = true): Table {
  const number = (name: "demand" | "heat" | "plan"): Column => ({ name, kind: "number", values: Float64Array.from(rows, (r) => r[name] ?? Number.NaN) });
  const columns: Column[] = [number("demand"), number("heat"), number("plan"), { name: "kind", kind: "text", values: rows.map((r) => r.kind ?? "") }, ...more];
  if (timed) columns.push({ name: "when", kind: "time", values: Float64Array.from(rows, (r) => r.time) });
  return { source: "made up", rows: rows.length, notes: [], columns };
}

async function train(table: Table, options: Omit<forecast.ForecastOptions, "horizon">): Promise<forecast.Forecaster> {
  const run = forecast.train(table, { horizon: M, lookback: L, hidden: 4, epochs: 1, ...options }, { engine: createEngine({ simd: "plain" }) });
  for (;;) {
    const { value, done } = await run.next();
    if (done) return value.model;
  }
}

/** The row as a stream takes it. */
const rowOf = ({ time, ...values }: WorldRow): ForecastRow => ({ time, values });
/** Predict on all rows up to `t`; null where it has too few. */
function due(model: forecast.Forecaster, rows: readonly WorldRow[], ahead: readonly WorldRow[] = []) {
  const future = ahead.map((r) => ({ ...r, demand: null, heat: null, kind: null }));
  return forecast.predict(model, tableOf([...rows, ...future])).forecasts[0]!;
}

let plain: forecast.Forecaster; // reads demand, heat, kind
let known: forecast.Forecaster; // reads demand and the plan ahead
beforeAll(async () => {
  const table = tableOf(world(400));
  plain = await train(table, { targets: "demand", past: ["heat", "kind"] });
  known = await train(table, { targets: "demand", future: ["plan"] });
});
const seen = ({ plan: _, ...row }: WorldRow) => row as WorldRow;

describe("equal to predict on all rows so far", () => {
  test("from the first row that is enough, long after the first have been given up", () => {
    const s = plain.stream();
    const rows = world(5 * L, 2);
    for (const [t, row] of rows.entries()) {
      const got = s.push(rowOf(seen(row)));
      if (t + 1 < L) expect(got).toBeNull();
      else expect(got).toEqual(due(plain, rows.slice(0, t + 1)));
    }
    expect(s.rows).toBe(5 * L);
    s.reset();
    expect(s.rows).toBe(0);
    expect(s.push(rowOf(seen(rows[0]!)))).toBeNull();
  });

  test("with missing values, absent steps and targets that stay away", () => {
    const rng = new Rng(3);
    let compared = 0;
    for (let seed = 0; seed < 6; seed++) {
      const s = plain.stream();
      const rows: WorldRow[] = [];
      for (const [t, whole] of world(6 * L, seed).entries()) {
        const row: WorldRow = { ...whole };
        if (rng.uniform() < 0.2) row.heat = null;
        if (rng.uniform() < 0.1) row.kind = null;
        if (rng.uniform() < 0.2 || (t > 3 * L && t < 3 * L + 2 + seed)) row.demand = null;
        if (t > 0 && (rng.uniform() < 0.1 || (t > 4 * L && t < 4 * L + 3 * seed))) continue; // no row at all
        rows.push(row);
        const got = s.push(rowOf(seen(row)));
        const last = rows.findLastIndex((r) => r.demand !== null);
        const steps = last < 0 ? 0 : (rows[last]!.time - rows[0]!.time) / hour + 1;
        if (steps < L) expect(got).toBeNull();
        else {
          expect(got).toEqual(due(plain, rows));
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(150);
  });

  test("with gaps as long as are filled, across the beginning of the look-back, and targets that stay away as long as may be", () => {
    for (const away of [0, 1, L - 1, L, 2 * L]) {
      for (const gap of [1, L - 1, L, L + 1]) {
        const n = 6 * L;
        const first = n - away - L; // of the rows looked back on
        for (const reach of [1, gap]) {
          const rows: WorldRow[] = world(n, gap).map((r, t) => ({
            ...r,
            heat: t > first - gap + reach - 1 && t < first + reach ? null : r.heat,
            demand: t >= n - away ? null : r.demand,
          }));
          const s = plain.stream();
          const got = rows.map((row) => s.push(rowOf(seen(row)))).at(-1);
          expect(got).toEqual(due(plain, rows));
        }
      }
    }
  });

  test("after a silence of any length", () => {
    for (const silence of [L - 1, 3 * L, 4 * L - 2, 4 * L - 1, 4 * L, 10 * L]) {
      const s = plain.stream();
      const rows: WorldRow[] = world(2 * L + silence + 3, 11).filter((_, t) => t < 2 * L || t >= 2 * L + silence);
      for (const [t, row] of rows.entries()) {
        const got = s.push(rowOf(seen(row)));
        if (t + 1 >= L) expect(got).toEqual(due(plain, rows.slice(0, t + 1)));
      }
    }
  });

  test("with columns known ahead", () => {
    const s = known.stream();
    const rows = world(3 * L + M, 4);
    for (let t = 0; t < 3 * L; t++) {
      const { time, demand, plan } = rows[t]!;
      const ahead = rows.slice(t + 1, t + 1 + M);
      const got = s.push({ time: new Date(time), values: { demand, plan }, future: { plan: ahead.map((r) => r.plan) } });
      if (t + 1 >= L) expect(got).toEqual(due(known, rows.slice(0, t + 1), ahead));
    }
  });

  test("where rows are counted, and of a series with its own scales", async () => {
    const rows = world(200, 5);
    const ids = rows.map((_, t) => (t < 100 ? "low" : "high"));
    const scaled = rows.map((r, t) => ({ ...r, demand: t < 100 ? r.demand : 100 * r.demand }));
    const table = tableOf(scaled, [{ name: "id", kind: "text", values: ids }], false);
    const model = await train(table, { targets: "demand", id: "id", time: false });
    const s = model.stream({ id: "high" });
    const mine = scaled.slice(100, 100 + 4 * L + 1);
    for (const [t, { demand }] of mine.entries()) {
      const got = s.push({ values: { demand } });
      if (t + 1 < L) continue;
      const so = mine.slice(0, t + 1);
      const all = tableOf(so, [{ name: "id", kind: "text", values: so.map(() => "high") }], false);
      expect(got).toEqual(forecast.predict(model, all).forecasts[0]);
    }
    expect(() => model.stream()).toThrow(/id is missing, expected the name of the series; the model tells series apart by column "id"/);
  });
});

test("no forecast while the last target lies too far back, and again one when it returns", () => {
  const s = plain.stream();
  const rows: WorldRow[] = world(8 * L, 6).map((r, t) => ({ ...r, demand: t >= 2 * L && t < 6 * L ? null : r.demand }));
  const got = rows.map((row) => s.push(rowOf(seen(row))));
  expect(got[2 * L]).toEqual(due(plain, rows.slice(0, 2 * L + 1)));
  expect(got[4 * L - 1]).toEqual(due(plain, rows.slice(0, 4 * L)));
  expect(got[4 * L]).toBeNull();
  expect(got[6 * L - 1]).toBeNull();
  expect(got[6 * L]).toEqual(due(plain, rows.slice(0, 6 * L + 1)));
  expect(got.at(-1)).toEqual(due(plain, rows));
});

test("the saved model streams the same in sluice/infer", async () => {
  const { load } = await import("../../infer/index.ts");
  const light = (await load(encodeModel(plain.toFile("test")))).stream();
  const s = plain.stream();
  for (const row of world(L + 4, 7)) expect(light.push(rowOf(seen(row)))).toEqual(s.push(rowOf(seen(row))));
});

test("what does not fit is refused and the row not taken in", () => {
  const s = plain.stream();
  const rows = world(L + 2, 8).map(seen);
  for (const row of rows.slice(0, L)) s.push(rowOf(row));
  const next = rowOf(rows[L]!);
  const odd: [ForecastRow, RegExp][] = [
    [{ values: next.values }, /time of row 13 is missing, expected a date or UTC milliseconds; the model reads the calendar/],
    [{ ...next, time: new Date("yesterday") }, /time of row 13 is Invalid Date, expected a date or UTC/],
    [{ ...next, time: rows[L - 1]!.time }, /time of row 13 is 2024-01-01T11:00:00.000Z, expected one after 2024-01-01T11:00:00.000Z; rows come in their order/],
    [{ ...next, values: { ...next.values, heta: 1 } }, /column "heta" is not one that the model reads, expected demand, heat, kind. Did you mean "heat"\?/],
    [{ ...next, values: { demand: 1, kind: "a" } }, /row 13: column "heat" is missing, expected a value, or null where nothing was measured/],
    [{ ...next, values: { ...next.values, demand: "12" } }, /row 13: column "demand" is "12", expected a number or null/],
    [{ ...next, values: { ...next.values, heat: Infinity } }, /row 13: column "heat" is Infinity, expected a finite number/],
    [{ ...next, values: { ...next.values, heat: 1e39 } }, /column "heat" is 1e\+39, expected a finite number/],
  ];
  for (const [row, message] of odd) expect(() => s.push(row)).toThrow(message);
  expect(s.rows).toBe(L);
  expect(s.push(next)).toEqual(due(plain, rows.slice(0, L + 1)));

  const ahead = known.stream();
  for (const { time, demand, plan } of world(L - 1, 9)) ahead.push({ time, values: { demand, plan } });
  const { time, demand, plan } = world(L, 9)[L - 1]!;
  const row = { time, values: { demand, plan } };
  expect(() => ahead.push(row)).toThrow(/row 12: future "plan" is missing, expected 3, one for each step of the horizon/);
  expect(() => ahead.push({ ...row, future: { plan: [1, 2] } })).toThrow(/future "plan" has 2 values, expected 3/);
  expect(() => ahead.push({ ...row, future: { plan: [1, 2, null] } })).toThrow(/"plan" of the series is missing 3 steps after the last target/);
  expect(ahead.rows).toBe(L - 1);
  expect(ahead.push({ ...row, future: { plan: [1, 1, 2] } })).not.toBeNull();
});
