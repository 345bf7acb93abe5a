/** The examples run, on the built package as a user would import it, and do what they say. Truth: laws (step = chunks = sequence) and chance levels. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "sluice-examples-"));
const said: string[] = [];
beforeAll(() => void vi.spyOn(console, "log").mockImplementation((line: string) => void said.push(line)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every example is tried here", () => {
  const files = readdirSync(join(root, "examples")).filter((file) => file.endsWith(".ts"));
  const text = readFileSync(import.meta.filename, "utf8");
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter((file) => !text.includes(`../../examples/${file}`))).toEqual([]);
});

test("forecast: trains, forecasts 12 steps, leaves a model that loads and a picture", async () => {
  const [{ trainAndDraw }, { sampleWeather }, { load }] = await Promise.all([
    import("../../examples/forecast.ts"),
    import("sluice/data"),
    import("sluice/infer"),
  ]);
  const table = sampleWeather({ years: 0.2 });
  const options = { targets: "temperature", horizon: 12, lookback: 48, hidden: 8, epochs: 1 };
  const { report, forecasts, model, picture } = await trainAndDraw(table, options, folder);
  expect(report.test.mse).toBeGreaterThan(0);
  expect(forecasts[0]!.targets[0]!.point).toHaveLength(12);
  expect(forecasts[0]!.targets[0]!.point.every(Number.isFinite)).toBe(true);
  expect((await load(readFileSync(model))).horizon).toBe(12);
  expect(readFileSync(picture, "utf8")).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
  expect(said.some((line) => line.startsWith("epoch 1"))).toBe(true);
});

test("classify: the order of words decides, which naive Bayes can't see, and the last word is found", async () => {
  const [{ makeOpinions, trainAndExplain }, { classify }] = await Promise.all([import("../../examples/classify.ts"), import("sluice/tasks")]);
  const options = { hidden: 12, embedding: 16, members: 1, gramBuckets: 256, wideBuckets: 1024, epochs: 12, lr: 0.02 };
  const text = "her book was rather dull in the beginning, but really moving in the end";
  const { report, answer, explanation, model } = await trainAndExplain(makeOpinions(400), text, options, folder);
  expect(report.test!.accuracy).toBeGreaterThan(0.9);
  expect(report.baselines["naive Bayes"]!.accuracy).toBeLessThan(0.75);
  expect(answer.labels).toEqual(["liked"]);
  expect(explanation.tokens.find((t) => t.token === "moving")!.score).toBeGreaterThan(0);
  expect(classify.load(readFileSync(model)).predictTexts([text])).toEqual([answer]);
});

test("language: writes what the grammar allows, suggests, goes back, learns a word and takes it back", async () => {
  const [{ makeReports, trainAndWrite }, { language }] = await Promise.all([import("../../examples/language.ts"), import("sluice/tasks")]);
  const options = { hidden: 48, layers: 1, epochs: 8, lr: "cosine(2e-2, warmup=10)" };
  const { report, model, file, written, again, next, ending, learnt } = await trainAndWrite(makeReports(500), options, folder);
  expect(report.verdict.beatsAll).toBe(true);
  expect(written).toBe(": stay at home.");
  expect(again).toBe(written);
  expect(next[0]).toMatchObject({ word: "hat" });
  expect(ending[0]).toMatchObject({ word: "south" });
  expect(learnt[0]).toMatchObject({ word: "kite" });
  const loaded = language.load(readFileSync(file));
  expect(loaded.suggest("in the sou")[0]!.word).toBe(ending[0]!.word);
  expect(model.learnt).toBe(0);
});

test("stream: whole, in chunks and sample by sample are the same numbers", async () => {
  const { compareWays } = await import("../../examples/stream.ts");
  expect(compareWays(30)).toEqual({ numbers: 480, chunks: 0, samples: 0 });
});

test("custom-model: far better than one right in three", async () => {
  const { classifyWaves } = await import("../../examples/custom-model.ts");
  const { before, after } = await classifyWaves(100);
  expect(before).toBeLessThan(0.6);
  expect(after).toBeGreaterThan(0.85);
});

test("gates: the update gate keeps between the marks and lets go at them", async () => {
  const { lookIntoGates } = await import("../../examples/gates.ts");
  const { loss, keepAtMarks, keepElsewhere, z } = await lookIntoGates(600);
  expect(loss).toBeLessThan(0.15); // the variance of the number, what a constant answer would get, is 1/3
  expect(z.every((v) => v > 0 && v < 1)).toBe(true);
  expect(keepElsewhere - keepAtMarks).toBeGreaterThan(0.2);
});

test("dates: learns to write ISO dates far beyond chance, of dates that it has not seen", async () => {
  const { readDates } = await import("../../examples/dates.ts");
  const { exact, model } = await readDates({ pairs: 3000, epochs: 3 });
  expect(exact).toBeGreaterThan(0.02); // a guess among the dates of a century: 0.00003
  expect(model.translate(["Mittwoch, 1. März 2023"])[0]!.text).toMatch(/^\d{4}-\d{2}-\d{2}$/);
}, 30_000);
