import { expect, test } from "vitest";
import type { Case } from "./cases.ts";
import { valuesOf } from "./cases.ts";
import { prepare } from "./ours.ts";
import { distance, LOSSES, TOLERANCE, type Truth, truthOf } from "./truth.ts";

const base: Case = { workload: "TR", kind: "train", cell: "gru", layers: 1, form: "after", L: 4, B: 3, I: 5, H: 6, O: 0, quick: false };
const wasm = { backend: "wasm", simd: "plain", threads: 1 } as const;

/** What our float32 side gives for a case: the numbers that the truth must recognise. */
async function computed(c: Case): Promise<Truth> {
  const values = valuesOf(c);
  const mine = prepare({ ...c, values }, wasm);
  if ("step" in mine) {
    let y = new Float32Array();
    for (let t = 0; t < c.L; t++) y = Float32Array.from(mine.step(values["x"]!.slice(t * c.B * c.I, (t + 1) * c.B * c.I)));
    return { y };
  }
  if (c.kind === "forward" || c.kind === "train") return mine.read(mine.run()) as Truth;
  const losses: number[] = [];
  for (let i = 0; i < LOSSES; i++) losses.push((await mine.run()) as number);
  return { losses };
}

test.each<Partial<Case>>([
  {},
  { form: "before" },
  { cell: "lstm", layers: 2 },
  { cell: "rnn" },
  { kind: "forward", cell: "lstm" },
  { kind: "step", B: 1 },
  { kind: "step", layers: 2 },
  { kind: "step", cell: "lstm", B: 1 },
  { kind: "forecaster", O: 2 },
  { kind: "language", layers: 2, O: 7 },
])("float32 is as near to float64 as float32 can be: %o", async (part) => {
  const c = { ...base, ...part };
  const off = distance(await computed(c), await truthOf(c, valuesOf(c)));
  expect(off).toBeGreaterThan(0);
  expect(off).toBeLessThan(2e-6);
});

test("a gradient that is wrong is seen, whichever it is and however small its share of the numbers", async () => {
  const truth = await truthOf(base, valuesOf(base));
  const right = await computed(base);
  expect(Object.keys(right).sort()).toEqual(["dbh", "dbx", "dh0", "dwh", "dwx", "dx"]);
  for (const name of Object.keys(right)) {
    const wrong = Float32Array.from(right[name]!);
    wrong[wrong.length - 1]! += 0.01 * Math.hypot(...wrong);
    expect(distance({ ...right, [name]: wrong }, truth), name).toBeGreaterThan(50 * TOLERANCE);
    expect(distance({ ...right, [name]: wrong.map((v) => -v) }, truth), name).toBeGreaterThan(1);
  }
});

test("numbers that are missing, too many, unnamed or no numbers are infinitely far", () => {
  const truth = { y: [1, 2, 3], dwx: [3, 4] };
  expect(distance({ y: [1, 2, 3.5] }, truth)).toBe(0.5);
  expect(distance({ dwx: [3, 4.5] }, truth)).toBeCloseTo(0.1, 12);
  expect(distance({ loss: [99], y: [1, 2, 3] }, truth)).toBe(0);
  const odd: Truth[] = [{}, { y: [1, 2] }, { y: [1, 2, 3, 4] }, { z: [1] }, { y: [1, Number.NaN, 3] }];
  for (const got of odd) expect(distance(got, truth)).toBe(Infinity);
});
