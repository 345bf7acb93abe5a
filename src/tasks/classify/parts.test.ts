/** The parts of a classifier. Truth: sums done by hand, other formulas for the same number, laws that hold for all inputs. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failure } from "../../../test/failure.ts";
import { Rng } from "../../base/random.ts";
import { parseCsv } from "../../data/csv.ts";
import { createEngine } from "../../engine/index.ts";
import { Init } from "../../nn/init.ts";
import { trainTokenizer } from "../../text/index.ts";
import { bucket, makeBatch, type SeriesSamples, type TextSamples } from "./batch.ts";
import { calibrateParts, type Scored } from "./calibrate.ts";
import { classesOf } from "./data.ts";
import { score } from "./evaluate.ts";
import { explanationHtml, explanationText } from "./explain-show.ts";
import { balancedWeights } from "./material.ts";
import { Member } from "./network.ts";
import { looksSpaced } from "./options.ts";
import { logCountRatios } from "./ratios.ts";
import { seriesOfJson, seriesOfTable, textsOfLines, textsOfTable } from "./read.ts";
import { featureCount, fitSeries, prepareSeries } from "./series.ts";
import { countsOf, foldItems, splitItems } from "./split.ts";
import { Lexicon } from "./units.ts";

test("log-count ratios: naive Bayes by hand on four items", () => {
  // Feature 0 in both items of class 0 and one of class 1; feature 2 in both of class 1. Counts + 1: (3, 2), (1, 3); norms 2 + 2, 3 + 2.
  const r = logCountRatios([[0], [0], [0, 2], [2]].map((f) => Int32Array.from(f)), [[0], [0], [1], [1]], 4, 2);
  const [a, b] = [Math.log(3 / 4), Math.log(2 / 5)];
  expect(r[0]).toBeCloseTo((a - b) / 2, 5);
  expect(r[1]).toBeCloseTo((b - a) / 2, 5);
  expect(r[4]! - r[5]!).toBeCloseTo(Math.log(1 / 4) - Math.log(3 / 5), 5);
  expect([r[2], r[3], r[6], r[7]]).toEqual([0, 0, 0, 0]); // never seen
});

test("calibration finds the factors that a fine grid finds, and never weighs a part below 0", () => {
  const rng = new Rng(3);
  const [N, C] = [300, 3];
  const truth = Int32Array.from({ length: N }, () => rng.below(C));
  const noisy = (strength: number) => Float64Array.from({ length: N * C }, (_, j) => 3 * rng.normal() + (truth[Math.floor(j / C)] === j % C ? strength : 0));
  const scored: Scored = { deep: noisy(6), wide: noisy(3), truth, classes: C, multiLabel: false };
  const nll = (d: number, w: number) => {
    let sum = 0;
    for (let i = 0; i < N; i++) {
      const z = Array.from({ length: C }, (_, c) => d * scored.deep[i * C + c]! + w * scored.wide![i * C + c]!);
      sum += Math.log(z.reduce((s, v) => s + Math.exp(v), 0)) - z[truth[i]!]!;
    }
    return sum / N;
  };
  const found = calibrateParts(scored);
  let best = Infinity;
  for (let d = 0; d <= 1.5; d += 0.05) for (let w = 0; w <= 1.5; w += 0.05) best = Math.min(best, nll(d, w));
  expect(found.loss).toBeCloseTo(nll(found.deep, found.wide), 9);
  expect(found.loss).toBeLessThan(best + 1e-3);
  expect(calibrateParts({ ...scored, wide: scored.wide!.map((v) => -v) }).wide).toBeLessThan(1e-6);
  const alone = calibrateParts({ ...scored, wide: null });
  expect(alone.wide).toBe(0);
  expect(alone.loss).toBeGreaterThan(found.loss);
});

test("with several labels calibration is that of independent yes or no answers", () => {
  const deep = Float64Array.from([4, -4, 4, 4, -4, -4, 4, -4]);
  const truth = Int32Array.from([1, 0, 1, 0, 0, 0, 1, 0]); // one of eight is wrong: p = 7/8, logit ln 7
  const { deep: factor } = calibrateParts({ deep, wide: null, truth, classes: 2, multiLabel: true });
  expect(4 * factor).toBeCloseTo(Math.log(7), 1);
});

test("scores by hand: accuracy, macro F1, confusion, nats, calibration error", () => {
  const p = [0.8, 0.2, 0.6, 0.4, 0.3, 0.7, 0.9, 0.1];
  const s = score(p, [[0], [0], [1], [1]], ["a", "b"]);
  expect(s.accuracy).toBe(0.75);
  expect(s.confusion).toEqual([[2, 0], [1, 1]]);
  expect(s.classes[0]).toMatchObject({ items: 2, precision: 2 / 3, recall: 1, f1: 0.8 });
  expect(s.macroF1).toBeCloseTo((0.8 + 2 / 3) / 2, 12);
  expect(s.nats).toBeCloseTo(-(Math.log(0.8) + Math.log(0.6) + Math.log(0.7) + Math.log(0.1)) / 4, 12);
  // 0.8 right, 0.6 right, 0.7 right, 0.9 wrong: each in a bin of its own.
  expect(s.ece).toBeCloseTo((0.2 + 0.4 + 0.3 + 0.9) / 4, 12);
  const several = score([0.9, 0.2, 0.6, 0.7], [[0], [1]], ["a", "b"], { multiLabel: true });
  expect(several).toMatchObject({ accuracy: 0.5, microF1: 2 * 2 / (3 + 2) });
  expect(several.confusion).toBeUndefined();
  expect(score([1, 0, 0, 1, 0, 0], [[0], [0]], ["a", "b", "never"]).macroF1).toBe(1);
});

test("any split keeps every item once and every class in about its share; folds do not overlap", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 20, maxLength: 300 }), fc.nat(1000), (of, seed) => {
      const labels = of.map((c) => [c]);
      const counts = countsOf({ by: "fractions", train: 0.6, valid: 0.2, test: 0.2 }, of.length);
      const parts = splitItems(labels, counts, seed);
      expect(parts.map((p) => p.length)).toEqual(counts);
      expect(parts.flatMap((p) => Array.from(p)).sort((a, b) => a - b)).toEqual(of.map((_, i) => i));
      for (let c = 0; c < 5; c++) {
        const all = of.filter((v) => v === c).length;
        const held = Array.from(parts[2]!).filter((i) => of[i] === c).length;
        expect(Math.abs(held - 0.2 * all)).toBeLessThan(3);
      }
      const folds = foldItems(labels, 5, 0.2, seed);
      expect(folds.flatMap((f) => Array.from(f.valid)).sort((a, b) => a - b)).toEqual(of.map((_, i) => i));
      for (const f of folds) expect(new Set([...f.train, ...f.valid]).size).toBe(of.length);
    }),
    { numRuns: 50 },
  );
  expect(countsOf({ by: "counts", train: 7, valid: 2, test: 1 }, 10)).toEqual([7, 2, 1]);
  expect(failure(() => countsOf({ by: "counts", train: 7, valid: 2, test: 2 }, 10)).message).toMatch(/expected numbers from 0 whose sum is 10/);
});

const tokenizer = trainTokenizer("word", ["the cat sat", "the dog sat down"], { lowercase: true, special: ["unknown"] });
const config = { lowercase: true, split: "words", grams: { from: 3, to: 6, buckets: 64 }, wide: { order: 2, buckets: 1 << 16 }, maxLength: 6 } as const;

describe("units", () => {
  test("a word is its own row and those of its n-grams; an unknown word only these", () => {
    const lexicon = new Lexicon(tokenizer, { ...config, grams: { ...config.grams } });
    const { units, cut } = lexicon.read("The cat sang");
    expect(cut).toBe(0);
    expect(Array.from(units, (u) => lexicon.name(u))).toEqual(["the", "cat", "sang"]);
    // <cat>: <ca cat at> <cat cat>; the whole of it has its own row.
    expect(lexicon.bag(units[1]!)).toHaveLength(1 + 3 + 2);
    expect(lexicon.bag(units[1]!)[0]).toBe(tokenizer.encode("cat")[0]);
    for (const row of lexicon.bag(units[2]!)) expect(row).toBeGreaterThanOrEqual(tokenizer.size);
    expect(lexicon.rows).toBe(tokenizer.size + 64);
  });

  test("runs for the wide part: words, neighbours, and both edges", () => {
    const lexicon = new Lexicon(tokenizer, config);
    const runs = lexicon.runs(["a", "b"]);
    expect(runs.map(({ from, length }) => [from, length])).toEqual([[0, 1], [1, 1], [0, 1], [0, 2], [1, 1]]);
    expect(new Set(runs.map((r) => r.row)).size).toBe(5);
    expect(lexicon.runs(["b", "a"]).map((r) => r.row)).not.toEqual(runs.map((r) => r.row));
  });

  test("a text is read up to its longest length, the rest is counted; an empty one has no unit", () => {
    const lexicon = new Lexicon(tokenizer, config);
    const long = lexicon.read("the cat sat the dog sat down down");
    expect([long.units.length, long.cut]).toEqual([6, 2]);
    expect(lexicon.read(" ").units).toHaveLength(0);
    const letters = new Lexicon(trainTokenizer("char", ["abc"]), config);
    expect(Array.from(letters.read("cab").units, (u) => letters.name(u))).toEqual(["c", "a", "b"]);
  });

  test("texts whose punctuation stands apart are found", () => {
    expect(looksSpaced(["a film , and a good one .", "no , really !"])).toBe(true);
    expect(looksSpaced(["A film, and a good one.", "No, really!"])).toBe(false);
  });
});

describe("batches", () => {
  const series = (lengths: readonly number[]): SeriesSamples => ({
    kind: "series",
    channels: 1,
    items: lengths.map((steps, i) => ({ steps, values: Float32Array.from({ length: steps }, (_, t) => 100 * i + t), features: new Float32Array(0) })),
  });

  test("pieces of any items hold each step once, in order, none longer than the limit", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 12 }), (lengths, piece) => {
        const batch = makeBatch(series(lengths), lengths.map((_, i) => i), piece);
        if (batch.kind !== "series") throw new Error("expected series");
        expect(batch.steps).toBeLessThanOrEqual(piece);
        const seen = lengths.map((): number[] => []);
        for (let b = 0; b < lengths.length; b++) {
          const rows = batch.pieces ? Array.from({ length: batch.pieces.counts[b]! }, (_, k) => batch.pieces!.ids[k * lengths.length + b]!) : [b];
          for (const r of rows) for (let t = 0; t < batch.lengths[r]!; t++) seen[b]!.push(batch.x[t * batch.rows + r]!);
        }
        expect(seen).toEqual(lengths.map((steps, i) => Array.from({ length: steps }, (_, t) => 100 * i + t)));
      }),
    );
  });

  test("an epoch's batches hold every item once, like lengths together", () => {
    const lengths = Array.from({ length: 100 }, (_, i) => 1 + ((i * 37) % 100));
    const batches = bucket(series(lengths), Int32Array.from(lengths.keys()), 10, new Rng(1));
    expect(batches.flatMap((b) => Array.from(b)).sort((a, b) => a - b)).toEqual([...lengths.keys()]);
    for (const b of batches) expect(Math.max(...Array.from(b, (i) => lengths[i]!)) - Math.min(...Array.from(b, (i) => lengths[i]!))).toBe(9);
  });

  test("an item's logits do not hang on who else is in the batch, nor on padding", () => {
    const engine = createEngine();
    const lexicon = new Lexicon(tokenizer, config);
    const samples: TextSamples = { kind: "text", lexicon, items: ["the cat", "the dog sat down", "", "cat sat the cat sat"].map((t) => lexicon.read(t)) };
    const member = new Member({ input: "text", width: lexicon.rows, embedding: 5, cell: "gru", hidden: 4, layers: 1, bidirectional: true, pooling: "attention", dropout: 0.5, unitDropout: 0.5, wideDropout: 0.5, wide: 1 << 16, classes: 3, members: 1 }, new Init(engine, new Rng(2)));
    member.wide!.data.forEach((_, i, all) => (all[i] = Math.sin(i)));
    const logits = (which: number[]) => engine.scope(() => {
      const { deep, wide } = member.forward(engine, makeBatch(samples, which, 3));
      return which.map((_, b) => [deep, wide!].map((t) => Array.from(t.data.slice(3 * b, 3 * b + 3))));
    });
    const together = logits([0, 1, 2, 3]);
    for (const i of [0, 1, 2, 3]) expect(logits([i])[0]).toEqual(together[i]);
  });
});

describe("series", () => {
  test("channels are on the training series' scale, gaps hold the value before them, summaries are on a scale of their own", () => {
    const data = { kind: "series", source: "s", channels: ["a", "b"], labels: [["x"], ["y"]], notes: [], series: [{ steps: 2, values: Float32Array.from([1, 5, 3, 5]) }, { steps: 2, values: Float32Array.from([5, 5, 7, 5]) }] } as const;
    const scale = fitSeries({ ...data, channels: [...data.channels], labels: [], notes: [], series: [...data.series] }, [0, 1]);
    expect(scale.mean).toEqual([4, 5]);
    expect(scale.deviation[0]).toBeCloseTo(Math.sqrt(5), 6);
    expect(scale.deviation[1]).toBe(1); // it stands still
    const { values, features } = prepareSeries({ steps: 3, values: Float32Array.from([4, 5, Number.NaN, Number.NaN, 4 + Math.sqrt(5), 6]) }, scale);
    [0, 0, 0, 0, 1, 1].forEach((v, i) => expect(values[i]).toBeCloseTo(v, 5));
    expect(features).toHaveLength(featureCount(2));
    expect(Array.from(features).every(Number.isFinite)).toBe(true);
  });

  test("from JSON and from a long table in any order: the same series", () => {
    const { train } = seriesOfJson({ train: [{ label: "up", x: [[1, 9], [2, null]] }, { label: "down", x: [[2, 8]] }] }, "s.json");
    const table = parseCsv("who,t,u,v,label\nq,1,2,8,down\np,2,2,,up\np,1,1,9,up\n", { source: "s.csv" });
    const long = seriesOfTable(table, { id: "who", time: "t", label: "label" });
    expect(long.channels).toEqual(["u", "v"]);
    expect(long.labels).toEqual([["down"], ["up"]]);
    expect(long.series[1]!.values).toEqual(train.series[0]!.values);
    expect(long.series[0]!.values).toEqual(train.series[1]!.values);
    const odd = parseCsv("id,v,label\na,1,x\na,2,y\n", { source: "odd.csv" });
    expect(failure(() => seriesOfTable(odd, { id: "id", label: "label" })).message).toMatch(/odd.csv, row 3: the label is "y", expected "x" as in the first row of series "a"/);
  });

  test("JSON that is none of it is refused with the place", () => {
    const refuse = (document: unknown) => failure(() => seriesOfJson(document, "s.json")).message;
    expect(refuse(3)).toMatch(/s.json: the document is 3/);
    expect(refuse({ train: [{ label: "a", x: [[1, 2], [3]] }] })).toMatch(/train\[0\].x\[1\] is \[3\], expected 2 numbers/);
    expect(refuse({ train: [{ label: "a", x: [["one"]] }] })).toMatch(/train\[0\].x\[0\]\[0\] is "one", expected a number, or null/);
    expect(refuse([{ label: {}, x: [1] }])).toMatch(/label is {…}, expected a text or a number/);
    expect(refuse([{ x: [] }])).toMatch(/x is \[\], expected a list of steps/);
  });
});

describe("texts", () => {
  test("lines that begin with their label", () => {
    const { texts, labels } = textsOfLines("0 one long string\n\n__label__pos good film \n", "t.txt");
    expect([texts, labels]).toEqual([["one long string", "good film"], [["0"], ["pos"]]]);
    expect(textsOfLines("a|b both", "t.txt", { separator: "|" }).labels).toEqual([["a", "b"]]);
    expect(failure(() => textsOfLines("1 fine\nword", "t.txt")).message).toMatch(/t.txt: line 2 is "word", expected a label, a space and a text/);
  });

  test("columns of a table, several joined, rows without a label left out and said", () => {
    const table = parseCsv("title,body,tag\nA,b,x\nC,d,\nE,f,y\n", { source: "t.csv" });
    const read = textsOfTable(table, { text: ["title", "body"], label: "tag" });
    expect(read.texts).toEqual(["A\nb", "E\nf"]);
    expect(read.notes).toEqual(["1 rows without a label left out"]);
    expect(textsOfTable(table, { text: ["title"], label: "tag", separator: ";" }).labels).toEqual([["x"], [], ["y"]]);
  });

  test("classes are in the order of numbers, or of letters", () => {
    const of = (...labels: string[]) => classesOf({ kind: "text", source: "t", texts: [], labels: [...labels, ...labels].map((l) => [l]), notes: [] });
    expect(of("10", "9", "-1")).toEqual(["-1", "9", "10"]);
    expect(of("b", "a", "10", "9")).toEqual(["10", "9", "a", "b"]);
  });

  test("balanced weights: a class that is three times as rare counts three times as much", () => {
    expect(Array.from(balancedWeights([[0], [0], [0], [1]], [0, 1, 2, 3], 2))).toEqual([Math.fround(2 / 3), 2]);
  });
});

test("an explanation is coloured for a terminal and for a page, and nothing in a text is taken for colour or markup", () => {
  const explanation = {
    ...{ label: "<b>", probability: 0.9, logit: 2.2, baseline: 0.1, error: 0, steps: 32 },
    tokens: [{ token: "<script>", score: 2, deep: 1.5, wide: 0.5 }, { token: "\u001b[31mred", score: -0.1, deep: -0.1, wide: 0 }, { token: "bad", score: -1.5, deep: -1.5, wide: 0 }],
    attention: [0.7, 0.1, 0.2],
  };
  const text = explanationText(explanation);
  expect(text).toContain("[+<script>] \ufffd[31mred [-bad]");
  expect(text).not.toContain("\u001b");
  expect(explanationText(explanation, { colour: true })).toContain("\u001b[48;5;40m<script>\u001b[0m");
  const html = explanationHtml([explanation]);
  for (const bad of ["<script>", "<b>", "\u001b"]) expect(html).not.toContain(bad);
  expect(html).toContain('rgba(11,138,102,0.75)" title="+2.00: recurrent +1.50, linear +0.50, attention 70%">&#60;script&#62;</span>');
});
