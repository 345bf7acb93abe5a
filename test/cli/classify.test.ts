/** `sluice` with classifiers, as a process. Truth: texts whose class a planted word decides, and what must be refused. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { lastJson, sluice, workFolder } from "./sluice.ts";

const folder = workFolder();
const at = (name: string) => join(folder, name);
const fast = ["--hidden", "8", "--embedding", "12", "--members", "2", "--epochs", "8", "--lr", "0.02", "--min-count", "1"];
const filler = "the film with a story of some people in one old town".split(" ");

/** Rows of id, text and label; the golden ratio's multiples are noise enough. */
function reviews(count: number, from = 0): string {
  const rows = Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 7 }, (__, t) => filler[Math.floor((((from + i) * 0.618034 + t * 0.414214) % 1) * filler.length)]!);
    words[(from + i) % 7] = i % 2 ? "splendid" : "dreadful";
    return `${i},"${words.join(" ")}",${i % 2 ? "positive" : "negative"}`;
  });
  return `id,text,label\n${rows.join("\n")}\n`;
}

beforeAll(async () => {
  writeFileSync(at("reviews.csv"), reviews(160));
  writeFileSync(at("test.csv"), reviews(40, 1000));
  const run = await sluice(folder, ["train", "classify", "reviews.csv", "--test", "test.csv", ...fast, "--out", "clf.safetensors", "--confusion", "c.svg", "--reliability", "r.svg", "--json"]);
  expect(run.stderr).toContain("2 voting, each both directions of gru");
  const report = lastJson<{ test: { accuracy: number; macroF1: number }; valid: object; baselines: Record<string, object>; parameters: number; seconds: number }>(run);
  expect(report.test.accuracy).toBeGreaterThan(0.95);
  expect(Object.keys(report)).toEqual(expect.arrayContaining(["test", "valid", "baselines", "parameters", "seconds", "model"]));
  expect(Object.keys(report.baselines)).toEqual(["majority", "naive Bayes"]);
  for (const picture of ["c.svg", "r.svg"]) expect(readFileSync(at(picture), "utf8")).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
});

test("predict answers a text, and --explain finds the word that decided", async () => {
  const run = await sluice(folder, ["predict", "clf.safetensors", "--text", "a splendid town of some people", "--explain", "--html", "why.html"]);
  expect(run.code).toBe(0);
  expect(run.stdout).toMatch(/^ *\d+\.\d% +positive +←\n/);
  expect(run.stdout).toContain("[+splendid]");
  expect(readFileSync(at("why.html"), "utf8")).toMatch(/<span[^>]*title="\+[^>]*>splendid<\/span>/);
  const json = lastJson<{ predictions: { labels: string[]; probabilities: Record<string, number> }[]; explanations: { logit: number; baseline: number; error: number; tokens: { score: number }[] }[] }>(
    await sluice(folder, ["predict", "clf.safetensors", "--text", "a dreadful town", "--explain", "--json"]),
  );
  expect(json.predictions[0]!.labels).toEqual(["negative"]);
  const [why] = json.explanations;
  expect(why!.tokens.reduce((s, t) => s + t.score, 0) + why!.error).toBeCloseTo(why!.logit - why!.baseline, 6);
});

test("predict on a file writes a row an item; how it is read is remembered", async () => {
  const run = await sluice(folder, ["predict", "clf.safetensors", "test.csv", "--probabilities"]);
  expect(run.code).toBe(0);
  const [head, ...rows] = run.stdout.trimEnd().split("\n").map((line) => line.split(","));
  expect(head).toEqual(["item", "label", "probability", "p(negative)", "p(positive)"]);
  expect(rows).toHaveLength(40);
  expect(rows.filter((row, i) => row[1] === (i % 2 ? "positive" : "negative")).length).toBeGreaterThan(37);
  for (const row of rows) expect(Number(row[3]) + Number(row[4])).toBeCloseTo(1, 4);
  const empty = await sluice(folder, ["predict", "clf.safetensors", "--text", ""]);
  expect(empty.code).toBe(0);
  expect(empty.stderr).toContain("note: the text is empty: the answer is a guess");
});

test("evaluate repeats the scores of the training; inspect says what it is", async () => {
  const trained = lastJson<{ provenance: { scores: { test: { accuracy: number; nats: number } } } }>(await sluice(folder, ["inspect", "clf.safetensors", "--json"]));
  const run = lastJson<{ test: { accuracy: number; nats: number }; baselines: object }>(await sluice(folder, ["evaluate", "clf.safetensors", "test.csv", "--train", "reviews.csv", "--json"]));
  expect(run.test.nats).toBeCloseTo(trained.provenance.scores.test.nats, 6);
  expect(Object.keys(run.baselines)).toEqual(["majority", "naive Bayes"]);
  const { stdout } = await sluice(folder, ["inspect", "clf.safetensors"]);
  expect(stdout).toContain("classification of texts: negative, positive");
  expect(stdout).toMatch(/test +network accuracy [\d.]+, macro F1/);
});

test("series: JSON with its own test items, and a long table", async () => {
  const item = (i: number) => ({ label: i % 2 ? "rise" : "fall", x: Array.from({ length: 5 + (i % 3) }, (_, t) => [(i % 2 ? t : -t) + ((i * 0.618034) % 1), (t * i) % 3]) });
  const all = Array.from({ length: 60 }, (_, i) => item(i));
  writeFileSync(at("s.json"), JSON.stringify({ train: all.slice(0, 40), test: all.slice(40) }));
  const run = await sluice(folder, ["train", "classify", "s.json", "--series", "--hidden", "8", "--members", "2", "--epochs", "15", "--json"]);
  const report = lastJson<{ test: { accuracy: number; items: number }; baselines: object; model: string }>(run);
  expect(report).toMatchObject({ model: "s.classify.safetensors", test: { items: 20 } });
  expect(report.test.accuracy).toBeGreaterThan(0.9);
  expect(Object.keys(report.baselines)).toEqual(["majority", "nearest neighbour"]);
  const long = all.slice(0, 6).flatMap(({ x }, i) => x.map(([a, b], t) => `${i},${t},${a},${b}`));
  writeFileSync(at("s.csv"), `id,t,a,b\n${long.join("\n")}\n`);
  const answers = await sluice(folder, ["predict", "s.classify.safetensors", "s.csv", "--time", "t"]);
  expect(answers.stdout.trimEnd().split("\n").slice(1).map((row) => row.split(",")[1])).toEqual(["fall", "rise", "fall", "rise", "fall", "rise"]);
});

test.each<[string, string[], RegExp]>([
  ["text that is not UTF-8", ["train", "classify", "latin.txt"], /latin.txt: byte 7 \(line 1\) is 0xE9, expected UTF-8/],
  ["an empty file", ["train", "classify", "empty.txt"], /empty.txt: the text is empty/],
  ["one class", ["train", "classify", "one.txt"], /one.txt: the labels have one class, "a", expected at least two/],
  ["as many classes as items", ["train", "classify", "reviews.csv", "--label", "id"], /the labels have 160 classes in 160 items, expected at least two items a class/],
  ["10,000 classes", ["train", "classify", "many.txt"], /the labels have 10000 classes in 10000 items, expected at most 1000/],
  ["a column that is not there", ["train", "classify", "reviews.csv", "--text", "txt"], /column "txt" is not there.*Did you mean "text"/],
  ["a line without a text", ["train", "classify", "bare.txt"], /bare.txt: line 2 is "word", expected a label, a space and a text/],
  ["another task's verb", ["generate", "clf.safetensors", "--prompt", "x"], /is a model for the task "classify", expected "language"; use it with: sluice predict clf.safetensors --text/],
  ["nothing to predict", ["predict", "clf.safetensors"], /there is neither a text nor a file, expected one/],
  ["a test label that is new", ["train", "classify", "reviews.csv", "--test", "new.csv", ...fast], /the label of item 1 is "mixed", expected one of negative, positive/],
])("%s is refused", async (_, words, message) => {
  writeFileSync(at("latin.txt"), Buffer.from([...Buffer.from("1 caf x"), 0xe9, 0x0a]));
  writeFileSync(at("empty.txt"), "");
  writeFileSync(at("one.txt"), "a x y\na z\n");
  writeFileSync(at("many.txt"), Array.from({ length: 10_000 }, (__, i) => `c${i} text`).join("\n"));
  writeFileSync(at("bare.txt"), "a fine\nword\n");
  writeFileSync(at("new.csv"), 'id,text,label\n1,"so so",mixed\n');
  const run = await sluice(folder, words);
  expect(run.stderr.trimEnd().split("\n").at(-1)).toMatch(message);
  expect(run.code).toBeGreaterThan(0);
});
