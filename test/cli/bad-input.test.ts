/** @file Bad tables and wrong words: each error names the place, what was found and expected, and the way out; nothing is left behind. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type Ended, lastJson, shell, sluice, tiny, workFolder, writeLoads } from "./sluice.ts";

const folder = workFolder();
const at = (name: string) => join(folder, name);
beforeAll(() => {
  writeLoads(at("loads.csv"), 600);
  writeLoads(at("oops.csv"), 600, (i, load) => (i === 300 ? "oops" : load));
  writeLoads(at("flat.csv"), 600, () => 5);
  writeLoads(at("short.csv"), 20);
  writeLoads(at("infinite.csv"), 600, (i, load) => (i === 30 ? "1e999" : load));
  writeLoads(at("holes.csv"), 900, (i, load) => (i % 50 === 7 || (i > 400 && i < 440) ? "" : load));
  writeFileSync(at("empty.csv"), "");
  writeFileSync(at("head.csv"), "time,load\n");
  writeFileSync(at("zip.csv"), Buffer.from([0x50, 0x4b, 3, 4, 0, 0]));
});

/** One line on stderr, beginning with the program's name. */
function expectError(run: Ended, code: number, ...parts: string[]): void {
  expect(run.stderr).toMatch(/^sluice: .+\n$/);
  for (const part of parts) expect(run.stderr).toContain(part);
  expect(run.code).toBe(code);
}

const train = (data: string, ...words: string[]) => sluice(folder, ["train", "forecast", data, ...words]);

test.each([
  [
    "a missing column",
    "loads.csv",
    ["--target", "laod"],
    'column "laod" is not there, expected one of: time, load, warmth. Did you mean "load"?',
  ],
  ["a cell that is no number", "oops.csv", ["--target", "load"], 'oops.csv: row 302, column "load" is "oops", expected a number'],
  ["a constant target", "flat.csv", ["--target", "load"], 'target "load" is 5 in every row'],
  ["an infinite value", "infinite.csv", ["--target", "load"], 'infinite.csv, row 32: column "load" is Infinity'],
  [
    "too few rows",
    "short.csv",
    ["--target", "load", "--lookback", "50"],
    "has 20 rows (steps of 1h), expected at least 68 = look-back 50 + 3 × horizon 6",
  ],
  ["an empty file", "empty.csv", ["--target", "load"], "empty.csv: the file is empty"],
  ["a header without rows", "head.csv", ["--target", "load"], "no row below it"],
  ["a file that is no table", "zip.csv", ["--target", "load"], "a zip archive"],
  ["no file", "nothing.csv", ["--target", "load"], "nothing.csv: there is no such file"],
  ["a size that fits no memory", "loads.csv", ["--target", "load", "--hidden", "100000"], "bytes), expected at most"],
])("%s", async (_, data, words, part) => {
  const before = readdirSync(folder);
  expectError(await train(data, "--horizon", "6", ...words), 1, part);
  expect(readdirSync(folder)).toEqual(before);
});

test.each([
  ["no verb known", ["trian"], "unknown command 'trian', expected train, evaluate", "did you mean train?"],
  ["no task known", ["train", "loads.csv"], "train: unknown command 'loads.csv', expected forecast", "sluice train --help"],
  [
    "an unknown flag",
    ["train", "forecast", "loads.csv", "--targte", "load"],
    "train forecast: unknown option '--targte'",
    "did you mean --target?",
  ],
  ["no data", ["train", "forecast"], "train forecast: missing required argument 'data'", "sluice train forecast --help"],
  ["one word too many", ["inspect", "a", "b"], "inspect: there are 2 arguments, expected 1", "sluice inspect --help"],
  ["no target", ["train", "forecast", "loads.csv"], "--target is missing", "--target all"],
  ["no horizon", ["train", "forecast", "loads.csv", "--target", "load"], "--horizon is missing", "--horizon 24"],
  [
    "a horizon that is none",
    ["train", "forecast", "loads.csv", "--target", "load", "--horizon", "0"],
    '--horizon is "0"',
    "a whole number from 1",
  ],
  [
    "an unknown cell",
    ["train", "forecast", "x", "--cell", "gro"],
    '--cell is "gro", expected gru, lstm or rnn',
    "did you mean gru?",
  ],
  ["an unknown step", ["train", "forecast", "loads.csv", "--target", "load", "--horizon", "3", "--freq", "7x"], '"7x"', "15min"],
  ["a time that is none", ["train", "forecast", "x", "--time-limit", "soon"], '--time-limit is "soon"', "1h30m"],
  [
    "a rate that is none",
    ["train", "forecast", "x", "--target", "y", "--horizon", "3", "--lr", "fast"],
    '--lr is "fast"',
    "cosine(1e-3",
  ],
  [
    "a split that is none",
    ["train", "forecast", "x", "--target", "y", "--horizon", "3", "--split", "1,2"],
    '"1,2"',
    "8640,2880,2880",
  ],
  ["levels outside 0 to 1", ["train", "forecast", "x", "--quantiles", ".1,5"], '--quantiles is ".1,5"', ".1,.5,.9"],
  [
    "flags that contradict each other",
    ["train", "forecast", "x", "--loss", "mae", "--output", "normal"],
    "--loss is mae with --output normal",
    "--output point",
  ],
  [
    "one column in two parts",
    ["train", "forecast", "loads.csv", "--target", "load", "--past", "load", "--horizon", "3"],
    'column "load" is target and past',
    "one part",
  ],
  ["one column twice", ["train", "forecast", "loads.csv", "--target", "load,load", "--horizon", "3"], 'column "load" is target twice', "one part"],
  ["a result without a name", ["train", "forecast", "loads.csv", "--target", "load", "--horizon", "3", "--out", ""], '--out is ""', "the name of a file"],
  ["a picture that is no SVG", ["train", "forecast", "loads.csv", "--target", "load", "--horizon", "3", "--plot", "a.png"], "--plot is a.png", "ends in .svg"],
  ["two results of one name", ["train", "forecast", "loads.csv", "--target", "load", "--horizon", "3", "--out", "a", "--plot", "a"], "--plot is a,", "a name of its own"],
  ["data as a checkpoint", ["train", "forecast", "loads.csv", "--target", "load", "--horizon", "3", "--resume", "loads.csv"], "--resume is loads.csv, which is the input", "another file"],
])("wrong usage: %s", async (_, words, ...parts) => {
  expectError(await sluice(folder, words), 2, ...parts);
});

test("no verb at all shows the help", async () => {
  const run = await sluice(folder, []);
  expect(run.stderr).toContain("Usage: sluice");
  expect(run.code).toBe(2);
});

test("with --json an error is an object too", async () => {
  const run = await train("oops.csv", "--target", "load", "--horizon", "6", "--json");
  expect(lastJson(run)).toMatchObject({ error: { code: "type", details: { row: 302, column: "load", cell: "oops" } } });
  expectError(run, 1, "row 302");
  const usage = await train("loads.csv", "--tagret", "load", "--json");
  expect(lastJson(usage)).toMatchObject({ error: { code: "usage" } });
});

test("the stack is shown only when asked for", async () => {
  expectError(await sluice(folder, ["inspect", "nothing"]), 1, "nothing: no such file");
  expect((await shell(folder, "DEBUG=1 sluice inspect nothing")).stderr).toMatch(
    /^sluice: nothing: no such file.*\n(.*\n)+ {4}at /,
  );
});

test("missing values follow the stated policy: short gaps filled and said, windows over long ones left out", async () => {
  const words = ["--target", "load", ...tiny, "--max-gap", "5", "--split", "600,150,150", "--out", "holes.safetensors"];
  const run = await train("holes.csv", ...words);
  expect(run.code).toBe(0);
  expect(run.stderr).toMatch(/note +\d+ missing values in gaps of up to 5 steps filled .*never scored/);
  const windows = Number(/windows: (\d+) train/.exec(run.stderr)![1]);
  // Of 600 − 24 − 6 + 1 training windows those that read the 39 missing rows are gone: about 39 + 24 starts.
  expect(windows).toBeLessThan(571 - 60);
  expect(windows).toBeGreaterThan(571 - 80);
});

test("rows that a split leaves out are noted, in case percents were meant", async () => {
  const words = ["--target", "load", ...tiny, "--out", "noted.safetensors"];
  const percents = await train("loads.csv", ...words, "--split", "300,60,60");
  expect(percents.stderr).toContain("note      the split leaves out 180 rows at the end");
  const whole = await train("loads.csv", ...words, "--split", "480,60,60");
  expect(whole.stderr).not.toContain("leaves out");
});

test("a loss that is not finite names the step and gives advice; the last good checkpoint is kept and goes on", async () => {
  const words = ["--target", "load", ...tiny, "--optimizer", "sgd", "--out", "m.safetensors", "--quiet"];
  expect((await train("loads.csv", ...words, "--lr", "1e-3", "--checkpoint", "good.ckpt")).code).toBe(0);
  const [model, good] = [readFileSync(at("m.safetensors")), readFileSync(at("good.ckpt"))];
  const wild = [
    "train",
    "forecast",
    "loads.csv",
    "--resume",
    "good.ckpt",
    "--out",
    "m.safetensors",
    "--epochs",
    "3",
    "--lr",
    "1e38",
  ];
  const run = await sluice(folder, [...wild, "--quiet"]);
  expectError(
    run,
    1,
    "expected a finite number",
    "lower the learning rate",
    "The checkpoint good.ckpt has what was learnt: sluice train",
  );
  expect(run.stderr).toMatch(/train: (loss|gradient norm) of step \d+ is (NaN|-?Infinity)/);
  expect(run.stderr).toMatch(/--lr 1e\+37 --resume good\.ckpt\n$/);
  expect(readFileSync(at("m.safetensors")).equals(model)).toBe(true);
  expect(readFileSync(at("good.ckpt")).equals(good)).toBe(true);
  const tamed = await sluice(folder, [...wild.slice(0, -1), "1e-4", "--json"]);
  expect(lastJson(tamed)).toMatchObject({ epochs: 3, ended: "epochs" });
});
