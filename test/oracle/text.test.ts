/** Scores of translation and tokens of `tokenizer.json` against the programs that define them. Truth: sacreBLEU 2.6.0 and Hugging Face tokenizers 0.23.2 (text.py, text.json). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bleu, chrf, fromHuggingFace, restoreTokenizer } from "../../src/text/index.ts";

interface Case {
  hypotheses: string[];
  references: string[][];
  options: { tokenize?: "none"; lowercase?: boolean; effectiveOrder?: boolean };
  bleu: number;
  precisions: number[];
  bp: number;
  lengths: [number, number];
  signature: string;
  chrf: number;
  chrfSignature: string;
}
interface Made {
  name: string;
  json: Record<string, unknown>;
  samples: { text: string; ids: number[]; decoded: string }[];
}
const { cases, tokenizers } = JSON.parse(readFileSync(join(import.meta.dirname, "text.json"), "utf8")) as { cases: Case[]; tokenizers: Made[] };

const ours = (signature: string): string => signature.replace(/version:.*/, "version:sluice-1");

test.each(cases.map((c, i) => [i, c] as const))("BLEU and chrF of case %i", (_, c) => {
  const got = bleu(c.hypotheses, c.references, c.options);
  expect(got.score).toBeCloseTo(c.bleu, 9);
  for (const [n, p] of c.precisions.entries()) expect(got.precisions[n]).toBeCloseTo(p, 9);
  expect(got.brevityPenalty).toBeCloseTo(c.bp, 12);
  expect([got.hypothesisLength, got.referenceLength]).toEqual(c.lengths);
  expect(got.signature).toBe(ours(c.signature));
  const { score, signature } = chrf(c.hypotheses, c.references, { lowercase: c.options.lowercase ?? false });
  expect(score).toBeCloseTo(c.chrf, 9);
  expect(signature).toBe(ours(c.chrfSignature));
});

test.each(tokenizers.map((t) => [t.name, t] as const))("tokenizer.json: %s", (_, { json, samples }) => {
  const tokenizer = fromHuggingFace(json, "tokenizer.json");
  const again = restoreTokenizer(JSON.parse(JSON.stringify(tokenizer)), "model");
  for (const { text, ids, decoded } of samples) {
    for (const t of [tokenizer, again]) {
      expect([text, ...t.encode(text)]).toEqual([text, ...ids]);
      expect(t.decode(ids)).toBe(decoded);
      const stream = t.streamDecoder();
      expect(ids.map((id) => stream.push(id)).join("") + stream.end()).toBe(decoded);
    }
  }
});
