/** `sluice` with translators, as a process. Truth: reversed strings, whose translation is known, and what must be refused. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { lastJson, sluice, workFolder } from "./sluice.ts";

const folder = workFolder();
const at = (name: string) => join(folder, name);
const lines = (texts: readonly string[]) => texts.map((text) => `${text}\n`).join("");
const reversed = (text: string) => [...text].reverse().join("");

/** Two to five of four letters; the golden ratio's multiples are noise enough. */
const strings = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => Array.from({ length: 2 + ((from + i) % 4) }, (__, t) => "abcd"[Math.floor((((from + i) * 0.618034 + t * 0.414214 * (from + i)) % 1) * 4)]!).join(""));

beforeAll(async () => {
  const parts = { train: strings(900), valid: strings(40, 2000), test: strings(40, 3000) };
  for (const [name, texts] of Object.entries(parts)) {
    writeFileSync(at(`${name}.a`), lines(texts));
    writeFileSync(at(`${name}.b`), lines(texts.map(reversed)));
  }
  const words = ["--source", "train.a", "--target", "train.b", "--valid", "valid.a,valid.b", "--test", "test.a,test.b"];
  const run = await sluice(folder, ["train", "translate", ...words, "--hidden", "32", "--embedding", "16", "--batch", "300", "--epochs", "8", "--lr", "0.015", "--out", "rev.safetensors", "--json"]);
  expect(run.stderr).toContain("additive attention");
  const report = lastJson<{ test: { bleu: number; signature: string; exact: number }; baselines: Record<string, object> }>(run);
  expect(report.test.exact).toBeGreaterThan(0.9);
  expect(report.test.signature).toMatch(/^nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp/);
  expect(Object.keys(report)).toEqual(expect.arrayContaining(["test", "valid", "baselines", "parameters", "seconds", "model"]));
}, 60_000);

test("translate answers a text; --n-best says the others with scores, --align draws", async () => {
  const one = await sluice(folder, ["translate", "rev.safetensors", "abcd", "--align", "a.svg"]);
  expect(one).toMatchObject({ code: 0, stdout: "dcba\n" });
  expect(readFileSync(at("a.svg"), "utf8")).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
  const all = await sluice(folder, ["translate", "rev.safetensors", "abcd", "--beam", "3", "--n-best"]);
  const scores = all.stdout.trimEnd().split("\n").map((line) => Number(line.split(/\s+/)[0]));
  expect(scores).toHaveLength(3);
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
});

test("a file is answered line by line, empty lines by empty ones; json has what was read", async () => {
  writeFileSync(at("some.txt"), "abc\n\nddca\n");
  const run = await sluice(folder, ["translate", "rev.safetensors", "--file", "some.txt", "--beam", "1"]);
  expect(run.stdout).toBe("cba\n\nacdd\n");
  const json = lastJson<{ translations: ({ source: string; text: string; unknown: number } | null)[] }>(await sluice(folder, ["translate", "rev.safetensors", "abz", "--json"]));
  expect(json.translations[0]).toMatchObject({ source: "abz", unknown: 1 });
});

test("evaluate repeats the scores of the training; inspect says what it is", async () => {
  const trained = lastJson<{ provenance: { scores: { test: { nats: number; chrf: number } } } }>(await sluice(folder, ["inspect", "rev.safetensors", "--json"]));
  const run = lastJson<{ test: { nats: number; chrf: number }; baselines: object }>(await sluice(folder, ["evaluate", "rev.safetensors", "test.a", "test.b", "--train", "train.a,train.b", "--out", "hyp", "--json"]));
  expect(run.test.nats).toBeCloseTo(trained.provenance.scores.test.nats, 6);
  expect(run.test.chrf).toBe(trained.provenance.scores.test.chrf);
  expect(Object.keys(run.baselines)).toEqual(["source as it is", "translation memory"]);
  expect(readFileSync(at("hyp"), "utf8").split("\n")).toHaveLength(41);
  const { stdout } = await sluice(folder, ["inspect", "rev.safetensors"]);
  expect(stdout).toContain("translation of char tokens");
  expect(stdout).toContain("attention additive");
});

const pair = (a: string, b: string) => ["train", "translate", "--source", a, "--target", b];
test.each<[string, string[], RegExp]>([
  ["files of different lengths", pair("train.a", "short.b"), /train.a and short.b: the first has 900 lines, the second 2, expected as many/],
  ["a line that is empty on one side", pair("two.a", "gap.b"), /line 2 of gap.b is empty, expected text as in two.a/],
  ["text that is not UTF-8", pair("latin.a", "short.b"), /latin.a: byte 7 \(line 1\) is 0xE9, expected UTF-8/],
  ["one side only", ["train", "translate", "--source", "train.a"], /--target is missing, expected two files/],
  ["validation that is one file", [...pair("train.a", "train.b"), "--valid", "valid.a"], /--valid is "valid.a", expected two files between a comma/],
  ["a text that is too long", ["translate", "rev.safetensors", "abcd".repeat(60)], /the text has 240 tokens, expected at most 200; split it into sentences/],
  ["a picture of several texts", ["translate", "rev.safetensors", "--file", "two.a", "--align", "a.svg"], /--align is given with 2 texts, expected one/],
  ["a beam of none", ["translate", "rev.safetensors", "ab", "--beam", "0"], /--beam is "0", expected a whole number from 1/],
  ["another task's verb", ["generate", "rev.safetensors", "--prompt", "x"], /is a model for the task "translate", expected "language"; use it with: sluice translate rev.safetensors/],
])("%s is refused", async (_, words, message) => {
  writeFileSync(at("short.b"), "ab\ncd\n");
  writeFileSync(at("two.a"), "ab\ncd\n");
  writeFileSync(at("gap.b"), "ab\n\n");
  writeFileSync(at("latin.a"), Buffer.from([...Buffer.from("1 caf x"), 0xe9, 0x0a]));
  const run = await sluice(folder, words);
  expect(run.stderr.trimEnd().split("\n").at(-1)).toMatch(message);
  expect(run.code).toBeGreaterThan(0);
});

test("empty lines on one side can be left out, and a text that is too long can be cut: both are said", async () => {
  const all = strings(60);
  writeFileSync(at("g.a"), lines(all));
  writeFileSync(at("g.b"), lines(all.map((text, i) => (i === 4 ? "" : reversed(text)))));
  const run = await sluice(folder, [...pair("g.a", "g.b"), "--skip-empty", "--hidden", "8", "--embedding", "8", "--epochs", "1"]);
  expect(run.code).toBe(0);
  expect(run.stderr).toContain("note: 1 empty line of g.a and g.b left out: 5");
  const cut = await sluice(folder, ["translate", "rev.safetensors", "abcd".repeat(100), "--cut", "--beam", "1"]);
  expect(cut.code).toBe(0);
  expect(cut.stderr).toContain("note: 1 text was too long and lost its end");
});
