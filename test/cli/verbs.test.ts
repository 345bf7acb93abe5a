/** @file Every other verb as a process, on a model trained once. Truth: what each verb's help promises. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { encodeSafetensors } from "../../src/formats/index.ts";
import { type ModelVerb, modelVerbs, tasks, tasksWith } from "../../src/cli/tasks.ts";
import { lastJson, shell, sluice, tiny, workFolder, writeLoads } from "./sluice.ts";

const folder = workFolder();
const at = (name: string) => join(folder, name);
const withModel = (Object.keys(modelVerbs) as ModelVerb[]).filter((verb) => tasksWith(verb).length > 0);
const verbs = ["train", ...withModel, "backtest", "inspect", "doctor", "sample-data"];

beforeAll(async () => {
  writeLoads(at("loads.csv"), 1000);
  await Promise.all([
    sluice(folder, ["train", "forecast", "loads.csv", "--target", "load", ...tiny, "--out", "one.safetensors", "--quiet"]),
    sluice(folder, ["train", "forecast", "loads.csv", "--target", "load,warmth", ...tiny, "--out", "two.safetensors", "--quiet"]),
  ]);
});

const csv = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));

test("--help and --version; every verb has examples", async () => {
  const help = await sluice(folder, ["--help"]);
  expect(help.code).toBe(0);
  for (const verb of verbs) expect(help.stdout).toContain(`  ${verb} `);
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  expect((await sluice(folder, ["--version"])).stdout).toBe(`${version}\n`);
  const pages = [...verbs.map((verb) => [verb]), ...Object.keys(tasks).map((task) => ["train", task]), ["backtest", "forecast"], ["sample-data", "weather"]];
  for (const words of pages) {
    const page = await sluice(folder, [...words, "--help"]);
    expect(page.code).toBe(0);
    expect(page.stdout).toContain(`Examples:\n  $ sluice ${words[0]}`);
  }
  expect((await sluice(folder, ["help", "inspect"])).stdout).toContain("Usage: sluice inspect");
});

test("predict writes one row a step, in order of time, with rising quantiles", async () => {
  const run = await sluice(folder, ["predict", "one.safetensors", "loads.csv", "--out", "f.csv", "--plot", "f.svg"]);
  expect(run.code).toBe(0);
  expect(run.stdout).toBe("");
  const [head, ...rows] = csv(readFileSync(at("f.csv"), "utf8"));
  expect(head).toEqual(["time", "load", "q0.1", "q0.5", "q0.9"]);
  expect(rows).toHaveLength(6);
  // 1,000 hours after the first of January begin at 16:00 on the 11th of February.
  expect(rows.map((row) => row[0])).toEqual([16, 17, 18, 19, 20, 21].map((hour) => `2023-02-11 ${hour}:00:00`));
  for (const row of rows) {
    const [low, mid, high] = row.slice(2).map(Number) as [number, number, number];
    expect(low).toBeLessThanOrEqual(mid);
    expect(mid).toBeLessThanOrEqual(high);
  }
  expect(readFileSync(at("f.svg"), "utf8")).toMatch(/^<svg/);
  const toStdout = await sluice(folder, ["predict", "one.safetensors", "loads.csv"]);
  expect(toStdout.stdout).toBe(readFileSync(at("f.csv"), "utf8"));
});

test("predict --hold-out puts the truth beside; several targets get a column that names them", async () => {
  const run = await sluice(folder, [
    "predict",
    "two.safetensors",
    "loads.csv",
    "--hold-out",
    "--out",
    "h.csv",
    "--plot",
    "h.svg",
  ]);
  expect(run.code).toBe(0);
  const [head, ...rows] = csv(readFileSync(at("h.csv"), "utf8"));
  expect(head).toEqual(["time", "target", "point", "q0.1", "q0.5", "q0.9", "truth"]);
  const table = csv(readFileSync(at("loads.csv"), "utf8")).slice(-6);
  expect(rows.map((row) => row[1])).toEqual(table.flatMap(() => ["load", "warmth"]));
  const truth = rows.map((row) => Number(row.at(-1)));
  table.flatMap((row) => row.slice(1).map(Number)).forEach((value, i) => expect(truth[i]).toBeCloseTo(value, 4));
  expect(readFileSync(at("h.svg"), "utf8")).toContain("what came");
});

test("evaluate repeats the scores of the training", async () => {
  const trained = lastJson<{ provenance: { scores: { test: { mse: number } } } }>(
    await sluice(folder, ["inspect", "one.safetensors", "--json"]),
  );
  const run = await sluice(folder, ["evaluate", "one.safetensors", "loads.csv", "--json", "--plot", "bars.svg"]);
  const report = lastJson<{ test: { mse: number }; baselines: Record<string, { mse: number }> }>(run);
  expect(report.test.mse).toBeCloseTo(trained.provenance.scores.test.mse, 6);
  expect(Object.keys(report.baselines)).toContain("linear");
  expect(readFileSync(at("bars.svg"), "utf8")).toContain("network (gru)");
  const other = lastJson<{ windows: { test: number } }>(
    await sluice(folder, ["evaluate", "one.safetensors", "loads.csv", "--split", "500,200,300", "--json"]),
  );
  expect(other.windows.test).toBe(300 - 6 + 1);
});

test("inspect says what a model is, and lists the tensors of a strange file", async () => {
  const { stdout } = await sluice(folder, ["inspect", "two.safetensors"]);
  expect(stdout).toContain("forecast of load, warmth");
  expect(stdout).toContain("6 × 1h ahead from the last 24");
  expect(stdout).toMatch(/test +network MSE [\d.]+/);
  const total = Number(/parameters +([\d,]+) numbers/.exec(stdout)![1]!.replaceAll(",", ""));
  const listed = [...stdout.matchAll(/\] +([\d,]+) /g)].map((m) => Number(m[1]!.replaceAll(",", "")));
  expect(listed.reduce((a, b) => a + b, 0)).toBe(total);
  writeFileSync(
    at("strange.safetensors"),
    encodeSafetensors({ "\x1b[31mw": { dtype: "F32", shape: [2, 2], data: Float32Array.of(3, 3, 3, 3) } }, { made: "by hand" }),
  );
  const strange = await sluice(folder, ["inspect", "strange.safetensors"]);
  expect(strange.code).toBe(0);
  expect(strange.stdout).toMatch(/another program.*4 numbers in 1 tensor/);
  expect(strange.stdout).toMatch(/F32 +\[2, 2\] +4 +3\.00/);
  expect(strange.stdout).not.toContain("\x1b");
});

test("a model's task says what a verb takes; another task's verb or flag is refused with the way out", async () => {
  const general = await sluice(folder, ["predict", "--help"]);
  const own = await sluice(folder, ["predict", "one.safetensors", "--help"]);
  for (const task of tasksWith("predict")) expect(general.stdout).toContain(`With a model for the task "${task}"`);
  expect(own.stdout).toContain("--hold-out");
  expect(own.stdout).not.toContain("--explain");
  const verb = await sluice(folder, ["generate", "one.safetensors", "--prompt", "x"]);
  expect(verb.stderr).toBe('sluice: generate: one.safetensors is a model for the task "forecast", expected "language"; use it with: sluice predict one.safetensors <data>\n');
  expect(verb.code).toBe(2);
  const flag = await sluice(folder, ["predict", "--text", "fine", "one.safetensors"]);
  expect(flag.stderr).toContain('--text is for models of the task "classify", expected flags for "forecast"');
  expect(flag.code).toBe(2);
  expect((await sluice(folder, ["predict"])).stderr).toContain("predict: missing required argument 'model'");
  // The value of a flag is none, whatever it looks like.
  expect((await sluice(folder, ["predict", "one.safetensors", "loads.csv", "--out", "--text"])).code).toBe(0);
  const train = await sluice(folder, ["train", "language", "loads.csv", "--resume", "one.safetensors"]);
  expect(train.stderr).toContain("--resume is one.safetensors, a finished model");
});

test("of several series those that are too short are named, and the others forecast", async () => {
  const rows = Array.from({ length: 400 }, (_, i) => `${new Date(Date.UTC(2023, 0, 1, i)).toISOString().slice(0, 16)},${Math.sin(i / 3.8).toFixed(3)}`);
  const table = (b: number) => ["time,y,shop", ...rows.map((r) => `${r},a`), ...rows.slice(0, b).map((r) => `${r},b`), ""].join("\n");
  writeFileSync(at("shops.csv"), table(400));
  writeFileSync(at("young.csv"), table(20));
  const trained = await sluice(folder, ["train", "forecast", "shops.csv", "--id", "shop", "--target", "y", ...tiny, "--out", "shops.safetensors", "--quiet"]);
  expect(trained.code).toBe(0);
  const run = await sluice(folder, ["predict", "shops.safetensors", "young.csv", "--out", "young-out.csv", "--json", "--quiet"]);
  expect(run.code).toBe(0);
  expect(run.stderr).toBe('sluice: not forecast: "b" (20), which has fewer than 24 rows up to the last measured target\n');
  expect(lastJson(run)).toMatchObject({ skipped: [{ id: "b", rows: 20 }], forecasts: [{ id: "a" }] });
  expect(csv(readFileSync(at("young-out.csv"), "utf8"))).toHaveLength(1 + 6);
});

test("sample-data writes weather, the same for the same seed", async () => {
  const run = await sluice(folder, ["sample-data", "weather", "--years", "0.1", "--seed", "3", "--out", "w.csv", "--json"]);
  const { rows, columns } = lastJson<{ rows: number; columns: string[] }>(run);
  const table = csv(readFileSync(at("w.csv"), "utf8"));
  expect(table[0]).toEqual(columns);
  expect(table).toHaveLength(rows + 1);
  const again = await sluice(folder, ["sample-data", "weather", "--years", "0.1", "--seed", "3"]);
  expect(again.stdout).toBe(readFileSync(at("w.csv"), "utf8"));
});

test("backtest scores each fold", async () => {
  const run = await sluice(folder, ["backtest", "forecast", "loads.csv", "--target", "load", ...tiny, "--folds", "2", "--json"]);
  const report = lastJson<{ folds: { trainUntil: number }[]; mean: Record<string, { mse: number }>; won: number }>(run);
  expect(report.folds.map((fold) => fold.trainUntil)).toEqual([0.6, 0.8].map((x) => expect.closeTo(x, 9)));
  expect(Object.keys(report.mean)).toEqual(["network", "last", "seasonal", "linear"]);
  expect(run.stderr).toMatch(/The network had the least squared error in [012] of 2 folds/);
});

test("a reader that leaves is no failure", async () => {
  const run = await shell(folder, `sluice sample-data weather --years 2 | head -n 2; echo "codes \${PIPESTATUS[*]}"`);
  expect(run.stdout).toContain("codes 0 0");
  expect(run.stderr).toBe("");
});

test.runIf(process.platform === "linux")("a table comes through a pipe as from a file", async () => {
  const file = await sluice(folder, ["predict", "one.safetensors", "loads.csv"]);
  const piped = await shell(folder, "cat loads.csv | sluice predict one.safetensors /dev/stdin");
  expect(file.stdout).not.toBe("");
  expect(piped.stdout).toBe(file.stdout);
});

test("a time column made of parts, counted rows, another delimiter", async () => {
  const rows = Array.from({ length: 700 }, (_, i) => {
    const d = new Date(Date.UTC(2022, 0, 1, i));
    return `${d.getUTCFullYear()};${d.getUTCMonth() + 1};${d.getUTCDate()};${d.getUTCHours()};${(5 + Math.sin(i / 3.8)).toFixed(2).replace(".", ",")}`;
  });
  writeFileSync(at("parts.csv"), `year;month;day;hour;pm\n${rows.join("\n")}\n`);
  const parts = await sluice(folder, [
    "train",
    "forecast",
    "parts.csv",
    "--time",
    "year,month,day,hour",
    "--target",
    "pm",
    ...tiny,
    "--out",
    "p.safetensors",
  ]);
  expect(parts.stderr).toContain("pm: the next 6 steps of 1h");
  expect((await sluice(folder, ["predict", "p.safetensors", "parts.csv"])).stdout).toMatch(/^time,pm,.*\n2022-01-30 04:00:00,/);
  const counted = await sluice(folder, [
    "train",
    "forecast",
    "parts.csv",
    "--time",
    "none",
    "--target",
    "pm",
    ...tiny,
    "--out",
    "c.safetensors",
  ]);
  expect(counted.stderr).toContain("pm: the next 6 rows");
  expect((await sluice(folder, ["predict", "c.safetensors", "parts.csv", "--plot", "c.svg"])).stdout).toMatch(/^row,pm,.*\n701,/);
  expect(readFileSync(at("c.svg"), "utf8")).toContain("known up to step 700");
  expect(existsSync(at("c.safetensors")) && statSync(at("c.safetensors")).size > 0).toBe(true);
});

test("doctor names the backend that runs and why, and SLUICE_BACKEND decides", async () => {
  const report = lastJson<{ backend: string; why: string; addon: { found: boolean }; cores: number }>(await shell(folder, "SLUICE_BACKEND=wasm sluice doctor --json"));
  expect(report).toMatchObject({ why: "SLUICE_BACKEND=wasm" });
  expect(report.backend).toMatch(/^wasm-(plain|relaxed)$/);
  const free = await sluice(folder, ["doctor"]);
  expect(free.stdout).toMatch(/^sluice +\d+\.\d+\.\d+ on Node\.js/);
  expect(free.stdout).toMatch(report.addon.found ? /backend +native-/ : /backend +wasm-/);
});
