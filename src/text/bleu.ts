/**
 * @file BLEU, the share of word sequences of one to four words that a translation has in common with a reference, number for number
 * as sacreBLEU computes it (Post 2018), so that figures can be set beside published ones.
 */
import { SluiceError } from "../base/errors.ts";
import { splitSpaces, trimEndSpaces } from "./python-space.ts";

/** One reference a sentence, or several. */
export type References = readonly (string | readonly string[])[];

export interface BleuOptions {
  /** `13a` (mteval-v13a, the usual one) takes raw text; `none` splits at spaces, for text that is tokenised already. Default: 13a. */
  tokenize?: "13a" | "none";
  /** Capital and small letters are the same. Default: false. */
  lowercase?: boolean;
  /** Sequences longer than every sentence are left out of the mean: for single sentences. Default: false. */
  effectiveOrder?: boolean;
}

export interface BleuScore {
  /** 0 to 100. */
  score: number;
  /** Of sequences of 1, 2, 3 and 4 words, in percent; one without any match is smoothed. */
  precisions: number[];
  /** Below 1 where the translations are shorter than the references. */
  brevityPenalty: number;
  /** In tokens. */
  hypothesisLength: number;
  /** In tokens, of the references nearest in length. */
  referenceLength: number;
  /** How it was computed, in sacreBLEU's words. */
  signature: string;
}

const orders = 4;

/**
 * BLEU of all sentences together, smoothed exponentially (an order without a match counts as half, a quarter, … of one match).
 * @throws shape: not as many references as hypotheses; data: no sentences, or one without a reference
 * @see Papineni et al. 2002; Post 2018, arXiv:1804.08771
 */
export function bleu(hypotheses: readonly string[], references: References, options: BleuOptions = {}): BleuScore {
  const { tokenize = "13a", lowercase = false, effectiveOrder = false } = options;
  const sets = referenceSets("bleu", hypotheses, references);
  const tokens = (text: string): string[] => {
    const body = trimEndSpaces(lowercase ? text.toLowerCase() : text);
    return tokenize === "13a" ? tokens13a(body) : splitSpaces(body);
  };
  const [correct, total] = [new Float64Array(orders), new Float64Array(orders)];
  let [hypothesisLength, referenceLength] = [0, 0];
  for (const [i, hypothesis] of hypotheses.entries()) {
    const words = tokens(hypothesis);
    const others = sets[i]!.map(tokens);
    hypothesisLength += words.length;
    referenceLength += nearest(words.length, others.map(({ length }) => length));
    for (let n = 1; n <= orders; n++) {
      const most = new Map<string, number>();
      for (const other of others) for (const [run, count] of runsOf(other, n)) most.set(run, Math.max(count, most.get(run) ?? 0));
      for (const [run, count] of runsOf(words, n)) {
        total[n - 1]! += count;
        correct[n - 1]! += Math.min(count, most.get(run) ?? 0);
      }
    }
  }
  const brevityPenalty = hypothesisLength >= referenceLength ? 1 : hypothesisLength > 0 ? Math.exp(1 - referenceLength / hypothesisLength) : 0;
  const { precisions, mean } = smoothed(correct, total, effectiveOrder);
  const signature = `nrefs:${countOf(sets)}|case:${lowercase ? "lc" : "mixed"}|eff:${effectiveOrder ? "yes" : "no"}|tok:${tokenize}|smooth:exp|version:sluice-1`;
  return { score: brevityPenalty * mean, precisions, brevityPenalty, hypothesisLength, referenceLength, signature };
}

/** Precisions in percent, and their geometric mean. */
function smoothed(correct: Float64Array, total: Float64Array, effectiveOrder: boolean): { precisions: number[]; mean: number } {
  const precisions = new Array<number>(orders).fill(0);
  if (correct.every((n) => n === 0)) return { precisions, mean: 0 };
  let used = 0;
  let part = 1;
  for (; used < orders && total[used]! > 0; used++) {
    if (correct[used] === 0) part /= 2;
    precisions[used] = (100 * (correct[used] || part)) / total[used]!;
  }
  if (used < orders && !effectiveOrder) return { precisions, mean: 0 };
  return { precisions, mean: Math.exp(precisions.slice(0, used).reduce((sum, p) => sum + Math.log(p), 0) / used) };
}

/** How often each run of `n` words stands in a sentence. */
function runsOf(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const run = words.slice(i, i + n).join(" ");
    counts.set(run, (counts.get(run) ?? 0) + 1);
  }
  return counts;
}

/** The length nearest to `length`; of two equally near the shorter. */
const nearest = (length: number, lengths: readonly number[]): number =>
  lengths.reduce((best, n) => {
    const [a, b] = [Math.abs(n - length), Math.abs(best - length)];
    return a < b || (a === b && n < best) ? n : best;
  });

/** ASCII signs except apostrophe, comma, hyphen and full stop stand alone; commas and full stops do unless digits are on both sides; a hyphen does after a digit. */
function tokens13a(text: string): string[] {
  const plain = text.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  const whole = plain.replaceAll("&quot;", '"').replaceAll("&amp;", "&").replaceAll("&lt;", "<").replaceAll("&gt;", ">");
  const apart = ` ${whole} `
    .replace(/[!-&(-+/:-@[-`{-~]/gu, " $& ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])-/gu, "$1 - ");
  return splitSpaces(apart);
}

/** The references of each sentence as a list. */
export function referenceSets(where: string, hypotheses: readonly string[], references: References): (readonly string[])[] {
  if (hypotheses.length !== references.length) {
    throw new SluiceError("shape", `${where}: there are ${references.length} references, expected ${hypotheses.length}; one for each hypothesis`, {});
  }
  if (hypotheses.length === 0) throw new SluiceError("data", `${where}: there are 0 sentences, expected some to score`, {});
  const sets = references.map((r) => (typeof r === "string" ? [r] : r));
  const none = sets.findIndex((set) => set.length === 0);
  if (none >= 0) throw new SluiceError("data", `${where}: sentence ${none + 1} has 0 references, expected at least one`, { sentence: none });
  return sets;
}

/** How many references a sentence has, or `var`. */
export const countOf = (sets: readonly (readonly string[])[]): number | "var" => (sets.every(({ length }) => length === sets[0]!.length) ? sets[0]!.length : "var");
