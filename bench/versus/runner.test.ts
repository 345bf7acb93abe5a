import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import type { Case } from "./cases.ts";
import { levelsOf, peaksOf } from "./limits.ts";
import { measure, type Pace, warmUp } from "./measure.ts";
import { peak } from "./peak.ts";
import { CannotDo, type Contestant, Runner } from "./runner.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const c: Case = { workload: "F", kind: "forward", cell: "rnn", layers: 1, form: "after", L: 3, B: 2, I: 2, H: 2, O: 0, quick: false };
const pace: Pace = { rounds: 2, turn: 1, warm: [0, 0], patience: 1000 };

/** h' = tanh(Wx x + bx + Wh h + bh) in plain loops: a library like any other, in the words of bench/peers/host.mjs. */
const honest = `
export const describe = () => ({ name: "loops", version: "1" });
export const prepare = ({ L, B, I, H, values: { x, wx, wh, bx, bh } }) => ({
  run() {
    const y = new Float32Array(L * B * H);
    for (let t = 0; t < L; t++) for (let b = 0; b < B; b++) for (let j = 0; j < H; j++) {
      let sum = bx[j] + bh[j];
      for (let i = 0; i < I; i++) sum += wx[j * I + i] * x[(t * B + b) * I + i];
      for (let i = 0; i < H && t > 0; i++) sum += wh[j * H + i] * y[((t - 1) * B + b) * H + i];
      y[(t * B + b) * H + j] = Math.tanh(sum);
    }
    return y;
  },
  read: (y) => ({ y: Y }),
});`;

/** A library on one thread whose adapter is `code`. */
function library(key: string, code: string, rest: Partial<Contestant> = {}): Contestant {
  const file = join(folder, `${key}.mjs`);
  writeFileSync(file, code);
  return { key, ours: false, threads: 1, jit: false, command: process.execPath, args: ["bench/peers/host.mjs", file, '{"threads":1}'], ...rest };
}
const good = honest.replace("y: Y", "y");

test("who dies, has no such function, is not installed or computes something else is left out with the reason; the others are timed", async () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  const cannot = `import { Cannot } from ${JSON.stringify(join(process.cwd(), "bench/peers/cannot.mjs"))};\n`;
  const result = await measure(
    c,
    [
      library("good", good),
      library("dies", good.replace("run() {", 'run() { console.error("no room left"); process.exit(3);')),
      library("dies-later", good.replace("export const prepare", "let calls = 0;\nexport const prepare").replace("run() {", "run() { if (++calls > 2) process.exit(3);")),
      library("throws", good.replace("run() {", 'run() { throw new Error("out of luck");')),
      library("cannot", `${cannot}${good.replace("run() {", 'run() { throw new Cannot("no such cell");')}`),
      library("wrong", honest.replace("y: Y", "y: y.map((v) => 1.001 * v)")),
      library("tolerated", honest.replace("y: Y", "y: y.map((v) => 1.001 * v)"), { tolerance: 0.01 }),
      library("absent", good, { absent: "it is not installed" }),
      library("elsewhere", good, { workloads: ["S"] }),
      { ...library("unstartable", good), command: join(folder, "nothing") },
    ],
    pace,
    folder,
  );
  said.mockRestore();
  expect(result.results.map(({ key }) => key)).toEqual(["good", "tolerated"]);
  const [first, second] = result.results;
  expect(first).toMatchObject({ name: "loops", version: "1", ours: false, threads: 1 });
  expect(first!.times).toHaveLength(2);
  expect(first!.times.every((t) => t > 0)).toBe(true);
  expect(first!.off).toBeLessThan(1e-6);
  expect(second!.off).toBeGreaterThan(1e-4);
  expect(Object.keys(result.without).sort()).toEqual(["absent", "cannot", "dies", "dies-later", "throws", "unstartable", "wrong"]);
  expect(result.without["absent"]).toBe("it is not installed");
  expect(result.without["cannot"]).toBe("no such cell");
  expect(result.without["dies"]).toMatch(/^failed: dies: ended without an answer; it said: no room left/);
  expect(result.without["dies-later"]).toMatch(/^failed: dies-later: ended without an answer/);
  expect(result.without["throws"]).toMatch(/^failed: throws: Error: out of luck/);
  expect(result.without["wrong"]).toMatch(/^failed: wrong: its numbers are .*e-4 off, expected at most 0.0001; not timed/);
  expect(result.without["unstartable"]).toMatch(/^failed: unstartable: ended without an answer; it said: .*(ENOENT|No such file)/);
});

const taskset = process.platform === "linux" && spawnSync("taskset", ["--version"]).status === 0;
test.skipIf(!taskset)("who runs on one thread has one core", async () => {
  const file = join(folder, "empty.f32");
  writeFileSync(file, "");
  const counting = `import { availableParallelism } from "node:os";\n${good.replace('version: "1"', "version: String(availableParallelism())")}`;
  const runner = new Runner(library("counts", counting));
  expect(await runner.prepare(c, file, {})).toMatchObject({ version: "1" });
  runner.end();
});

test("a turn is as long as asked for, though the first run took a hundred times as long as the others", async () => {
  const asked: number[] = [];
  const runner = {
    who: { ...library("cold", good), jit: true },
    run: async (calls: number) => {
      const ms = asked.length === 0 ? 20 : 0.2;
      asked.push(calls);
      return { wall: ms, cpu: ms };
    },
  } as unknown as Runner;
  const { turn } = await warmUp(runner, c, { rounds: 2, turn: 50, warm: [0, 100], patience: 3000 });
  const sum = asked.slice(1).reduce((ms, calls) => ms + 0.2 * calls, 20);
  expect(sum).toBeGreaterThanOrEqual(100);
  expect(sum).toBeLessThan(200);
  expect((await turn()).time).toBe(0.2);
  expect(asked.at(-1)).toBe(250);
});

/** Its peak is the number of runs so far, so that it tells when it was asked for. */
const answering = `let runs = 0;\nexport const peak = () => 100 + runs;\n${good.replace("run() {", "run() { runs++;")}`;

test("the peak is met before each turn of ours, by its process; not of what rounds, nor of others, who cannot say", async () => {
  const who = [library("mine", answering, { ours: true }), library("rounds", answering, { ours: true, tolerance: 0.01 }), library("other", good)];
  const { results, without } = await measure(c, who, { ...pace, rounds: 3 }, folder);
  expect(without).toEqual({});
  const [mine, rounds, other] = results;
  expect(mine!.peaks).toHaveLength(3);
  // The check and the first run are over before the first turn; each turn adds at least one.
  expect(mine!.peaks[0]).toBeGreaterThanOrEqual(102);
  expect(mine!.peaks[1]).toBeGreaterThan(mine!.peaks[0]!);
  expect(mine!.peaks[2]).toBeGreaterThan(mine!.peaks[1]!);
  expect([rounds!.peaks, other!.peaks]).toEqual([[], []]);
});

test("limits: the median peak of each of ours that has one", async () => {
  const counting = `let asked = 0;\nexport const peak = () => [7, 1, 2, 3, 40, 5, 6, 4, 9][asked++];\n${good}`;
  expect(await peaksOf([library("mine", counting, { ours: true }), library("rounds", counting, { ours: true, tolerance: 0.01 }), library("other", good)])).toEqual({ mine: 5 });
});

test("limits: levels of memory with the speeds of each reading, one thread first", () => {
  const [alone, all] = [{ L1: { bytes: 24, speed: 400 }, L2: { bytes: 512, speed: 200 } }, { L1: { bytes: 24, speed: 780 }, L2: { bytes: 512, speed: 390 } }];
  expect(levelsOf([alone, all])).toEqual({ L1: { bytes: 24, speeds: [400, 780] }, L2: { bytes: 512, speeds: [200, 390] } });
  expect(levelsOf([alone])).toEqual({ L1: { bytes: 24, speeds: [400] }, L2: { bytes: 512, speeds: [200] } });
});

test("our adapter knows the peak of WebAssembly", () => {
  expect(peak({ backend: "wasm" })).toBeGreaterThan(0);
});

test("two threads answer, each time they are asked", async () => {
  const { peak: together } = await import("./peak.ts?two" as "./peak.ts"); // one process, one backend: a module of its own
  for (let i = 0; i < 3; i++) expect(together({ backend: "wasm", threads: 2 })).toBeGreaterThan(0);
});

test("who does not answer is ended and left out", async () => {
  const file = join(folder, "empty.f32");
  writeFileSync(file, "");
  const runner = new Runner(library("hangs", good.replace("run() {", "run() { for (;;);")));
  await runner.prepare(c, file, {});
  await expect(runner.check(join(folder, "out.f32"), 1, 100)).rejects.toThrow(CannotDo);
  await expect(runner.usage()).rejects.toThrow(/ended without an answer/);
  runner.end();
});
