/** @file The result of a training as data and as a table to read: the network beside what counting alone predicts. Runs in browsers. */
import { judgeBy, layOut, showNumber, type TaskReport, type Verdict } from "../common/report.ts";
import type { LanguagePlan } from "./options.ts";
import type { LanguageScores } from "./scores.ts";

/** JSON: what `--json` prints and a model keeps. Baselines are scored on the test part, or on the validation part where there is no test. */
export interface LanguageReport extends TaskReport<LanguageScores> {
  task: "language";
  tokens: { kind: string; vocabulary: number; train: number; valid: number; test: number };
  plan: LanguagePlan;
}

/** Who is best, said plainly. */
export function judge(network: LanguageScores | null, baselines: Readonly<Record<string, LanguageScores>>): Verdict {
  if (network === null) return { beatsAll: false, best: "network", text: "Nothing was held back to score: give a test file, or a split with a test part." };
  const advice = "Train longer or give more text.";
  return judgeBy({ name: "perplexity", better: "lower", advice }, network.perplexity, Object.fromEntries(Object.entries(baselines).map(([name, b]) => [name, b.perplexity])));
}

/** The scores as a table for a person. */
export function showScores(title: string, network: LanguageScores, baselines: Readonly<Record<string, LanguageScores>>): string {
  const row = (name: string, s: LanguageScores) => [name, ...[s.nats, s.perplexity, s.bitsPerCharacter, s.perplexityPerWord].map((v) => showNumber(v))];
  const head = ["", "nats/token", "perplexity", "bits/character", "perplexity/word"];
  return `${title}: ${network.tokens} tokens, ${network.characters} characters\n${layOut([head, row("network", network), ...Object.entries(baselines).map(([name, s]) => row(name, s))])}`;
}
