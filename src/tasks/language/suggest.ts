/** @file Next words for a keyboard: whole words, or endings of the one being typed. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { advance, largest, pick, readAll } from "./beam.ts";
import type { LanguageModel } from "./model.ts";

/** A word and how likely it is to be the next. */
export interface Suggestion {
  word: string;
  /** Of this word among all, 0–1. */
  probability: number;
}

/** Tokens that a word may have, and how many beginnings of words are followed. */
const [LONGEST, WIDTH] = [24, 24];
const inWord = /[\p{L}\p{M}\p{N}'’_-]/u;

/**
 * The k likeliest words after a text, or for the word that the text breaks off in.
 * @throws range: k below 1
 */
export function suggest(model: LanguageModel, prefix: string, k: number): Suggestion[] {
  if (!Number.isSafeInteger(k) || k < 1) throw new SluiceError("range", `suggest: k is ${k}, expected a whole number from 1`, { k });
  const [, context = "", typed = ""] = /^(.*?)([\p{L}\p{M}\p{N}'’_-]*)$/su.exec(prefix) ?? [];
  return model.tokenizer.kind === "word" ? wholeWords(model, context, typed, k) : spelt(model, context, typed, k);
}

/** Every token is a word: those that begin as typed. */
function wholeWords(model: LanguageModel, context: string, typed: string, k: number): Suggestion[] {
  const { tokenizer, network } = model;
  const ids = model.started(tokenizer.encode(context));
  if (ids.length === 0) throw new SluiceError("state", "suggest: there is nothing to go on from, expected a text");
  const { scores } = readAll(network, ids);
  const special = new Set(Object.values(tokenizer.special));
  for (let id = 0; id < tokenizer.size; id++) {
    const word = tokenizer.token(id);
    if (special.has(id) || !inWord.test(word) || !word.startsWith(typed) || word === typed) scores[id] = Number.NEGATIVE_INFINITY;
  }
  return largest(scores, 0, tokenizer.size, k).map((id) => ({ word: tokenizer.token(id), probability: Math.exp(scores[id]!) }));
}

/** Words are spelt from several tokens: a beam over spellings that go on as typed, each complete where a sign that is in no word follows. */
function spelt(model: LanguageModel, context: string, typed: string, k: number): Suggestion[] {
  const { tokenizer, network, config } = model;
  const V = tokenizer.size;
  // The space before a word may belong to its first token: it is spelt with the word.
  const space = /\s?$/u.exec(context)![0];
  const begun = space + typed;
  const ids = model.started(tokenizer.encode(context.slice(0, context.length - space.length)));
  if (ids.length === 0) throw new SluiceError("state", "suggest: there is nothing to go on from, expected a text");
  const special = Object.values(tokenizer.special).filter((id) => id >= 0 && id !== config.mark);
  const found = new Map<string, number>();
  let { states, scores } = readAll(network, ids);
  let alive: { ids: number[]; score: number }[] = [{ ids: [], score: 0 }];
  for (let step = 0; step < LONGEST && alive.length > 0; step++) {
    const next: { from: number; ids: number[]; score: number }[] = [];
    for (const [from, { ids: before, score }] of alive.entries()) {
      for (const id of special) scores[from * V + id] = Number.NEGATIVE_INFINITY;
      // While what was typed is being spelt few tokens fit, and any of them may.
      const spelling = tokenizer.decode(before).length < begun.length;
      for (const at of spelling ? range(from * V, (from + 1) * V) : largest(scores, from * V, (from + 1) * V, WIDTH)) {
        const total = score + scores[at]!;
        if (total === Number.NEGATIVE_INFINITY) continue;
        const all = [...before, at - from * V];
        const text = tokenizer.decode(all);
        if (text.length <= begun.length ? !begun.startsWith(text) : !text.startsWith(begun)) continue;
        const rest = text.slice(space.length);
        const end = rest.search(/[^\p{L}\p{M}\p{N}'’_-]/u);
        if (end < 0) next.push({ from, ids: all, score: total });
        else if (end > typed.length) found.set(rest.slice(0, end), (found.get(rest.slice(0, end)) ?? 0) + Math.exp(total));
      }
    }
    const best = next.sort((a, b) => b.score - a.score).slice(0, WIDTH);
    const sure = [...found.values()].sort((a, b) => b - a)[k - 1] ?? 0;
    if (best.length === 0 || Math.exp(best[0]!.score) < sure) break;
    alive = best;
    ({ states, scores } = advance(network, pick(states, best.map(({ from }) => from)), best.map(({ ids: all }) => all.at(-1)!)));
  }
  return [...found].map(([word, probability]) => ({ word, probability })).sort((a, b) => b.probability - a.probability || (a.word < b.word ? -1 : 1)).slice(0, k);
}

function* range(from: number, to: number): Generator<number> {
  for (let i = from; i < to; i++) yield i;
}
