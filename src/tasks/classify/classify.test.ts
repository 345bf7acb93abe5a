/** The classification task from labelled items to file. Truth: data whose rule is known, laws (attributions sum up, save then load, resume = uninterrupted). */
import { expect, test } from "vitest";
import { failure } from "../../../test/failure.ts";
import type { SluiceError } from "../../base/errors.ts";
import { Rng } from "../../base/random.ts";
import { createEngine } from "../../engine/index.ts";
import { decodeModel, encodeModel, type ModelFile } from "../../formats/model.ts";
import { Classifier } from "./classifier.ts";
import type { LabelledSeries, LabelledTexts } from "./data.ts";
import { explainText } from "./explain.ts";
import type { ClassifyOptions } from "./options.ts";
import { type TrainedClassifier, trainClassify } from "./train.ts";

const engine = createEngine();
const filler = "the film with a story of some people in one old town and their many days".split(" ");
const small: ClassifyOptions = { embedding: 12, hidden: 8, gramBuckets: 256, wideBuckets: 512, members: 2, batch: 16, epochs: 12, seed: 1, lr: 0.01 };

/** Texts of words that say nothing; the classes differ by one word, `key`, somewhere in them. */
function planted(count: number, keys: readonly string[], seed: number, length = 8): LabelledTexts {
  const rng = new Rng(seed);
  const texts: string[] = [];
  const labels: string[][] = [];
  for (let i = 0; i < count; i++) {
    const words = Array.from({ length }, () => filler[rng.below(filler.length)]!);
    words[rng.below(length)] = keys[i % keys.length]!;
    texts.push(words.join(" "));
    labels.push([`class ${i % keys.length}`]);
  }
  return { kind: "text", source: "planted", texts, labels, notes: [] };
}

/** Ramps of the same values, up or down: mean, deviation and range say nothing about the class. */
function ramps(count: number, seed: number): LabelledSeries {
  const rng = new Rng(seed);
  const steps = 12;
  const series = Array.from({ length: count }, (_, i) => {
    const values = Float32Array.from({ length: steps }, () => rng.normal()).sort();
    // Up then down, or down then up: even the mean step is the same.
    const half = values.filter((__, t) => t % 2 === 0);
    const other = values.filter((__, t) => t % 2 === 1).reverse();
    const bump = Float32Array.from([...half, ...other]);
    return { steps, values: i % 2 === 0 ? bump : bump.map((v) => -v) };
  });
  return { kind: "series", source: "ramps", channels: ["x"], series, labels: series.map((_, i) => [i % 2 === 0 ? "hill" : "valley"]), notes: [] };
}

async function trained(...[data, options, run]: Parameters<typeof trainClassify>): Promise<TrainedClassifier> {
  const events = trainClassify(data, options, { engine, ...run });
  for (;;) {
    const { value, done } = await events.next();
    if (done) return value;
  }
}

/** The SluiceError that a training ends in. */
async function refusal(...call: Parameters<typeof trainClassify>): Promise<SluiceError> {
  const error: unknown = await trained(...call).catch((e: unknown) => e);
  return failure(() => {
    throw error;
  });
}

test("a planted keyword decides the class, and explain finds it", async () => {
  const { model, report } = await trained({ train: planted(200, ["splendid", "dreadful"], 1), test: planted(60, ["splendid", "dreadful"], 2) }, small);
  expect(report.test!.accuracy).toBeGreaterThan(0.97);
  expect(report.baselines["majority"]!.accuracy).toBe(0.5);
  const text = "some old people in the splendid town of one story";
  const [answer] = model.predictTexts([text]);
  expect(answer!.labels).toEqual(["class 0"]);
  const why = explainText(model, text);
  expect(why.label).toBe("class 0");
  const top = why.tokens.reduce((a, b) => (b.score > a.score ? b : a));
  expect(top.token).toBe("splendid");
  // Completeness: Sundararajan et al. 2017, proposition 1.
  const sum = why.tokens.reduce((s, { score }) => s + score, 0);
  expect(Math.abs(why.logit - why.baseline - sum)).toBeLessThan(0.02 * Math.abs(why.logit - why.baseline));
  expect(why.error).toBeCloseTo(why.logit - why.baseline - sum, 9);
  // Two classes: the logit over the mean of the others is the log odds.
  expect(why.logit).toBeCloseTo(Math.log(why.probability / (1 - why.probability)), 4);
  // And what speaks against: the other class's explanation of the same text has the opposite signs.
  const other = explainText(model, text, { label: "class 1" });
  for (const steps of [0, 1.5, 5000]) expect(() => explainText(model, text, { steps })).toThrow(`explain: steps is ${steps}, expected a whole number from 1 to 1024`);
  expect(other.tokens.reduce((a, b) => (b.score < a.score ? b : a)).token).toBe("splendid");
});

test.each(["last", "mean", "attention"] as const)("pooling by %s learns it too, in one direction and with other cells", async (pooling) => {
  const options = { ...small, pooling, bidirectional: pooling === "mean", cell: pooling === "last" ? "lstm" : "gru", wide: false } as const;
  const { model, report } = await trained({ train: planted(200, ["splendid", "dreadful"], 1), test: planted(60, ["splendid", "dreadful"], 2) }, options);
  expect(report.test!.accuracy).toBeGreaterThan(0.95);
  const why = explainText(model, "a dreadful town of people");
  expect(why.tokens.reduce((a, b) => (b.score > a.score ? b : a)).token).toBe("dreadful");
  if (pooling !== "attention") return expect(why.attention).toBeUndefined();
  expect(why.attention!.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  expect(why.attention).toHaveLength(5);
  // A state has seen its neighbours: what decides is looked at where it stands or beside it.
  const near = why.attention!.slice(0, 3).reduce((a, b) => a + b, 0);
  expect(near).toBeGreaterThan(0.62); // 0.6 if it looked everywhere alike
});

test("a long document is read in pieces, and one keyword in it decides", async () => {
  const options = { ...small, piece: 16, wide: false, epochs: 20 };
  const { model, report } = await trained({ train: planted(160, ["splendid", "dreadful"], 1, 50), test: planted(40, ["splendid", "dreadful"], 2, 50) }, options);
  expect(report.test!.accuracy).toBeGreaterThan(0.95);
  const words = Array.from({ length: 50 }, (_, i) => filler[i % filler.length]!);
  words[40] = "dreadful";
  const why = explainText(model, words.join(" "));
  expect(why.label).toBe("class 1");
  expect(why.tokens.reduce((a, b) => (b.score > a.score ? b : a)).token).toBe("dreadful");
});

test("a class of series that is decided by order, not by values", async () => {
  const { model, report } = await trained({ train: ramps(160, 1), test: ramps(60, 2) }, { hidden: 12, members: 2, epochs: 40, seed: 1, lr: 0.01, wide: false });
  expect(report.test!.accuracy).toBeGreaterThan(0.95);
  const up = Float32Array.from([-2, -1, 0, 1, 2, 1, 0, -1]);
  const answers = model.predictSeries(["x"], [{ steps: 8, values: up }, { steps: 8, values: up.map((v) => -v) }]);
  expect(answers.map((a) => a.labels[0])).toEqual(["hill", "valley"]);
});

test("several labels: each is found by itself, none too", async () => {
  const rng = new Rng(5);
  const keys = ["goal", "vote", "atom"];
  const make = (count: number): LabelledTexts => {
    const labels = Array.from({ length: count }, () => keys.filter(() => rng.uniform() < 0.4));
    const texts = labels.map((own) => rng.shuffle([...own, ...Array.from({ length: 5 }, () => filler[rng.below(filler.length)]!)]).join(" "));
    return { kind: "text", source: "several", texts, labels, notes: [] };
  };
  const { model, report } = await trained({ train: make(300), test: make(80) }, { ...small, multiLabel: true });
  expect(report.test!.accuracy).toBeGreaterThan(0.9);
  expect(report.test!.confusion).toBeUndefined();
  const [both, none] = model.predictTexts(["a vote in the old atom town", "the people of one town"]);
  expect(both!.labels.toSorted()).toEqual(["atom", "vote"]);
  expect(none!.labels).toEqual([]);
});

test("labels drawn by lot: nobody is better than chance, whether or not there are test items", async () => {
  const rng = new Rng(8);
  const lot = planted(240, ["x", "y"], 4, 20);
  const train = { ...lot, texts: lot.texts.map((text, i) => `${text} id${i}`), labels: lot.labels.map(() => [rng.uniform() < 0.5 ? "a" : "b"]) };
  const { report } = await trained({ train }, { ...small, epochs: 2, split: { by: "fractions", train: 1, valid: 0, test: 0 } });
  expect(report.test).toBeNull();
  for (const { accuracy } of [report.valid, ...Object.values(report.baselines)]) expect(Math.abs(accuracy - 0.5)).toBeLessThan(0.2);
});

test("saved and read back it gives the same bits; a resumed training gives the same bytes", async () => {
  const data = { train: planted(120, ["good", "bad", "fair"], 3) };
  const options = { ...small, epochs: 4 };
  const saved: ModelFile[] = [];
  const whole = await trained(data, options, { checkpoint: (file) => void saved.push(structuredClone(file)) });
  const bytes = encodeModel(whole.model.toFile("test"));
  const again = Classifier.fromFile(decodeModel(bytes, "model"), engine, "model");
  const texts = ["a good story", "bad days", ""];
  expect(again.predictTexts(texts)).toEqual(whole.model.predictTexts(texts));
  expect(again.predictTexts(texts)[2]!.notes[0]).toMatch(/the text is empty/);
  const resume = decodeModel(encodeModel(saved[1]!), "checkpoint");
  const rest = await trained(data, {}, { resume });
  expect(encodeModel(rest.model.toFile("test"))).toEqual(bytes);
  const other = await refusal({ train: planted(120, ["good", "bad", "fair"], 4) }, {}, { resume });
  expect(other.message).toMatch(/resume: the data's fingerprint is .*, expected/);
});

test("what cannot be learnt from is refused with the number and the way out", async () => {
  const refused = (train: LabelledTexts, options: ClassifyOptions = {}) => refusal({ train }, { ...small, ...options });
  const one = planted(20, ["x"], 1);
  expect((await refused(one)).message).toMatch(/planted: the labels have one class, "class 0", expected at least two/);
  const many = { ...planted(10_000, ["x"], 1), labels: Array.from({ length: 10_000 }, (_, i) => [String(i)]) };
  expect((await refused(many)).message).toMatch(/the labels have 10000 classes in 10000 items, expected at most 1000; is it the right column/);
  const each = { ...planted(30, ["x"], 1), labels: Array.from({ length: 30 }, (_, i) => [String(i)]) };
  expect((await refused(each)).message).toMatch(/30 classes in 30 items, expected at least two items a class/);
  expect((await refused(planted(1, ["x"], 1))).message).toMatch(/one class/);
  expect((await refused({ ...one, texts: one.texts.map(() => " ") })).message).toMatch(/there is no labelled item/);
  expect((await refused(planted(20, ["x", "y"], 1), { pooling: "best" as "max" })).message).toMatch(/pooling is "best", expected last, mean, max or attention/);
  expect((await refused(planted(20, ["x", "y"], 1), { hiden: 3 } as ClassifyOptions)).message).toMatch(/option is "hiden".*did you mean "hidden"/);
  expect((await refused(planted(20, ["x", "y"], 1), { hidden: 60000 })).code).toBe("memory");
  const long = { ...planted(40, ["x", "y"], 1, 3000), notes: [] };
  expect((await refused(long, { batch: 100_000 })).message).toMatch(/batches of 100000 and items of up to 3000 steps takes about .* make the batch or maxLength smaller/);
  const unknown = await refusal({ train: planted(20, ["x", "y"], 1), test: planted(9, ["x", "y", "z"], 1) }, small);
  expect(unknown.message).toMatch(/the label of item 3 is "class 2", expected one of class 0, class 1; the model knows no other/);
});
