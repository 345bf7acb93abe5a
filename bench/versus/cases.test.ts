import { expect, test } from "vitest";
import { fingerprint } from "../../src/base/hash.ts";
import { type Case, flopsOf, idOf, sizesOf, valuesOf, weightBytesOf, workloads } from "./cases.ts";

const all = Object.values(workloads).flatMap(({ cases }) => cases);
const tiny: Case = { workload: "TR", kind: "train", cell: "lstm", layers: 2, form: "after", L: 3, B: 2, I: 4, H: 5, O: 0, quick: false };

test("every case has a name of its own, and every workload something for a quick run", () => {
  expect(new Set(all.map(idOf)).size).toBe(all.length);
  for (const [name, { cases }] of Object.entries(workloads)) {
    expect(cases.some(({ quick }) => quick), name).toBe(true);
    expect(cases.every(({ workload }) => workload === name)).toBe(true);
  }
});

test("the sizes that the issue asks for are there", () => {
  const of = (name: string) => workloads[name]!.cases.filter((c) => c.form === "after" && c.cell === "gru");
  expect(of("S").map((c) => [c.B, c.layers, c.H])).toEqual([[1, 1, 16], [1, 1, 32], [1, 1, 64], [1, 1, 128], [1, 1, 256], [1, 1, 512], [1, 2, 256], [1000, 1, 64]]);
  expect(of("F").map((c) => [c.L, c.B, c.I, c.H])).toEqual([[100, 64, 128, 128], [100, 64, 256, 256], [128, 32, 512, 512], [50, 1, 64, 64], [1000, 1, 128, 128]]);
  expect(of("TR").map((c) => [c.L, c.B, c.H, c.layers])).toEqual([[100, 64, 128, 1], [100, 64, 256, 1], [128, 32, 512, 1], [100, 64, 256, 2]]);
  expect(workloads["TR"]!.cases.map(({ cell }) => cell)).toEqual(expect.arrayContaining(["lstm", "rnn"]));
});

test("values are the same every time: the bits of a case as they were when the figures of the documentation were measured", () => {
  const values = valuesOf(tiny);
  const bytes = Buffer.concat(Object.values(values).map((v) => Buffer.from(v.buffer)));
  expect(Object.entries(values).map(([name, v]) => `${name} ${v.length}`).join(", ")).toBe(
    "x 24, wx 80, wh 100, bx 20, bh 20, wx1 100, wh1 100, bx1 20, bh1 20, target 30",
  );
  expect(fingerprint(bytes)).toMatchInlineSnapshot(`"10a074bf91a2a183"`);
  expect(valuesOf(tiny)).toEqual(values);
});

test("weights lie within 1/√H, a reset-before GRU has one bias, tokens are whole numbers below O", () => {
  expect(Math.max(...valuesOf(tiny)["wh1"]!.map(Math.abs))).toBeLessThanOrEqual(Math.fround(1 / Math.sqrt(5)));
  const before = valuesOf({ ...tiny, cell: "gru", layers: 1, form: "before" });
  expect(before["bh"]!.length).toBe(15);
  expect(before["bh"]!.every((v) => v === 0)).toBe(true);
  expect(before["bx"]!.some((v) => v !== 0)).toBe(true);
  const language = valuesOf({ ...tiny, kind: "language", cell: "gru", O: 7 });
  for (const name of ["x", "target"]) expect([...language[name]!].every((v) => Number.isInteger(v) && v >= 0 && v < 7), name).toBe(true);
});

test("operations and bytes, counted by hand", () => {
  // 3 steps × 2 items × 4 gates × 5 units × (4 inputs + 5 states, then 5 + 5), two operations each, forward and twice that backward.
  expect(flopsOf(tiny)).toBe(3 * 2 * (3 * 2 * 4 * 5 * 19));
  expect(weightBytesOf(tiny)).toBe(4 * 4 * 5 * 19);
  expect(flopsOf({ ...tiny, kind: "step", cell: "gru", layers: 1, B: 1 })).toBe(2 * 3 * 5 * 9);
  expect(flopsOf({ ...tiny, kind: "forecaster", cell: "rnn", layers: 1, O: 6 })).toBe(3 * 2 * (3 * 2 * 5 * 9 + 2 * 6 * 5));
  expect(sizesOf({ ...tiny, kind: "step", B: 1000 })).toBe("1000 sessions I=H=5");
});
