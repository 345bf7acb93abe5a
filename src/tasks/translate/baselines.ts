/** @file What a translator must beat: the source left as it is, and a translation memory, which returns what stood beside the most similar source. Runs in browsers. */
import { wordsOf } from "../../text/index.ts";
import { type ParallelTexts, type TextScores, textScores } from "./scores.ts";

/** Scores of both on `scored`; without training pairs there is no memory. */
export function baselineScores(train: ParallelTexts | null, scored: ParallelTexts, lowercase: boolean): Record<string, TextScores> {
  return {
    "source as it is": textScores(scored.source, scored.target, lowercase),
    ...(train ? { "translation memory": textScores(remembered(train, scored.source), scored.target, lowercase) } : {}),
  };
}

/** For each source the target of the training pair whose source is most alike: cosine of word counts, rare words counting more (tf–idf). */
export function remembered(train: ParallelTexts, sources: readonly string[]): string[] {
  const holders = new Map<string, number[]>();
  const wordsIn = train.source.map((text) => [...new Set(wordsOf(text))]);
  for (const [i, words] of wordsIn.entries()) {
    for (const word of words) {
      const list = holders.get(word);
      if (list) list.push(i);
      else holders.set(word, [i]);
    }
  }
  const N = train.source.length;
  const rarity = (word: string): number => Math.log((N + 1) / (1 + (holders.get(word)?.length ?? 0)));
  const sizes = wordsIn.map((words) => Math.sqrt(words.reduce((sum, w) => sum + rarity(w) ** 2, 0)) || 1);
  const common = Math.max(50, N / 10); // words that most sentences share tell none of them
  return sources.map((text) => {
    const alike = new Map<number, number>();
    for (const word of new Set(wordsOf(text))) {
      const list = holders.get(word) ?? [];
      if (list.length > common) continue;
      const weight = rarity(word) ** 2;
      for (const i of list) alike.set(i, (alike.get(i) ?? 0) + weight);
    }
    let [best, at] = [Number.NEGATIVE_INFINITY, 0];
    for (const [i, sum] of alike) {
      const score = sum / sizes[i]!;
      if (score > best || (score === best && i < at)) [best, at] = [score, i];
    }
    return train.target[at]!;
  });
}
