/** Tokenizers. Truths: decoding undoes encoding; a stream says what the whole says; Unicode's own examples; small texts counted by hand. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { SluiceError } from "../base/errors.ts";
import { restoreTokenizer, trainTokenizer } from "./index.ts";
import { normalizeText } from "./normal.ts";
import type { Tokenizer, TokenizerOptions } from "./tokenizer.ts";

/** Any text: letters of all scripts, accents, emoji, halves of surrogate pairs. */
const anyText = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), fc.string({ unit: "binary-ascii" }), fc.string({ unit: fc.constantFrom("a", "b", " ", "\n", "\u0301", "👍🏽") }));

/** The pieces a stream gives, id by id, and its end. */
function streamed(tokenizer: Tokenizer, ids: ArrayLike<number>): string[] {
  const decoder = tokenizer.streamDecoder();
  return [...Array.from(ids, (id) => decoder.push(id)), decoder.end()];
}
const restored = (tokenizer: Tokenizer): Tokenizer => restoreTokenizer(JSON.parse(JSON.stringify(tokenizer)), "model");

test.each(["char", "byte", "bpe:300"])("%s: decoding undoes encoding, whole and as a stream, for any text", (kind) => {
  const special = fc.subarray(["unknown", "end", "start", "pad"] as const);
  fc.assert(
    fc.property(anyText, fc.boolean(), fc.boolean(), special, (text, graphemes, lowercase, special) => {
      const tokenizer = trainTokenizer(kind, [`${text}a`], { graphemes, lowercase, special });
      const ids = tokenizer.encode(text);
      const due = normalizeText(text, lowercase);
      expect(tokenizer.decode(ids)).toBe(due);
      expect(tokenizer.decode([...Object.values(tokenizer.special).filter((id) => id >= 0), ...ids])).toBe(due);
      expect(streamed(tokenizer, ids).join("")).toBe(due);
      expect(restored(tokenizer).encode(text)).toEqual(ids);
      expect(ids.every((id) => id >= special.length && id < tokenizer.size)).toBe(true);
    }),
  );
});

test.each(["byte", "bpe:400"])("%s: any ids, UTF-8 or not, stream as they decode", (kind) => {
  const tokenizer = trainTokenizer(kind, ["the naïve 日本 thing, the 👍🏽 thing"], { special: ["pad"] });
  fc.assert(
    fc.property(fc.array(fc.nat(tokenizer.size - 1)), (ids) => {
      expect(streamed(tokenizer, ids).join("")).toBe(tokenizer.decode(ids));
    }),
  );
  expect(tokenizer.decode([0, 1 + 0xc3])).toBe("\ufffd");
  expect(tokenizer.token(1 + 0xc3)).toBe("0xC3");
});

test("a stream holds back what the next id may still change, and nothing else", () => {
  const bytes = trainTokenizer("byte", []);
  expect(streamed(bytes, bytes.encode("aé👍🏽b"))).toEqual(["", "", "a", "", "", "", "é", "", "", "", "", "👍🏽", "b"]);
  const chars = trainTokenizer("char", ["q\u0323\u0307 🇩🇪🇫🇷"]);
  expect(streamed(chars, chars.encode("q\u0323\u0307 🇩🇪🇫🇷"))).toEqual(["", "", "", "q\u0323\u0307", " ", "", "🇩🇪", "", "🇫🇷"]);
});

test("normal form C: canonically equal texts get the same ids (examples of Unicode Standard Annex 15)", () => {
  const tokenizer = trainTokenizer("char", ["\u00c5\u1e69 \u212b"]);
  for (const [text, same] of [["A\u030a", "\u00c5"], ["\u212b", "\u00c5"], ["s\u0323\u0307", "\u1e69"], ["s\u0307\u0323", "\u1e69"]] as const) {
    expect(tokenizer.encode(text)).toEqual(tokenizer.encode(same));
  }
  expect(tokenizer.size).toBe(4); // unknown, Å, ṩ, space
});

test("characters: the most frequent first, rare ones unknown, graphemes whole when asked", () => {
  const tokenizer = trainTokenizer("char", ["abab", "aac"], { minCount: 2, special: ["pad", "unknown"] });
  expect([0, 1, 2, 3].map((id) => tokenizer.token(id))).toEqual(["<unk>", "<pad>", "a", "b"]);
  expect([...tokenizer.encode("abcz")]).toEqual([2, 3, 0, 0]);
  const whole = trainTokenizer("char", ["👍🏽x\u0323"], { graphemes: true });
  expect(whole.encode("x\u0323👍🏽")).toHaveLength(2);
  const strict = trainTokenizer("char", ["abc"], { special: [] });
  expect(failure(() => strict.encode("ab😀")).message).toBe(
    'text: character 3 is "😀" (U+1F600), expected one of the 3 the tokenizer has learnt; it has no token for the unknown. Leave it out, or train with special: ["unknown"]',
  );
});

test("words: letters with accents and apostrophes, numbers, signs apart; ideographs one by one", () => {
  const words = (text: string): string[] => {
    const tokenizer = trainTokenizer("word", [text]);
    return Array.from(tokenizer.encode(text), (id) => tokenizer.token(id));
  };
  expect(words("Don't pay 1,000.50 for l’été — naïve... (yes)!")).toEqual(["Don't", "pay", "1,000.50", "for", "l’été", "—", "naïve", "...", "(", "yes", ")", "!"]);
  expect(words("東京へ行くABC")).toEqual(["東", "京", "へ", "行", "く", "ABC"]);
  expect(words("ok👩‍👩‍👧‍👦🇩🇪👍🏽 हिन्दी")).toEqual(["ok", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "हिन्दी"]);
});

test("words: ids by frequency, a size that counts special tokens, and text with the usual spaces back", () => {
  const tokenizer = trainTokenizer("word:5", ["b a b c b a d c b a"], { special: ["unknown", "end"] });
  expect([0, 1, 2, 3, 4].map((id) => tokenizer.token(id))).toEqual(["<unk>", "<eos>", "b", "a", "c"]);
  expect(tokenizer.size).toBe(5);
  const text = 'Well, (he said) "no": 日本 costs 5.';
  const all = trainTokenizer("word", [text]);
  expect(all.decode(all.encode(text))).toBe('Well, (he said) " no ": 日本 costs 5.');
  expect(streamed(all, all.encode(text)).join("")).toBe(all.decode(all.encode(text)));
});

test("words between spaces: <unk> is the unknown, a line end is <eos>, and the text comes back", () => {
  const text = "the <unk> cat\nthe n't\n\n";
  const tokenizer = trainTokenizer("word", [text], { split: "spaces", lines: true });
  expect(tokenizer.special).toEqual({ unknown: 0, end: 1, start: -1, pad: -1 });
  expect([...tokenizer.encode(" the <unk> dog \n<eos>")]).toEqual([2, 0, 0, 1, 1]);
  expect(tokenizer.decode(tokenizer.encode(text))).toBe("the cat\nthe n't\n\n");
  expect(restored(tokenizer).encode(text)).toEqual(tokenizer.encode(text));
});

test("ids that are none are refused", () => {
  for (const kind of ["char", "word", "byte", "bpe:260"]) {
    const tokenizer = trainTokenizer(kind, ["some text"]);
    for (const id of [-1, tokenizer.size, 0.5, Number.NaN]) {
      for (const call of [() => tokenizer.decode([id]), () => tokenizer.token(id), () => tokenizer.streamDecoder().push(id)]) expect(failure(call).code).toBe("range");
    }
  }
});

test.each<[string, TokenizerOptions, string]>([
  ["words", {}, 'tokens: the kind is "words", expected char, word, byte or bpe, as in word:10000 or bpe:8000; did you mean word?'],
  ["bpe:many", {}, 'tokens: the size is "many", expected a whole number above 0, as in bpe:8000'],
  ["byte:256", {}, 'tokens: the size is "256", expected none, bytes are 256'],
  ["bpe:200", {}, "tokens: size is 200, expected 256 to 1048576; 256 bytes and the special tokens come first"],
  ["word:1", {}, "tokens: size is 1, expected more than 1; special tokens count too"],
  ["word", { minCount: 9 }, "tokens: minCount is 9, expected at most 2, the count of the most frequent token"],
])("%s is refused", (spec, options, message) => {
  expect(failure(() => trainTokenizer(spec, ["a b a"], options)).message).toBe(message);
});

test.each(["char", "word", "bpe"])("%s from no text is refused", (kind) => {
  expect(failure(() => trainTokenizer(kind, [""])).message).toContain("tokens: the text is empty");
});

test("a damaged state is refused or still a tokenizer, never anything else", () => {
  const states = ["char", "word", "byte", "bpe:270"].map((kind) => JSON.parse(JSON.stringify(trainTokenizer(kind, ["the cat the hat"]))) as Record<string, unknown>);
  fc.assert(
    fc.property(fc.constantFrom(...states), fc.string(), fc.jsonValue(), (state, key, value) => {
      const name = Object.keys(state)[key.length % Object.keys(state).length]!;
      try {
        const tokenizer = restoreTokenizer({ ...state, [name]: value }, "model");
        expect(tokenizer.decode(tokenizer.encode(""))).toBe("");
      } catch (error) {
        expect(error).toBeInstanceOf(SluiceError);
      }
    }),
  );
  const [char, , , bpe] = states;
  expect(failure(() => restoreTokenizer({ ...char, tokens: ["a", "a"] }, "m.safetensors")).message).toBe(
    'm.safetensors: tokenizer.tokens[1] is "a", expected a text that no other token has; the file is damaged or another program\'s',
  );
  expect(failure(() => restoreTokenizer({ ...bpe, pairs: [97, 98, 257, 99] }, "m")).message).toContain("tokenizer.pairs[2] is 257, expected a whole number from 0 to 256");
  const bomb = Array.from({ length: 40 }, (_, i) => [255 + i, 255 + i]).flat(); // doubles forty times
  bomb[0] = bomb[1] = 97;
  expect(failure(() => restoreTokenizer({ ...bpe, pairs: bomb }, "m")).message).toContain("at most 65,536 bytes");
});
