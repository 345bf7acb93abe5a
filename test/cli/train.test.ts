/** @file `sluice train forecast` as a process. Truth: what the command line promises in its help; a stopped and resumed run against one never stopped. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { ForecastReport } from "../../src/tasks/forecast/report.ts";
import { lastJson, main, shell, sluice, tiny, workFolder, writeLoads } from "./sluice.ts";

const folder = workFolder();
const at = (name: string) => join(folder, name);
beforeAll(() => writeLoads(at("loads.csv"), 2500));

test("trains, scores, saves and says what to do next", async () => {
  const run = await sluice(folder, [
    "train",
    "forecast",
    "loads.csv",
    "--target",
    "load",
    ...tiny,
    "--plot",
    "end.svg",
    "--plot-loss",
    "loss.svg",
    "--tensorboard",
    "board",
  ]);
  expect(run.stderr).toContain("forecast  load: the next 6 steps of 1h from the last 24");
  expect(run.stderr).toMatch(/epoch 1\/2 {2}loss \S+ {2}valid \S+ {2}\d+ windows\/s/);
  expect(run.stderr).toContain("next   sluice predict loads.forecast.safetensors loads.csv --out forecast.csv");
  expect(run.stdout).toMatch(/network \(gru\).*\n.*last.*\n.*seasonal.*\n.*linear/);
  expect(run.stdout).toMatch(/The network (beats|does NOT beat) every baseline/);
  expect(run.code).toBe(0);
  expect(existsSync(at("loads.forecast.safetensors"))).toBe(true);
  expect(existsSync(at("loads.forecast.safetensors.ckpt"))).toBe(false);
  expect(readFileSync(at("end.svg"), "utf8")).toContain("what came");
  expect(readFileSync(at("loss.svg"), "utf8")).toContain("validation");
  expect(readdirSync(at("board"))[0]).toMatch(/^events\.out\.tfevents/);
});

test("--json ends stdout with one object, and --target all takes every column", async () => {
  const run = await sluice(folder, [
    "train",
    "forecast",
    "loads.csv",
    "--time",
    "time",
    "--target",
    "all",
    ...tiny,
    "--split",
    "1500,400,500",
    "--cell",
    "lstm",
    "--out",
    "all.safetensors",
    "--json",
  ]);
  expect(run.stdout.trimEnd().split("\n")).toHaveLength(1);
  const report = lastJson<ForecastReport>(run);
  expect(report).toMatchObject({
    task: "forecast",
    source: "loads.csv",
    model: "all.safetensors",
    ended: "epochs",
    epochs: 2,
    plan: { cell: "lstm", lookback: 24, horizon: 6, hidden: 8 },
  });
  for (const scores of [report.test, ...Object.values(report.baselines)]) {
    expect(scores.mse).toBeGreaterThan(0);
    expect(scores.mae).toBeGreaterThan(0);
  }
  expect(Object.keys(report.baselines)).toEqual(["last", "seasonal", "linear"]);
  expect(Object.keys(report.targets)).toEqual(["load", "warmth"]);
  expect(report.windows.test).toBe(500 - 6 + 1);
  expect(run.stderr).toContain("network (lstm)");
  expect(run.code).toBe(0);
});

test("the same seed gives the same file, another seed another", async () => {
  const words = (out: string, seed: string) => [
    "train",
    "forecast",
    "loads.csv",
    "--target",
    "load",
    ...tiny,
    "--seed",
    seed,
    "--out",
    out,
    "--quiet",
  ];
  for (const [out, seed] of [
    ["a", "5"],
    ["b", "5"],
    ["c", "6"],
  ] as const)
    expect((await sluice(folder, words(out, seed))).code).toBe(0);
  expect(readFileSync(at("a")).equals(readFileSync(at("b")))).toBe(true);
  expect(readFileSync(at("a")).equals(readFileSync(at("c")))).toBe(false);
});

test("Ctrl-C saves, and the command it prints ends in the file of a run never stopped", async () => {
  const words = (out: string) => [
    "train",
    "forecast",
    "loads.csv",
    "--target",
    "load",
    "--past",
    "warmth",
    "--horizon",
    "6",
    "--lookback",
    "24",
    "--hidden",
    "8",
    "--batch",
    "64",
    "--epochs",
    "60",
    "--out",
    out,
  ];
  let sent = false;
  const stopped = await sluice(folder, words("stopped.safetensors"), (stderr, child) => {
    if (sent || !stderr.includes("epoch  2/60")) return;
    sent = child.kill("SIGINT");
  });
  expect(stopped.code).toBe(130);
  expect(stopped.stdout).toContain("network (gru)");
  expect(existsSync(at("stopped.safetensors.ckpt"))).toBe(true);
  const soFar = readFileSync(at("stopped.safetensors"));
  const command = /go on with: (.+)$/m.exec(stopped.stderr)![1]!;
  expect(command).toBe(`sluice ${words("stopped.safetensors").join(" ")} --resume stopped.safetensors.ckpt`);

  const inspected = lastJson<{ kind: string; checkpoint: { train: { epoch: number } } }>(
    await sluice(folder, ["inspect", "stopped.safetensors.ckpt", "--json"]),
  );
  expect(inspected.kind).toBe("checkpoint");
  expect(inspected.checkpoint.train.epoch).toBeGreaterThanOrEqual(2);

  const resumed = await shell(folder, command);
  expect(resumed.code).toBe(0);
  expect(resumed.stderr).not.toContain("epoch  1/60"); // it went on, it did not begin again
  expect(existsSync(at("stopped.safetensors.ckpt"))).toBe(false);
  expect((await sluice(folder, words("whole.safetensors"))).code).toBe(0);
  const whole = readFileSync(at("whole.safetensors"));
  expect(readFileSync(at("stopped.safetensors")).equals(whole)).toBe(true);
  expect(soFar.equals(whole)).toBe(false);
});

test.runIf(existsSync("/usr/bin/script"))("on a terminal the bar is gone before it is said that the training stops", async () => {
  const words = "train forecast loads.csv --target load --horizon 6 --lookback 24 --epochs 100000 --patience 100000 --out seen.safetensors";
  // `script` gives it a terminal, and hands on the letter that Ctrl-C is.
  const child = spawn("script", ["-qec", `"${process.execPath}" "${main}" ${words}`, "/dev/null"], { cwd: folder });
  let seen = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (!seen.includes("windows/s") && (seen + text).includes("windows/s")) child.stdin.write("\x03");
    seen += text;
  });
  await new Promise((done) => child.on("close", done));
  const [bar, after] = seen.split("stopping, saving");
  expect(bar).toContain("windows/s");
  expect(bar).toContain("\x1b8"); // the cursor goes back to the bar's line, which is cleared
  expect(after).toContain("stopped at step");
  expect(after).not.toContain("\x1b8");
});

test("SIGTERM before an epoch is done leaves an old model alone", async () => {
  const words = [
    "train",
    "forecast",
    "loads.csv",
    "--target",
    "load",
    ...tiny,
    "--batch",
    "1",
    "--epochs",
    "3",
    "--out",
    "old.safetensors",
  ];
  writeFileSync(at("old.safetensors"), readFileSync(at("all.safetensors")));
  let sent = false;
  const run = await sluice(folder, [...words, "--json"], (stderr, child) => {
    if (sent || !stderr.includes("training  ")) return;
    sent = child.kill("SIGTERM");
  });
  expect(run.code).toBe(143);
  expect(lastJson(run)).toMatchObject({ ended: "aborted", model: null, checkpoint: "old.safetensors.ckpt" });
  expect(readFileSync(at("old.safetensors")).equals(readFileSync(at("all.safetensors")))).toBe(true);
});

test("--resume takes only a checkpoint, with the options and data it was made with", async () => {
  writeLoads(at("other.csv"), 2500, (i, load) => (i === 7 ? load + 1 : load));
  const resume = ["--resume", "old.safetensors.ckpt", "--out", "r.safetensors"];
  const finished = await sluice(folder, ["train", "forecast", "loads.csv", "--resume", "all.safetensors"]);
  expect(finished.stderr).toContain("--resume is all.safetensors, a finished model, expected a checkpoint");
  expect(finished.code).toBe(2);
  const differs = await sluice(folder, ["train", "forecast", "loads.csv", "--hidden", "9", ...resume]);
  expect(differs.stderr).toContain("--resume: hidden is 9, expected 8; old.safetensors.ckpt says so");
  expect(differs.code).toBe(2);
  const data = await sluice(folder, ["train", "forecast", "other.csv", ...resume]);
  expect(data.stderr).toContain("the checkpoint was made from other data");
  expect(data.code).toBe(1);
  const short = await sluice(folder, ["train", "forecast", "loads.csv", "--epochs", "1", "--quiet", ...resume]);
  expect(short.code).toBe(0);
  expect(existsSync(at("r.safetensors"))).toBe(true);
});
