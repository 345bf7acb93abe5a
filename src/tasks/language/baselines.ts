/** @file What counting alone predicts of a text: unigram, bigram and trigram, in a language model's figures. Runs in browsers. */
import { ngramBaselines } from "../../text/index.ts";
import { type LanguageScores, scoresOf } from "./scores.ts";

/** A text and its tokens. */
export interface Counted {
  text: string;
  ids: Int32Array;
}

/**
 * Scores of the baselines on `test`.
 * @param valid what their weights are fitted to; null: the end of the training text
 */
export function countingScores(train: Counted, valid: Counted | null, test: Counted, vocabulary: number): Record<string, LanguageScores> {
  const { unigram, bigram, trigram } = ngramBaselines(train.ids, valid?.ids ?? new Int32Array(), test.ids, vocabulary);
  const score = (nats: number) => scoresOf(nats * test.ids.length, test.ids.length, test.text);
  return { unigram: score(unigram.test), bigram: score(bigram.test), "interpolated trigram": score(trigram.test) };
}
