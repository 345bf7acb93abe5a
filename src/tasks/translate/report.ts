/** @file The result of a training as data and as a table to read: the network beside what needs none. Runs in browsers. */
import { judgeBy, layOut, showNumber, type TaskReport, type Verdict } from "../common/report.ts";
import type { TranslatePlan } from "./options.ts";
import type { TextScores, TranslateScores } from "./scores.ts";

/** JSON: what `--json` prints and a model keeps. Baselines are scored on the test part, or on the validation part where there is no test. */
export interface TranslateReport extends TaskReport<TranslateScores, TextScores> {
  task: "translate";
  plan: TranslatePlan;
  pairs: { train: number; valid: number; test: number };
  vocabulary: { source: number; target: number };
}

/** References this short, in words, have no runs of four, and BLEU says nothing of them. */
const SHORT = 5;

/** Who is best, said plainly. @param references of the part that was scored */
export function judge(network: TranslateScores | null, baselines: Readonly<Record<string, TextScores>>, references: readonly string[]): Verdict {
  if (network === null) return { beatsAll: false, best: "network", text: "Nothing was held back to score: give test files, or a split with a test part." };
  const words = references.reduce((n, text) => n + text.trim().split(/\s+/u).length, 0) / references.length;
  const [name, key] = words < SHORT ? (["chrF", "chrf"] as const) : (["BLEU", "bleu"] as const);
  const rivals = Object.fromEntries(Object.entries(baselines).map(([who, s]) => [who, s[key]]));
  return judgeBy({ name, better: "higher", advice: "Train longer or give more pairs." }, network[key], rivals);
}

/** The scores as a table for a person. */
export function showScores(title: string, network: TranslateScores, baselines: Readonly<Record<string, TextScores>>): string {
  const row = (name: string, s: TextScores, nats?: number, perplexity?: number) => [name, s.bleu.toFixed(2), s.chrf.toFixed(2), `${(100 * s.exact).toFixed(1)}%`, showNumber(nats), showNumber(perplexity)];
  const head = ["", "BLEU", "chrF", "exact", "nats/token", "perplexity"];
  const table = layOut([head, row("network", network, network.nats, network.perplexity), ...Object.entries(baselines).map(([name, s]) => row(name, s))]);
  return `${title}: ${network.sentences} pairs, beam ${network.beam}\n${table}\nBLEU: ${network.signature}`;
}
