/**
 * @file Truth: the task itself. Reversed strings have one right answer, which a decoder that looks back finds exactly; decoding obeys laws
 * (beam 1 is greedy, a beam is never worse, company does not matter), and a resumed training gives the bytes of one left alone.
 */
import { beforeAll, expect, test } from "vitest";
import { Rng } from "../../base/random.ts";
import { createEngine } from "../../engine/index.ts";
import { decodeModel, encodeModel, type ModelFile } from "../../formats/model.ts";
import { logSoftmax } from "../../ops/softmax.ts";
import { load } from "./index.ts";
import type { TranslateOptions } from "./options.ts";
import { searchOf } from "./rank.ts";
import type { ParallelTexts } from "./scores.ts";
import { searchBatch } from "./search.ts";
import { type TrainedTranslator, trainTranslate } from "./train.ts";
import type { Translator } from "./translator.ts";

const reversed = (text: string): string => [...text].reverse().join("");

/** Strings of 2 to 6 of five letters, and the same backwards. */
function strings(count: number, seed: number): ParallelTexts {
  const rng = new Rng(seed);
  const source = Array.from({ length: count }, () => Array.from({ length: 2 + rng.below(5) }, () => "abcde"[rng.below(5)]).join(""));
  return { source, target: source.map(reversed) };
}

const small: TranslateOptions = { hidden: 32, embedding: 16, batch: 400, epochs: 10, lr: "cosine(1.5e-2, warmup=20)", seed: 3 };

async function trained(options: TranslateOptions, run: Parameters<typeof trainTranslate>[2] = {}, texts = strings(1200, 1)): Promise<TrainedTranslator> {
  const training = trainTranslate({ name: "strings", train: texts }, options, { engine: createEngine({ threads: 1 }), ...run });
  for (;;) {
    const { done, value } = await training.next();
    if (done) return value;
  }
}

let reverser: TrainedTranslator;
let model: Translator;
beforeAll(async () => {
  reverser = await trained(small);
  model = reverser.model;
}, 60_000);

test("reversed strings are translated exactly, strings never seen too, and the report says so", () => {
  const { report } = reverser;
  expect(report.test?.exact).toBeGreaterThanOrEqual(0.95);
  expect(report.test?.sentences).toBe(60);
  expect(report.verdict.beatsAll).toBe(true);
  expect(Object.keys(report.baselines)).toEqual(["source as it is", "translation memory"]);
  expect(report.test?.signature).toBe("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:sluice-1");
  expect(report.parameters).toBe([...model.params.values()].reduce((n, p) => n + p.size, 0));
});

test("alignment of a reversal runs backwards", () => {
  const [one] = model.translate(["abcde"], { align: true, beam: 1 });
  expect(one!.alignment!.source).toEqual(["a", "b", "c", "d", "e", "<end>"]);
  expect(one!.alignment!.target).toEqual(["e", "d", "c", "b", "a", "<end>"]);
  for (const row of one!.alignment!.weights) {
    expect(row).toHaveLength(6);
    expect(row.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 5);
  }
});

/** Half-trained: its beams differ from greedy now and then. */
const rough = () => trained({ ...small, epochs: 2, decoderLayers: 1 });

test("beam 1 is greedy; a beam is never below it, its hypotheses are sorted and different", async () => {
  const { model: m } = await rough();
  const { source } = strings(30, 9);
  const greedy = m.translate(source, { beam: 1 });
  const wide = m.translate(source, { beam: 4 });
  let better = 0;
  for (const [i, one] of wide.entries()) {
    if (greedy[i]!.complete && one.complete) expect(one.score).toBeGreaterThanOrEqual(greedy[i]!.score);
    better += Number(one.score > greedy[i]!.score);
    const scores = one.best.filter((h) => h.complete).map((h) => h.score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(one.best.map((h) => h.text)).size).toBe(one.best.length);
    expect(one.best.length).toBeLessThanOrEqual(4);
  }
  expect(better).toBeGreaterThan(0); // otherwise the beam was not tried at all
  expect(greedy.map((t) => t.text)).toEqual(stepwise(m, source));
});

/** Greedy decoding written plainly: one sentence, one step, one whole decoding from the start mark at a time. */
function stepwise(m: Translator, sources: readonly string[]): string[] {
  const { engine, network, marks } = m;
  return sources.map((text) => {
    const ids = [...m.source.encode(text), marks.sourceEnd];
    const written: number[] = [];
    const most = Math.ceil(m.config.ratio * (ids.length - 1)) + 11;
    while (written.length < most) {
      const next = engine.scope(() => {
        const { memory, state } = network.encode(engine.ints([ids.length, 1], ids), engine.ints([1], [ids.length]));
        const { readout } = network.decode(engine.ints([written.length + 1, 1], [marks.start, ...written]), state, memory);
        const scores = Array.from(network.logits(readout.at(-1)).data);
        return scores.indexOf(Math.max(...scores));
      });
      if (next === marks.end) break;
      written.push(next);
    }
    return m.target.decode(written).trim();
  });
}

/** Log probability of a translation, and what each of its tokens looked at, with all of it given at once. */
function rescored(m: Translator, text: string, translation: string): { logProbability: number; weights: number[][] } {
  const { engine, network, marks } = m;
  const ids = [...m.source.encode(text), marks.sourceEnd];
  const due = [...m.target.encode(translation), marks.end];
  return engine.scope(() => {
    const { memory, state } = network.encode(engine.ints([ids.length, 1], ids), engine.ints([1], [ids.length]));
    const { readout, weights } = network.decode(engine.ints([due.length, 1], [marks.start, ...due.slice(0, -1)]), state, memory);
    const scores = logSoftmax({ x: network.logits(readout) }).y;
    const logProbability = due.reduce((sum, id, t) => sum + scores.at(t).data[id]!, 0);
    return { logProbability, weights: due.map((_, t) => Array.from(weights!.at(t).data)) };
  });
}

test("what a beam says of its hypotheses is what the whole network says of them", async () => {
  const { model: m } = await rough();
  const { source } = strings(12, 8);
  for (const [i, one] of m.translate(source, { beam: 4, align: true }).entries()) {
    for (const h of one.best.filter(({ complete }) => complete)) expect(h.logProbability).toBeCloseTo(rescored(m, source[i]!, h.text).logProbability, 4);
    const { weights } = rescored(m, source[i]!, one.text);
    for (const [t, row] of one.alignment!.weights.entries()) for (const [s, share] of row.entries()) expect(share).toBeCloseTo(weights[t]![s]!, 4);
  }
});

test("the greedy hypothesis is not lost when better beginnings push it out", async () => {
  const { model: m } = await trained({ ...small, epochs: 1, decoderLayers: 1 });
  const { source } = strings(150, 11);
  const long = { lengthPenalty: 3 }; // late rewards that a beam does not see coming
  const greedy = m.translate(source, { beam: 1, ...long });
  const wide = m.translate(source, { beam: 2, ...long });
  for (const [i, one] of wide.entries()) if (greedy[i]!.complete) expect(one.score).toBeGreaterThanOrEqual(greedy[i]!.score);
});

test("what a text becomes does not depend on its company, whatever the attention", async () => {
  const { source } = strings(7, 4);
  for (const options of [{}, { attention: "general" }, { attention: "dot", inputFeeding: true }, { attention: "none" }, { cell: "lstm", layers: 2 }] as const) {
    const { model: m } = await trained({ ...small, hidden: 10, epochs: 1, ...options }, {}, strings(60, 2));
    const together = m.translate(source, { beam: 3, coveragePenalty: 0.2 });
    const alone = source.map((text) => m.translate([text], { beam: 3, coveragePenalty: 0.2 })[0]!);
    expect(together).toEqual(alone);
  }
});

test("a text that is cut off at its longest length stays as it was then, whoever goes on beside it", async () => {
  const { model: m } = await rough();
  const sources = strings(10, 12).source.map((text) => m.source.encode(text));
  const most = sources.map((_, i) => (i % 5 === 0 ? 2 : 20)); // two are cut off while eight go on: too few to be taken out of the batch
  const search = searchOf({ beam: 3 });
  const find = (which: readonly number[]) => searchBatch(m.engine, m.network, m.marks, which.map((i) => sources[i]!), which.map((i) => most[i]!), search);
  const all = sources.map((_, i) => i);
  const together = find(all);
  expect(together).toEqual(all.map((i) => find([i])[0]!));
  for (const [i, found] of together.entries()) for (const h of found) expect(h.tokens.length).toBeLessThanOrEqual(most[i]!);
});

test("a file holds everything: the same translations after it, shared vocabulary or not", async () => {
  const { source } = strings(12, 5);
  const shared = (await trained({ ...small, epochs: 1, shared: true }, {}, strings(200, 2))).model;
  for (const m of [model, shared]) {
    const again = load(encodeModel(m.toFile("test")), "file", createEngine());
    expect(again.translate(source, { beam: 2 })).toEqual(m.translate(source, { beam: 2 }));
  }
});

test("a file that says what cannot be is refused by name", () => {
  const file = model.toFile("test");
  const config = file.config as { network: Record<string, unknown>; [key: string]: unknown };
  const broken = (part: Partial<ModelFile>) => () => load(encodeModel({ ...file, ...part }), "bad.safetensors", model.engine);
  const network = (part: object) => broken({ config: { ...config, network: { ...config.network, ...part } } as ModelFile["config"] });
  expect(broken({ task: "language" })).toThrow(/bad.safetensors: a model for the task "language", expected "translate"/);
  expect(network({ hidden: 1e6 })).toThrow(/config.network/);
  expect(network({ hidden: 33 })).toThrow(/tensor "/);
  expect(network({ attention: "hard" })).toThrow(/config.network.attention is "hard"/);
  expect(network({ targetVocabulary: 7 })).toThrow(/config.network.targetVocabulary is 7/);
  expect(network({ decoderLayers: 500 })).toThrow(/layers/);
  expect(broken({ preprocessing: { source: null, target: null } })).toThrow(/tokenizer is null/);
  expect(broken({ config: { ...config, ratio: -1 } })).toThrow(/config.ratio is -1/);
});

test("an interrupted and resumed training gives the bytes of one left alone", async () => {
  const options: TranslateOptions = { ...small, epochs: 3, hidden: 12, embedding: 8, sampling: 0.5, dropout: 0.2, ema: 0.9 };
  const texts = strings(150, 6);
  const bytes = async (run: Parameters<typeof trainTranslate>[2]) => encodeModel((await trained(options, run, texts)).model.toFile("test"));
  const files: Uint8Array[] = [];
  const whole = await bytes({ checkpoint: (file) => void files.push(encodeModel(file)) });
  expect(await bytes({ resume: decodeModel(files[0]!, "checkpoint") })).toEqual(whole);
});

test("scheduled sampling and input feeding learn too", async () => {
  for (const options of [{ sampling: 0.25 }, { inputFeeding: true, decoderLayers: 1, attention: "general" }] as const) {
    const { report } = await trained({ ...small, epochs: 4, ...options }, {}, strings(800, 1));
    expect(report.test!.nats).toBeLessThan(1.2); // guessing among five letters and an end costs 1.79
  }
}, 30_000);

test("texts and options that cannot be meant are refused", async () => {
  const pairs = strings(40, 1);
  const start = (texts: ParallelTexts, options: TranslateOptions = small) => trained({ ...options, epochs: 1 }, {}, texts);
  await expect(start({ source: pairs.source, target: pairs.target.slice(1) })).rejects.toThrow(/training sources are 40, their targets 39/);
  await expect(start(pairs, { ...small, maxLength: 1 })).rejects.toThrow(/every pair of the training part is too long/);
  await expect(start(pairs, { ...small, hidden: 0 })).rejects.toThrow(/hidden is 0/);
  await expect(start(pairs, { ...small, split: { by: "counts", train: 40, valid: 5, test: 5 } })).rejects.toThrow(/there are 40 pairs, expected at least 50/);
  await expect(start(pairs, { ...small, tying: "all" })).rejects.toThrow(/tying is "all" without a shared vocabulary/);
  const withEmpty: ParallelTexts = { source: [...pairs.source.slice(0, 3), " "], target: pairs.target.slice(0, 4) };
  const held = trainTranslate({ name: "strings", train: pairs, test: withEmpty }, { ...small, epochs: 1 }, { engine: createEngine({ threads: 1 }) });
  await expect(held.next()).rejects.toThrow(/source 4 of the test part is empty/); // before the first step, not after the last
  expect(() => model.translate([""])).toThrow(/the text is empty/);
  expect(() => model.translate(["ab", " "])).toThrow(/text 2: the text is empty/);
  expect(() => model.translate(["ab"], { beam: 0 })).toThrow(/beam is 0, expected a whole number from 1/);
  const long = "abc".repeat(100);
  expect(() => model.translate([long])).toThrow(/300 tokens, expected at most 200/);
  expect(model.translate([long], { cut: true, beam: 1 })[0]!.cut).toBe(true);
});

test("words without an entry are copied from the source", async () => {
  const names = Array.from({ length: 60 }, (_, i) => `name${String.fromCharCode(97 + (i % 26))}${i}`);
  const source = Array.from({ length: 600 }, (_, i) => `ich bin ${i % 3 === 0 ? names[i % 60]! : ["müde", "hier"][i % 2]!}`);
  const target = source.map((text) => text.replace("ich bin", "i am").replace("müde", "tired").replace("hier", "here"));
  const { model: m } = await trained({ ...small, tokens: "word:8", minCount: 1, spaces: true, epochs: 15 }, {}, { source, target });
  const [one] = m.translate(["ich bin zaphod"], { beam: 1 });
  expect(one!.unknown).toBe(1);
  expect(one!.text).toBe("i am zaphod");
});

test("a hundred thousand pairs are no trouble", async () => {
  const source = Array.from({ length: 100_000 }, (_, i) => `${i % 977}`);
  const training = trainTranslate({ name: "many", train: { source, target: source } }, small, { engine: createEngine({ threads: 1 }) });
  expect((await training.next()).value).toMatchObject({ type: "plan", pairs: { train: 90_000, valid: 5000, test: 5000 } });
  await training.return(undefined as never);
});
