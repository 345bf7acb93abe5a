/** @file Truth: Wu et al. 2016, equation 14, worked by hand; a translation memory by looking. */
import { expect, test } from "vitest";
import { failure } from "../../../test/failure.ts";
import { remembered } from "./baselines.ts";
import { rankScore, searchOf } from "./rank.ts";
import { decodeTokens, encodeText, makeTokenizer, surfaces } from "./side.ts";

test("scores divide by a power of the length and take off what was not read", () => {
  const wu = searchOf({ lengthPenalty: 1 });
  expect(rankScore(wu, -6, 7, null)).toBeCloseTo(-3, 12); // (5 + 7)/6 = 2
  expect(rankScore(searchOf({ lengthPenalty: 0 }), -6, 7, null)).toBe(-6);
  expect(rankScore(searchOf({ lengthPenalty: 0.5, lengthForm: "simple" }), -6, 9, null)).toBeCloseTo(-2, 12); // √9 = 3
  const covered = searchOf({ lengthPenalty: 0, coveragePenalty: 0.5 });
  expect(rankScore(covered, -6, 2, [1.4, 0.5])).toBeCloseTo(-6 + 0.5 * Math.log(0.5), 12); // above 1 counts as 1
  expect(rankScore(covered, -6, 2, [1, 0])).toBeGreaterThan(-Infinity);
  expect(failure(() => searchOf({ lengthPenalty: Number.NaN })).message).toMatch(/lengthPenalty is NaN, expected a number from 0 to 10/);
  expect(failure(() => searchOf({ beam: 1.5 })).code).toBe("range");
});

test("a translation memory answers with the most similar source's target; rare words count more", () => {
  const train = { source: ["a dog runs", "a cat runs", "a cat sleeps on a zeppelin"], target: ["1", "2", "3"] };
  expect(remembered(train, ["the cat runs", "zeppelin", "dog", "nothing of it"])).toEqual(["2", "3", "1", "1"]);
});

test("byte pairs read a word alike wherever it stands, and give texts back", () => {
  const texts = Array.from({ length: 30 }, (_, i) => `haus und ${["hof", "haus"][i % 2]!} und haus`);
  const side = { tokens: "bpe:300", lowercase: false, spaces: false, minCount: 1 };
  const tokenizer = makeTokenizer(texts, side);
  const ids = encodeText(tokenizer, "  haus und haus ");
  expect(ids[0]).toBe(ids.at(-1));
  expect(decodeTokens(tokenizer, ids)).toBe("haus und haus");
});

test("unknown tokens become what was copied for their place, others stay", () => {
  const words = makeTokenizer(["a b a b"], { tokens: "word", lowercase: false, spaces: true, minCount: 1 });
  const ids = encodeText(words, "a zorro b");
  expect(ids[1]).toBe(words.special.unknown);
  expect(surfaces(words, "a zorro b", ids)).toEqual(["a", "zorro", "b"]);
  expect(decodeTokens(words, ids, ["x", "zorro", "y", "beyond the end"])).toBe("a zorro b");
  expect(decodeTokens(words, ids)).toBe("a b");
  const letters = makeTokenizer(["ab"], { tokens: "char", lowercase: false, spaces: false, minCount: 1 });
  expect(decodeTokens(letters, encodeText(letters, "aéb"), [undefined, "é"])).toBe("aéb");
});
