/** `sluice` with language models, as a process. Truth: a text that is learnt by heart, a made-up dialogue, and what must be refused. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { lastJson, shell, sluice, workFolder } from "./sluice.ts";

const folder = workFolder();
const at = (name: string) => join(folder, name);
const fast = ["--hidden", "48", "--layers", "1", "--dropout", "0", "--lr", "0.01", "--batch", "8", "--chunk", "40", "--threads", "1"];
const poem = "the quick brown fox jumps over the lazy dog and then it sleeps in the warm sun.\n";
const talk = [["hello", "hi there"], ["who are you", "a small network"], ["bye", "see you"]] as const;

interface Report {
  test: { nats: number; bitsPerCharacter: number; perplexity: number };
  valid: object;
  baselines: Record<string, { perplexity: number }>;
  parameters: number;
  seconds: number;
  model: string;
}

beforeAll(async () => {
  writeFileSync(at("poem.txt"), poem.repeat(60));
  writeFileSync(at("talk.txt"), Array.from({ length: 240 }, (_, i) => talk[(i * 7 + (i >> 2)) % 3]!).map(([you, me]) => `> ${you}\n< ${me}\n`).join(""));
  const run = await sluice(folder, ["train", "language", "poem.txt", ...fast, "--epochs", "10", "--out", "lm.safetensors", "--json"]);
  expect(run.stderr).toContain("language  char tokens");
  const report = lastJson<Report>(run);
  expect(report.test.nats).toBeLessThan(0.1);
  expect(report.test.bitsPerCharacter).toBeCloseTo(report.test.nats / Math.LN2, 6);
  expect(Object.keys(report)).toEqual(expect.arrayContaining(["test", "valid", "baselines", "parameters", "seconds", "model"]));
  expect(Object.keys(report.baselines)).toEqual(["unigram", "bigram", "interpolated trigram"]);
}, 60_000);

test("generate writes on, with and without a prompt, to a length, a stop text, or through a beam", async () => {
  const run = await sluice(folder, ["generate", "lm.safetensors", "--prompt", "the quick", "--length", "20", "--greedy"]);
  expect(run.stdout).toBe(`${poem.slice(0, 29)}\n`);
  const stopped = await sluice(folder, ["generate", "lm.safetensors", "--prompt", "the quick brown fox jumps over", "--stop", " and", "--temperature", "0.1", "--json"]);
  expect(lastJson(stopped)).toMatchObject({ task: "language", prompt: "the quick brown fox jumps over", text: " the lazy dog", ended: "stop" });
  const beam = await sluice(folder, ["generate", "lm.safetensors", "--prompt", "the quick", "--beam", "3", "--length", "10"]);
  expect(beam.stdout.split("\n")[0]).toMatch(/^-?\d+\.\d{3} {2}the quick brown fox/);
  const foreign = await sluice(folder, ["generate", "lm.safetensors", "--prompt", "the Ω", "--length", "3"]);
  expect(foreign.stderr).toContain("note: 1 character of the text is not known to the model; it is read as its unknown token");
});

test("suggest completes a word, and learns from a file without touching the model", async () => {
  const before = readFileSync(at("lm.safetensors"));
  const words = lastJson<{ words: { word: string }[] }>(await sluice(folder, ["suggest", "lm.safetensors", "the quick bro", "--json"])).words;
  expect(words[0]!.word).toBe("brown");
  writeFileSync(at("mine.txt"), "my cat is called mimi.\n".repeat(12));
  const learnt = await sluice(folder, ["suggest", "lm.safetensors", "my cat is called ", "--count", "1", "--learn", "mine.txt", "--passes", "30", "--out", "mine.safetensors"]);
  expect(learnt.stdout).toMatch(/ mimi\n$/);
  expect(readFileSync(at("lm.safetensors"))).toEqual(before);
  expect((await sluice(folder, ["suggest", "mine.safetensors", "my cat is called ", "--count", "1"])).stdout).toBe(learnt.stdout);
});

test("evaluate scores a file beside what counting on another predicts; inspect says what it is", async () => {
  writeFileSync(at("more.txt"), poem.repeat(3));
  const json = lastJson<Report>(await sluice(folder, ["evaluate", "lm.safetensors", "more.txt", "--train", "poem.txt", "--json"]));
  expect(json.test.perplexity).toBeLessThan(1.2);
  expect(json.baselines["unigram"]!.perplexity).toBeGreaterThan(10);
  const { stdout } = await sluice(folder, ["inspect", "lm.safetensors"]);
  expect(stdout).toContain("language model of char tokens");
  expect(stdout).toContain("perplexity");
});

test("chat answers as it learnt, takes back, keeps and saves", async () => {
  const run = await sluice(folder, ["train", "language", "talk.txt", ...fast, "--epochs", "12", "--out", "talk.safetensors", "--quiet"]);
  expect(run.code).toBe(0);
  const said = await shell(folder, "printf 'hello\\nwho are you\\n/undo\\n/fork\\nbye\\n/back\\n/save st\\n/what\\n' | sluice chat talk.safetensors --greedy");
  expect(said.stdout).toBe("hi there\na small network\nsee you\n");
  expect(said.stderr).toContain("taken back");
  expect(said.stderr).toContain("/what is no command, expected /undo");
  const again = await shell(folder, "printf 'bye\\n' | sluice chat talk.safetensors --greedy --load st --json");
  expect(lastJson(again)).toMatchObject({ turns: [{ you: "bye", answer: "see you" }] });
});

test("what cannot be meant is refused with the way out", async () => {
  writeFileSync(at("latin.txt"), Buffer.from([0x61, 0x0a, 0xe9, 0x61]));
  writeFileSync(at("empty.txt"), "");
  const refuse = async (words: string[], code: number, message: string | RegExp) => {
    const run = await sluice(folder, words);
    expect(run.stderr).toMatch(message);
    expect(run.code, run.stderr).toBe(code);
  };
  await refuse(["train", "language", "latin.txt"], 1, /latin\.txt: byte 2 \(line 2\) is 0xE9, expected UTF-8/);
  await refuse(["train", "language", "empty.txt"], 1, /empty\.txt: the text is empty/);
  await refuse(["train", "language", "poem.txt", "--tokens", "chars"], 2, /--tokens: the kind is "chars", expected char, word, byte or bpe.*did you mean char/);
  await refuse(["chat", "lm.safetensors"], 1, /chat: the model has learnt no dialogue/);
  await refuse(["predict", "lm.safetensors"], 2, /is a model for the task "language".*use it with: sluice generate lm\.safetensors/);
  await refuse(["generate", "lm.safetensors", "--top-p", "2"], 2, /--top-p is "2", expected a number above 0, up to 1/);
  await refuse(["generate", "lm.safetensors", "--beam", "2", "--top-k", "3"], 2, /--top-k is given with --beam, expected one of the two/);
  await refuse(["suggest", "lm.safetensors", "a", "--out", "x"], 2, /--out is given without --learn/);
});
