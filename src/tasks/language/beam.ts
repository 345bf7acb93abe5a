/** @file Several continuations side by side, the likeliest kept: beam search, and the steps it shares with suggestions. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { decodeAfter } from "./generate.ts";
import type { LanguageModel } from "./model.ts";
import type { LanguageNetwork } from "./network.ts";

/** States of several texts: for each part of the stack, [texts, width]. */
export type States = readonly { rows: Float32Array; width: number }[];

/** The texts whose states are `chosen` of `states`, in that order. */
export const pick = (states: States, chosen: readonly number[]): States =>
  states.map(({ rows, width }) => {
    const picked = new Float32Array(chosen.length * width);
    for (const [i, from] of chosen.entries()) picked.set(rows.subarray(from * width, (from + 1) * width), i * width);
    return { rows: picked, width };
  });

/** One token more for each text: its state after that, and the log probabilities of what may come then, [texts, V]. */
export function advance(network: LanguageNetwork, states: States | null, ids: readonly number[]): { states: States; scores: Float32Array } {
  const { engine } = network.embedding.weight;
  const B = ids.length;
  return engine.scope(() =>
    engine.noGrad(() => {
      let part = 0;
      const state = network.initialState(B).map((cell) =>
        cell.map((zeros) => {
          const held = states?.[part++];
          return held ? engine.tensor([B, held.width], held.rows) : zeros;
        }),
      );
      const { x, state: after } = network.read(engine.ints([1, B], ids), { state });
      const scores = Float32Array.from(network.logProbabilities(x.reshape(B, -1)).data);
      return { states: after.flat().map((t) => ({ rows: Float32Array.from(t.data), width: t.shape[1]! })), scores };
    }),
  );
}

/** Reads a text in one go; the state behind it and the scores of what comes next, [1, V]. */
export function readAll(network: LanguageNetwork, ids: Int32Array): { states: States; scores: Float32Array } {
  const { engine } = network.embedding.weight;
  let states: States | null = null;
  const most = 512;
  const last = ids.length - 1;
  for (let from = 0; from < last; from += most) {
    const part = ids.subarray(from, Math.min(last, from + most));
    states = engine.scope(() =>
      engine.noGrad(() => {
        let i = 0;
        const state = network.initialState(1).map((cell) => cell.map((zeros) => (states ? engine.tensor(zeros.shape, states[i++]!.rows) : zeros)));
        const { state: after } = network.read(engine.ints([part.length, 1], part), { state });
        return after.flat().map((t) => ({ rows: Float32Array.from(t.data), width: t.shape[1]! }));
      }),
    );
  }
  return advance(network, states, [ids[last]!]);
}

/** Places of the k largest of `scores` from `from` to `to`, largest first; of equals the lower. */
export function largest(scores: Float32Array, from: number, to: number, k: number): number[] {
  const best: number[] = [];
  for (let i = from; i < to; i++) {
    const s = scores[i]!;
    if (s === Number.NEGATIVE_INFINITY || (best.length === k && !(s > scores[best[k - 1]!]!))) continue;
    let at = best.length;
    while (at > 0 && s > scores[best[at - 1]!]!) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}

export interface BeamOptions {
  /** Continuations kept at each step. Default 5. */
  width?: number;
  /** Tokens of a continuation at most. Default 50. */
  length?: number;
  /** A continuation is complete after any of these. */
  stop?: string | readonly string[];
  /** Sums of log probabilities are divided by length to this power: 0 favours short ones. Default 0. */
  lengthPenalty?: number;
}

/** A continuation and its log probability. */
export interface BeamText {
  text: string;
  logProbability: number;
  tokens: number;
}

interface Hypothesis {
  ids: number[];
  score: number;
}

/**
 * The likeliest continuations of a prompt that a beam finds, best first. Without a stop text, and in a model of running text, all are as long as asked for.
 * @throws range: a width or length below 1; state: neither a prompt nor a mark to start from
 */
export function beamSearch(model: LanguageModel, prompt: string, options: BeamOptions = {}): BeamText[] {
  const { width = 5, length = 50, stop = [], lengthPenalty = 0 } = options;
  for (const [name, value] of [["width", width], ["length", length]] as const) {
    if (!Number.isSafeInteger(value) || value < 1) throw new SluiceError("range", `beam: ${name} is ${value}, expected a whole number from 1`, { [name]: value });
  }
  const { network, tokenizer, config } = model;
  const V = tokenizer.size;
  const stops = typeof stop === "string" ? [stop] : stop;
  const start = model.started(tokenizer.encode(prompt));
  if (start.length === 0) throw new SluiceError("state", "beam: there is nothing to go on from, expected a prompt");
  const forbidden = Object.values(tokenizer.special).filter((id) => id >= 0 && id !== config.mark);
  const rank = ({ ids, score }: Hypothesis) => score / ids.length ** lengthPenalty;
  const over = (ids: number[]) => (config.items && ids.at(-1) === config.mark) || (stops.length > 0 && stops.some((s) => tokenizer.decode(ids).includes(s)));
  let { states, scores } = readAll(network, start);
  let alive: Hypothesis[] = [{ ids: [], score: 0 }];
  let done: Hypothesis[] = [];
  for (let step = 0; step < length && alive.length > 0; step++) {
    const next: { from: number; id: number; score: number }[] = [];
    for (const [from, { score }] of alive.entries()) {
      for (const id of forbidden) scores[from * V + id] = Number.NEGATIVE_INFINITY;
      for (const at of largest(scores, from * V, (from + 1) * V, width)) next.push({ from, id: at - from * V, score: score + scores[at]! });
    }
    next.sort((a, b) => b.score - a.score || a.from - b.from || a.id - b.id);
    const grown: { from: number; h: Hypothesis }[] = [];
    for (const { from, id, score } of next.slice(0, width)) {
      const h = { ids: [...alive[from]!.ids, id], score };
      if (over(h.ids)) done.push(h);
      else grown.push({ from, h });
    }
    done = done.sort((a, b) => rank(b) - rank(a)).slice(0, width);
    alive = grown.map(({ h }) => h);
    // Scores only fall: nothing alive can get past what is complete (with no reward for length).
    if (alive.length === 0 || (lengthPenalty === 0 && done.length === width && rank(done.at(-1)!) >= alive[0]!.score)) break;
    ({ states, scores } = advance(network, pick(states, grown.map(({ from }) => from)), alive.map(({ ids }) => ids.at(-1)!)));
  }
  return [...done, ...alive]
    .sort((a, b) => rank(b) - rank(a))
    .slice(0, width)
    .map(({ ids, score }) => ({ text: cutAt(decodeAfter(tokenizer, start.at(-1)!, ids), config.items ? [...stops, "\n"] : stops), logProbability: score, tokens: ids.length }));
}

function cutAt(text: string, stops: readonly string[]): string {
  const ends = stops.map((s) => text.indexOf(s)).filter((at) => at >= 0);
  return text.slice(0, Math.min(text.length, ...ends));
}
