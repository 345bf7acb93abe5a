/** Byte pairs. Truths: the words of Sennrich et al. 2016, section 3.2; slow implementations that count and search anew at every step. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { piecesOf } from "./bpe.ts";
import { learnPairs } from "./bpe-train.ts";
import { Merges } from "./merges.ts";

const letters = (word: string): number[] => [...word].map((c) => c.charCodeAt(0) - 97);

/** Joins every left right from left to right. */
function joined(symbols: readonly number[], left: number, right: number, result: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const hit = symbols[i] === left && symbols[i + 1] === right;
    out.push(hit ? result : symbols[i]!);
    if (hit) i++;
  }
  return out;
}

test("low, lower, newest, widest: es, est, lo, low", () => {
  const words: [string, number][] = [["low", 5], ["lower", 2], ["newest", 6], ["widest", 3]];
  const pairs = learnPairs(words.map(([w, n]) => [letters(w), n] as const), 26, 4);
  const text = (symbol: number): string => (symbol < 26 ? String.fromCharCode(97 + symbol) : text(pairs[2 * (symbol - 26)]!) + text(pairs[2 * (symbol - 26) + 1]!));
  expect(Array.from({ length: 4 }, (_, i) => text(26 + i))).toEqual(["es", "est", "lo", "low"]);
});

test("each pair learnt is the most frequent of its moment, and learning ends when none stands twice", () => {
  const word = fc.tuple(fc.array(fc.nat(2), { maxLength: 12 }), fc.integer({ min: 1, max: 4 }));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), fc.integer({ min: 1, max: 12 }), (words, merges) => {
      const pairs = learnPairs(words, 3, merges);
      let now = words.map(([symbols, n]) => [symbols, n] as const);
      const most = (): [number, Map<string, number>] => {
        const counts = new Map<string, number>();
        for (const [symbols, n] of now) for (let i = 1; i < symbols.length; i++) counts.set(`${symbols[i - 1]} ${symbols[i]}`, (counts.get(`${symbols[i - 1]} ${symbols[i]}`) ?? 0) + n);
        return [Math.max(0, ...counts.values()), counts];
      };
      for (let i = 0; i < pairs.length; i += 2) {
        const [count, counts] = most();
        expect(counts.get(`${pairs[i]} ${pairs[i + 1]}`)).toBe(count);
        expect(count).toBeGreaterThan(1);
        now = now.map(([symbols, n]) => [joined(symbols, pairs[i]!, pairs[i + 1]!, 3 + i / 2), n]);
      }
      if (pairs.length < 2 * merges) expect(most()[0]).toBeLessThan(2);
    }),
    { numRuns: 300 },
  );
});

test("merging takes the pair learnt first, wherever it stands", () => {
  const word = fc.array(fc.nat(3), { maxLength: 40 });
  const long = fc.array(fc.nat(3), { minLength: 49, maxLength: 120 }); // merged another way
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), fc.oneof(word, long), (corpus, piece) => {
      const pairs = learnPairs(corpus.map((w) => [w, 2] as const), 4, 20);
      const table = new Merges(pairs, Array.from({ length: pairs.length / 2 }, (_, i) => 4 + i), 4 + pairs.length / 2);
      let slow = piece;
      for (let i = 0; i < pairs.length; i += 2) slow = joined(slow, pairs[i]!, pairs[i + 1]!, 4 + i / 2);
      const symbols = Int32Array.from(piece);
      expect([...symbols.subarray(0, table.apply(symbols))]).toEqual(slow);
    }),
    { numRuns: 300 },
  );
});

test("pieces are the text, words with the space before them", () => {
  expect(piecesOf("Ein  Mann, 12345 über \n\n  alle…")).toEqual(["Ein", " ", " Mann", ",", " 123", "45", " über", " \n\n", " ", " alle", "…"]);
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => void expect(piecesOf(text).join("")).toBe(text)));
});
