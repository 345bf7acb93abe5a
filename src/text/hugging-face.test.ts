/** `tokenizer.json` at its edges; its ids are held to the original's in test/oracle/text.test.ts. Truths: small vocabularies by hand, and hostile input. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { SluiceError } from "../base/errors.ts";
import { fromHuggingFace, restoreTokenizer } from "./index.ts";

const words = { model: { type: "WordLevel", vocab: { "[UNK]": 0, a: 1, b: 2, "<mask>": 3 }, unk_token: "[UNK]" }, pre_tokenizer: { type: "Whitespace" } };
const pairs = {
  model: { type: "BPE", vocab: { a: 0, b: 1, ab: 2, Ã: 3, "©": 4, "</s>": 5 }, merges: ["a b"] },
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
  decoder: { type: "ByteLevel" },
  added_tokens: [{ id: 5, content: "</s>", special: true }],
};
const mask = [{ id: 3, content: "<mask>", special: false, lstrip: true, rstrip: false }, { id: 0, content: "[UNK]", special: true }];

test("added tokens are found in the text, with the space before them where they take it", () => {
  const tokenizer = fromHuggingFace({ ...words, added_tokens: mask }, "t.json");
  expect([...tokenizer.encode("a  <mask>b c")]).toEqual([1, 3, 2, 0]);
  expect(tokenizer.decode([1, 3, 2, 0])).toBe("a <mask> b");
  expect(tokenizer.special).toEqual({ unknown: 0, end: -1, start: -1, pad: -1 });
});

test("bytes of one letter that are two tokens come as one letter; special tokens as nothing", () => {
  const tokenizer = fromHuggingFace(pairs, "t.json");
  expect([...tokenizer.encode("abé</s>")]).toEqual([2, 3, 4, 5]);
  const stream = tokenizer.streamDecoder();
  expect([2, 3, 4, 5].map((id) => stream.push(id)).concat(stream.end())).toEqual(["a", "", "b", "", "é"]);
  expect([2, 3, 5].map((id) => tokenizer.token(id))).toEqual(["ab", "0xC3", "</s>"]);
  expect(tokenizer.special.end).toBe(5);
  expect([...restoreTokenizer(JSON.parse(JSON.stringify(tokenizer)), "m").encode("abé</s>")]).toEqual([2, 3, 4, 5]);
});

test.each<[string, object, string]>([
  ["another model", { model: { type: "Unigram", vocab: [] } }, 'model type is "Unigram", expected BPE or WordLevel'],
  ["a normaliser", { ...words, normalizer: { type: "Precompiled" } }, 'normalizer type is "Precompiled", expected one of NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Sequence'],
  ["a cutter with a pattern", { ...pairs, pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "Split" }] } }, 'pre_tokenizer type is "Split", expected one of ByteLevel, Whitespace'],
  ["a decoder", { ...words, decoder: { type: "Metaspace" } }, 'decoder type is "Metaspace", expected one of ByteLevel, BPEDecoder, null'],
  ["bytes as a way out", { ...pairs, model: { ...pairs.model, byte_fallback: true } }, "model.byte_fallback is true, expected none"],
  ["a merge out of nothing", { ...pairs, model: { ...pairs.model, merges: ["a c"] } }, 'model.merges[0] is "a c", expected two tokens of the vocabulary that make a third'],
  ["one id twice", { ...words, model: { ...words.model, vocab: { a: 0, b: 0 } } }, 'token 0 is "b", expected one token, not "a" too'],
  ["an id out of reach", { ...words, model: { ...words.model, vocab: { a: 1e9 } } }, 'the id of "a" is 1000000000, expected a whole number from 0 to 1048575'],
])("%s is refused by name", (_, json, message) => {
  const error = failure(() => fromHuggingFace(json, "t.json"));
  expect(error.message.startsWith(`t.json: ${message}`)).toBe(true);
  expect(error.code).toBe("format");
});

test("a damaged file is refused or still a tokenizer, never anything else", () => {
  const keys = ["model", "pre_tokenizer", "normalizer", "decoder", "added_tokens"];
  const inner = ["type", "vocab", "merges", "unk_token", "end_of_word_suffix"];
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.option(fc.constantFrom(...inner)), fc.jsonValue(), (key, part, value) => {
      try {
        const json = part === null ? { ...pairs, [key]: value } : { ...pairs, model: { ...pairs.model, [part]: value } };
        const tokenizer = fromHuggingFace(json, "t.json");
        expect(tokenizer.decode(tokenizer.encode(""))).toBe("");
      } catch (error) {
        expect(error).toBeInstanceOf(SluiceError);
      }
    }),
    { numRuns: 500 },
  );
});
