/** @file Files that are damaged, hostile, in the way, or do not fit on the disk. Old files must come out of every failure as they went in. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type Ended, shell, sluice, tiny, workFolder, writeLoads } from "./sluice.ts";

const folder = workFolder();
const at = (name: string) => join(folder, name);
const train = (...words: string[]) => sluice(folder, ["train", "forecast", "loads.csv", "--target", "load", ...tiny, ...words]);
let model: Buffer;

beforeAll(async () => {
  writeLoads(at("loads.csv"), 600);
  await train("--out", "model.safetensors", "--quiet");
  model = readFileSync(at("model.safetensors"));
  mkdirSync(at("folder"));
});

function expectError(run: Ended, code: number, ...parts: string[]): void {
  expect(run.stderr).toMatch(/^sluice: .+\n$/);
  for (const part of parts) expect(run.stderr).toContain(part);
  expect(run.code).toBe(code);
}

/** The model with its header changed. */
function withHeader(change: (text: string) => string): Buffer {
  const length = Number(model.readBigUInt64LE());
  const header = Buffer.from(change(model.toString("utf8", 8, 8 + length)));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([size, header, model.subarray(8 + length)]);
}

/** The model with its first number replaced. */
function withFirstNumber(value: number): Buffer {
  const bytes = Buffer.from(model);
  bytes.writeFloatLE(value, 8 + Number(model.readBigUInt64LE()));
  return bytes;
}

const lengths = (first: bigint): Buffer => {
  const bytes = Buffer.from(model);
  bytes.writeBigUInt64LE(first);
  return bytes;
};

test.each<[string, () => Buffer, string]>([
  ["truncated", () => model.subarray(0, model.length - 100), "the file is cut off"],
  ["cut inside its header", () => model.subarray(0, 60), "header"],
  ["empty", () => Buffer.alloc(0), "bytes"],
  ["garbage", () => Buffer.from("this is no model at all, only a text that is long enough"), "is this a safetensors file?"],
  ["with a header of 2^60 bytes", () => lengths(1n << 60n), "header"],
  ["with a header longer than the file", () => lengths(BigInt(model.length)), "header"],
  [
    "with overlapping tensors",
    () =>
      withHeader((text) =>
        text
          .replace(/"data_offsets":\[(\d+),(\d+)\](?=.*"data_offsets")/, '"data_offsets":[0,$2]')
          .replace(/("data_offsets":\[)(\d+)(,\d+\]\}\s*\}?\s*)$/, "$10$3"),
      ),
    "tensor",
  ],
  ["with a shape that lies", () => withHeader((text) => text.replace('"shape":[8]', '"shape":[9]')), "shape"],
  ["with a weight that is NaN", () => withFirstNumber(Number.NaN), "NaN"],
  [
    "of a later version",
    () => withHeader((text) => text.replace('\\"version\\":1', '\\"version\\":2')),
    "format version is 2, expected 1",
  ],
  [
    "of a task that there is not",
    () => withHeader((text) => text.replace('\\"task\\":\\"forecast\\"', '\\"task\\":\\"telepath\\"')),
    'the task "telepath", expected "forecast"',
  ],
  [
    "whose config asks for absurd sizes",
    () => withHeader((text) => text.replace('\\"hidden\\":8,', '\\"hidden\\":1e9,')),
    "hidden",
  ],
  [
    "whose config fits other weights",
    () => withHeader((text) => text.replace('\\"hidden\\":8,', '\\"hidden\\":9,')),
    "expected [",
  ],
])("a model %s is refused", async (name, make, part) => {
  const bytes = make();
  expect(bytes.equals(model)).toBe(false);
  writeFileSync(at("bad.safetensors"), bytes);
  const run = await sluice(folder, ["predict", "bad.safetensors", "loads.csv", "--out", "never.csv"]);
  expectError(run, 1, "bad.safetensors: ", part);
  expect(run.stderr, name).not.toContain("should not have happened");
  expect(existsSync(at("never.csv"))).toBe(false);
});

test("a model that is not there, with near names", async () => {
  expectError(
    await sluice(folder, ["inspect", "modle.safetensors"]),
    1,
    "modle.safetensors: no such file",
    'did you mean "model.safetensors"',
  );
});

test("a place that cannot be written is found out before training", async () => {
  const cases: [string[], number, string][] = [
    [["--out", "folder"], 1, "folder: it is a folder, expected a file"],
    [["--out", "nowhere/deep/m.safetensors"], 1, "the folder nowhere/deep does not exist"],
    [["--out", "loads.csv/m.safetensors"], 1, "loads.csv is no folder"],
    [["--out", "loads.csv"], 2, "the input loads.csv"],
    [["--out", "notes.txt"], 2, "an existing file that Sluice did not write"],
    [["--checkpoint", "notes.txt"], 2, "--checkpoint is notes.txt, an existing file"],
    [["--plot", "nowhere/p.svg"], 1, "the folder nowhere does not exist"],
    [["--plot", "loads.csv"], 2, "the input loads.csv"],
  ];
  writeFileSync(at("notes.txt"), "my notes");
  const loads = readFileSync(at("loads.csv"));
  const before = readdirSync(folder);
  await Promise.all(cases.map(async ([words, code, part]) => expectError(await train(...words), code, part)));
  expect(readFileSync(at("notes.txt"), "utf8")).toBe("my notes");
  expect(readFileSync(at("loads.csv")).equals(loads)).toBe(true);
  expect(readdirSync(folder)).toEqual(before);
  expectError(
    await sluice(folder, ["predict", "model.safetensors", "loads.csv", "--out", "model.safetensors"]),
    2,
    "the input model.safetensors",
  );
  expect(readFileSync(at("model.safetensors")).equals(model)).toBe(true);
});

test.runIf(process.platform === "linux")(
  "a full disk: said with bytes, the old file stays, and the checkpoint brings the model elsewhere",
  async () => {
    const full = await train("--out", "/dev/full", "--checkpoint", "kept.ckpt", "--quiet");
    expectError(full, 1, "/dev/full: the disk is full while writing", "The checkpoint kept.ckpt has what was learnt");
    const command = /has what was learnt: (.+)$/m.exec(full.stderr)![1]!;
    expect((await shell(folder, command)).code).toBe(0);
    expect(readFileSync(at("elsewhere.safetensors")).equals(model)).toBe(true);

    copyFileSync(at("model.safetensors"), at("old.safetensors"));
    const words = `train forecast loads.csv --target load ${tiny.join(" ")} --seed 9 --out old.safetensors --checkpoint /dev/null --quiet`;
    const limited = await shell(folder, `ulimit -f 2; sluice ${words}`);
    expect(limited.stderr).toContain("old.safetensors: the limit of a file's size is reached while writing");
    expect(limited.code).toBe(1);
    expect(readFileSync(at("old.safetensors")).equals(model)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);

    const stdout = await shell(folder, "sluice predict model.safetensors loads.csv > /dev/full");
    expect(stdout.stderr).toContain("standard output: the disk is full");
    expect(stdout.code).toBe(1);
  },
);

test.runIf(process.platform === "linux")("a checkpoint that cannot be saved does not end the training", async () => {
  const run = await train("--out", "m2.safetensors", "--checkpoint", "/dev/full", "--quiet");
  expect(run.stderr).toContain("sluice: the checkpoint could not be saved, training goes on: /dev/full: the disk is full");
  expect(run.code).toBe(0);
  expect(readFileSync(at("m2.safetensors")).equals(model)).toBe(true);
});
