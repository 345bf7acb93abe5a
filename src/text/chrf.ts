/** @file chrF, the share of runs of one to six characters that a translation has in common with a reference, number for number as sacreBLEU computes it. */
import { countOf, type References, referenceSets } from "./bleu.ts";
import { splitSpaces } from "./python-space.ts";

export interface ChrfScore {
  /** 0 to 100. */
  score: number;
  /** How it was computed, in sacreBLEU's words. */
  signature: string;
}

const orders = 6;
/** Recall counts twice as much as precision, hence the square. */
const factor = 4;

/**
 * chrF2 of all sentences together: F-score (β = 2) of mean precision and mean recall of character runs; spaces don't count.
 * @param options `lowercase`: capital and small letters are the same
 * @throws shape: not as many references as hypotheses; data: no sentences, or one without a reference
 * @see Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation"
 */
export function chrf(hypotheses: readonly string[], references: References, options: { lowercase?: boolean } = {}): ChrfScore {
  const sets = referenceSets("chrf", hypotheses, references);
  const characters = (text: string): string[] => Array.from(splitSpaces(options.lowercase ? text.toLowerCase() : text).join(""));
  const sum = new Float64Array(3 * orders);
  for (const [i, hypothesis] of hypotheses.entries()) {
    const own = runsOf(characters(hypothesis));
    let best: Float64Array | undefined;
    for (const reference of sets[i]!) {
      const counts = compare(own, runsOf(characters(reference)));
      if (best === undefined || fScore(counts) > fScore(best)) best = counts;
    }
    for (let k = 0; k < sum.length; k++) sum[k]! += best![k]!;
  }
  return { score: fScore(sum), signature: `nrefs:${countOf(sets)}|case:${options.lowercase ? "lc" : "mixed"}|eff:yes|nc:${orders}|nw:0|space:no|version:sluice-1` };
}

/** How often each run of 1 … 6 characters stands in a text. */
const runsOf = (characters: readonly string[]): Map<string, number>[] =>
  Array.from({ length: orders }, (_, order) => {
    const counts = new Map<string, number>();
    for (let i = 0; i + order < characters.length; i++) {
      const run = characters.slice(i, i + order + 1).join("");
      counts.set(run, (counts.get(run) ?? 0) + 1);
    }
    return counts;
  });

/** For each order: runs of the hypothesis (0 where the reference has none so long), runs of the reference, runs in common. */
function compare(own: readonly Map<string, number>[], other: readonly Map<string, number>[]): Float64Array {
  const out = new Float64Array(3 * orders);
  for (let n = 0; n < orders; n++) {
    for (const count of other[n]!.values()) out[3 * n + 1]! += count;
    if (other[n]!.size > 0) for (const count of own[n]!.values()) out[3 * n]! += count;
    for (const [run, count] of own[n]!) out[3 * n + 2]! += Math.min(count, other[n]!.get(run) ?? 0);
  }
  return out;
}

/** Orders that both sides have count. */
function fScore(counts: Float64Array): number {
  let [precision, recall, n] = [0, 0, 0];
  for (let k = 0; k < counts.length; k += 3) {
    const [own, other, both] = [counts[k]!, counts[k + 1]!, counts[k + 2]!];
    if (own === 0 || other === 0) continue;
    precision += both / own;
    recall += both / other;
    n++;
  }
  if (precision + recall === 0) return 0;
  precision /= n;
  recall /= n;
  return (100 * (1 + factor) * precision * recall) / (factor * precision + recall);
}
