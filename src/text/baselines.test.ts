/** Baselines that count. Truths: slow implementations with maps, sums by hand, and on the public data sets the figures of their README, measured by other programs. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { classBaselines, naiveBayes, ngramBaselines, trainTokenizer } from "./index.ts";
import { Counts } from "./ngram.ts";

const ids = (...list: number[]): Int32Array => Int32Array.from(list);

test("relative frequencies after a context are those of counting with a map", () => {
  const text = fc.array(fc.nat(3), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(text, text, fc.integer({ min: 1, max: 3 }), (train, other, order) => {
      const { p, bucket } = new Counts(Int32Array.from(train), order, 4).estimate(Int32Array.from(other));
      const count = (list: number[], run: number[]): number => list.filter((_, i) => i + run.length <= list.length && run.every((x, k) => list[i + k] === x)).length;
      for (let i = 0; i < other.length; i++) {
        const run = i >= order - 1 ? other.slice(i - order + 1, i + 1) : null;
        // A context at the very end is followed by nothing.
        const seen = run === null ? 0 : count(train.slice(0, -1), run.slice(0, -1)) + (order === 1 ? 1 : 0);
        expect(bucket[i]).toBe(seen === 0 ? 0 : Math.floor(Math.log2(seen)) + 1);
        expect(p[i]).toBe(run === null || seen === 0 ? 0 : count(train, run) / seen);
      }
    }),
  );
});

test("the chances of all next tokens add up to one, at every order", () => {
  const train = ids(0, 1, 2, 0, 1, 1, 2, 0, 3, 1, 2, 2, 0, 1);
  const valid = ids(0, 1, 2, 3, 0, 1, 1);
  // The last token's share of the mean, for each token it can be: what stands before it is the same.
  const before = ids(1, 2);
  for (const order of ["unigram", "bigram", "trigram"] as const) {
    const nats = (test: Int32Array): number => ngramBaselines(train, valid, test, 5)[order].test * test.length;
    const sum = [0, 1, 2, 3, 4].reduce((total, c) => total + Math.exp(nats(before) - nats(ids(...before, c))), 0);
    expect(sum).toBeCloseTo(1, 12);
  }
});

test("a text of one cycle is nearly certain to a bigram; one of random tokens is no better than its unigram", () => {
  const cycle = Int32Array.from({ length: 3000 }, (_, i) => i % 5);
  const sure = ngramBaselines(cycle.subarray(0, 2000), cycle.subarray(2000, 2500), cycle.subarray(2500), 5);
  expect(sure.unigram.test).toBeCloseTo(Math.log(5), 2);
  expect(sure.bigram.test).toBeLessThan(0.02);
  expect(sure.trigram.test).toBeLessThan(0.02);
  const none = ngramBaselines(cycle.subarray(0, 2000), ids(), cycle.subarray(2500), 5); // weights from the end of train
  expect(none.trigram.test).toBeLessThan(0.02);
});

test("what cannot be counted is refused", () => {
  expect(failure(() => ngramBaselines(ids(), ids(), ids(0), 2)).message).toBe("ngramBaselines: train has 0 tokens, expected some");
  expect(failure(() => ngramBaselines(ids(0), ids(0), ids(2), 2)).message).toBe("ngramBaselines: test[0] is 2, expected 0 to 1; V is 2");
  expect(failure(() => naiveBayes([])).code).toBe("data");
  expect(failure(() => naiveBayes([{ tokens: ["a"], label: -1 }])).code).toBe("range");
});

test("naive Bayes: chances by hand", () => {
  const train = [{ tokens: ["good", "film"], label: 1 }, { tokens: ["bad", "film", "bad"], label: 0 }, { tokens: ["good"], label: 1 }];
  // Features: good, film, bad. Class 0 has bad once (it counts once a text), film once; class 1 good twice, film once.
  const model = naiveBayes(train, { bigrams: false });
  const [zero, one] = model.scores(["good", "film", "new", "good"]);
  expect(zero).toBeCloseTo(Math.log(1 / 3) + Math.log(1 / 5) + Math.log(2 / 5) + Math.log(1 / 5), 12);
  expect(one).toBeCloseTo(Math.log(2 / 3) + Math.log(3 / 6) + Math.log(2 / 6) + Math.log(1 / 6), 12);
  const counting = naiveBayes(train, { bigrams: false, binary: false });
  expect(counting.scores(["bad"])[0]).toBeCloseTo(Math.log(1 / 3) + Math.log(3 / 6), 12);
  const order = [{ tokens: [1, 2], label: 0 }, { tokens: [2, 1], label: 1 }];
  expect([[1, 2], [2, 1]].map((tokens) => naiveBayes(order).predict(tokens))).toEqual([0, 1]); // only pairs tell them apart
  const scores = classBaselines(train, [{ tokens: ["bad"], label: 0 }, { tokens: ["good"], label: 1 }]);
  expect(scores.majority).toEqual({ label: 1, accuracy: 0.5 });
  expect(scores.naiveBayes.accuracy).toBe(1);
  expect([...scores.naiveBayes.predictions]).toEqual([0, 1]);
});

const data = join(import.meta.dirname, "../../../shared/data");
const real = existsSync(data);
if (!real) console.warn(`no public data sets at ${data}: their figures are not checked`);
const file = (path: string): string => readFileSync(join(data, path), "utf8");

describe.skipIf(!real)("figures of the public data sets", () => {
  test("Penn Treebank: unigram 639.3, 0.7 bigram + 0.3 unigram 208.6, and the fitted mixtures below that", () => {
    const [train, valid, test] = ["train", "valid", "test"].map((part) => file(`language-modelling/ptb/ptb.${part}.txt`));
    const tokenizer = trainTokenizer("word", [train!], { split: "spaces", lines: true });
    const [a, b, c] = [train!, valid!, test!].map((text) => tokenizer.encode(text));
    expect([tokenizer.size, a!.length, b!.length, c!.length]).toEqual([10_000, 929_589, 73_760, 82_430]);
    const one = new Counts(a!, 1, 10_000).estimate(c!).p;
    const two = new Counts(a!, 2, 10_000).estimate(c!).p;
    const perplexity = (p: Float64Array): number => Math.exp(p.reduce((sum, x) => sum - Math.log(x), 0) / p.length);
    expect(perplexity(one)).toBeCloseTo(639.3, 1);
    expect(Math.abs(perplexity(two.map((x, i) => 0.7 * x + 0.3 * one[i]!)) - 208.6)).toBeLessThan(0.2);
    const fitted = ngramBaselines(a!, b!, c!, 10_000);
    expect(Math.exp(fitted.bigram.test)).toBeLessThan(208);
    expect(Math.exp(fitted.trigram.test)).toBeLessThan(170);
  });

  test("tiny Shakespeare: the fitted trigram is below the 2.050 of one with 0.05 added", () => {
    const text = file("language-modelling/tinyshakespeare/input.txt");
    const tokenizer = trainTokenizer("char", [text], { special: [] });
    const all = tokenizer.encode(text);
    const [train, test] = [all.subarray(0, 1_003_854), all.subarray(1_003_854)];
    expect([tokenizer.size, test.length]).toEqual([65, 111_540]);
    const seen = (ids: Int32Array, order: number): number[] => {
      const counts = new Array<number>(65 ** order).fill(0);
      for (let i = order - 1; i < ids.length; i++) counts[ids.subarray(i - order + 1, i + 1).reduce((key, id) => key * 65 + id, 0)]!++;
      return counts;
    };
    const [pairs, triples] = [seen(train, 2), seen(train, 3)];
    let nats = 0;
    for (let i = 2; i < test.length; i++) {
      const pair = test[i - 2]! * 65 + test[i - 1]!;
      nats -= Math.log((triples[pair * 65 + test[i]!]! + 0.05) / (pairs[pair]! + 0.05 * 65));
    }
    const added = nats / (test.length - 2);
    expect(added).toBeCloseTo(2.05, 3);
    expect(ngramBaselines(train, test, test, 65).trigram.test).toBeLessThan(added);
  });

  test("naive Bayes: SST-2 82.8%, TREC 86.2%", () => {
    const rows = (path: string) => file(path).trim().toLowerCase().split("\n").map((line) => ({ label: Number(line[0]), tokens: line.slice(2).trim().split(/\s+/) }));
    const percent = (train: string, test: string): string => (100 * classBaselines(rows(train), rows(test)).naiveBayes.accuracy).toFixed(1);
    expect(percent("sentiment/sst2/stsa.binary.train.txt", "sentiment/sst2/stsa.binary.test.txt")).toBe("82.8");
    expect(percent("topic/trec/TREC.train.txt", "topic/trec/TREC.test.txt")).toBe("86.2");
  });
});
