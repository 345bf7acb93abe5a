/** Tokenizers. Truths: the law that decoding undoes encoding, the law that a stream says what the whole says, Unicode's own examples, and small texts counted by hand. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { restoreTokenizer, trainTokenizer } from "./index.ts";
import { normalizeText } from "./normal.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Any text: letters of all scripts, accents, emoji, halves of surrogate pairs. */
const anyText = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), fc.string({ unit: "binary-ascii" }));

function streamed(tokenizer: Tokenizer, ids: ArrayLike<number>): string {
  const decoder = tokenizer.streamDecoder();
  return Array.from(ids, (id) => decoder.push(id)).join("") + decoder.end();
}

test.each(["char", "byte", "bpe:300"])("%s: decoding undoes encoding, whole and as a stream, for any text", (kind) => {
  fc.assert(
    fc.property(anyText, fc.boolean(), fc.boolean(), (text, graphemes, lowercase) => {
      const tokenizer = trainTokenizer(kind, [`${text}a`], { graphemes, lowercase });
      const ids = tokenizer.encode(text);
      expect(tokenizer.decode(ids)).toBe(normalizeText(text, lowercase));
      expect(streamed(tokenizer, ids)).toBe(normalizeText(text, lowercase));
      expect(restoreTokenizer(JSON.parse(JSON.stringify(tokenizer)), "m").encode(text)).toEqual(ids);
    }),
  );
});
