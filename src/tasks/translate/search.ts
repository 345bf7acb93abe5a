/**
 * @file Beam search over many sentences at once. Every step is one call of each layer for all beams of all sentences; sentences that are
 * done leave the batch. What a sentence gets does not depend on those that it travels with. Runs in browsers.
 */
import type { Engine } from "../../engine/engine.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { argTopK, gatherRows } from "../../ops/rows.ts";
import { type Marks, sourceBatch } from "./batches.ts";
import type { DecoderState, Memory, TranslateNetwork } from "./network.ts";
import { rankScore, type Search } from "./rank.ts";

/** One way to say it. */
export interface Hypothesis {
  /** Tokens, without the end mark. */
  readonly tokens: readonly number[];
  /** Of all tokens, the end mark included. */
  readonly logProbability: number;
  /** What it is ranked by, higher is better: see `rankScore`. */
  readonly score: number;
  /** False: cut off at the longest length allowed. */
  readonly complete: boolean;
  /** For each token, and the end mark, the share of attention that each source token had, its end mark included; null without attention. */
  readonly weights: readonly Float32Array[] | null;
}

/** What a beam has written so far, last token first. */
interface Written {
  readonly token: number;
  readonly before: Written | null;
  readonly weights: Float32Array | null;
}

/** A hypothesis under way. Its state is in the rows of the step before. */
interface Beam {
  readonly written: Written | null;
  readonly length: number;
  readonly logProbability: number;
  readonly coverage: Float32Array | null;
  /** Which of the sentence's rows it goes on from. */
  readonly from: number;
}

/** A sentence under way. */
interface Sentence {
  readonly index: number;
  /** Source tokens, the end mark included. */
  readonly length: number;
  /** Target tokens at most. */
  readonly most: number;
  beams: Beam[];
  /** The greedy hypothesis, followed beside the beams so that a beam never ends below it; null once it has ended, or where beam is 1. */
  greedy: Beam | null;
  readonly done: Hypothesis[];
}

/**
 * The best hypotheses of each source, best first, at most `search.beam` of them.
 * @param sources tokens without marks
 * @param most target tokens at most, for each source
 */
export function searchBatch(engine: Engine, network: TranslateNetwork, marks: Marks, sources: readonly Int32Array[], most: readonly number[], search: Search): Hypothesis[][] {
  return engine.noGrad(() =>
    engine.scope(() => {
      const { S, B, ids, lengths } = sourceBatch(sources, marks.sourceEnd);
      const encoded = network.encode(engine.ints([S, B], ids), engine.ints([B], lengths));
      const nobody = (): Beam => ({ written: null, length: 0, logProbability: 0, coverage: network.attention ? new Float32Array(S) : null, from: 0 });
      const all: Sentence[] = sources.map(({ length }, index) => {
        return { index, length: length + 1, most: most[index]!, beams: [nobody()], greedy: search.beam > 1 ? nobody() : null, done: [] };
      });
      // One row a sentence at first; from the first step on K of them, and one for the greedy hypothesis.
      let { memory } = encoded;
      let states = heldOf(encoded.state);
      let live = all;
      let rows = 1;
      for (let step = 0; live.length > 0; step++) {
        const next = search.beam + (search.beam > 1 ? 1 : 0);
        states = spread(states, live, rows, next);
        rows = next;
        states = advance({ engine, network, marks, search }, live, memory, states, rows);
        const left = live.filter((sentence) => !finish(sentence, search, step + 1));
        // Leaving costs a copy of the memory of those that stay, so they leave in groups.
        if (left.length === 0) break;
        if (left.length <= 0.7 * live.length || left.length === 1) {
          const kept = live.flatMap((sentence, place) => (left.includes(sentence) ? [place] : []));
          states = states.map(({ data, width }) => ({ data: keepPlaces(data, width, rows, live.length, kept), width }));
          memory = keepItems(memory, kept);
          live = left;
        }
      }
      return all.map(({ done }) => ranked(done, search.beam));
    }),
  );
}

/** A part of the decoder's state as plain numbers: row k·B + b is beam k of item b. */
interface Held {
  readonly data: Float32Array;
  readonly width: number;
}

const heldOf = ({ cells, fed }: DecoderState): Held[] =>
  [...cells.flat(), ...(fed ? [fed] : [])].map((t) => ({ data: Float32Array.from(t.data), width: t.shape.at(-1)! }));

/** The state that each beam goes on from: `rows` a sentence become `next`. */
function spread(states: readonly Held[], live: readonly Sentence[], rows: number, next: number): Held[] {
  const B = live.length;
  return states.map(({ data, width }) => {
    const out = new Float32Array(next * B * width);
    for (const [b, { beams, greedy }] of live.entries()) {
      for (let k = 0; k < next; k++) {
        const beam = k === next - 1 && next > 1 ? greedy : beams[k];
        if (!beam) continue;
        const from = Math.min(beam.from, rows - 1) * B + b;
        out.set(data.subarray(from * width, (from + 1) * width), (k * B + b) * width);
      }
    }
    return { data: out, width };
  });
}

interface Searching {
  readonly engine: Engine;
  readonly network: TranslateNetwork;
  readonly marks: Marks;
  readonly search: Search;
}

/** One token more for every beam. */
function advance({ engine, network, marks, search }: Searching, live: readonly Sentence[], memory: Memory, states: readonly Held[], rows: number): Held[] {
  const B = live.length;
  const R = rows * B;
  const beamOf = ({ beams, greedy }: Sentence, k: number): Beam | null | undefined => (k === rows - 1 && rows > 1 ? greedy : beams[k]);
  return engine.scope(() => {
    const ids = new Int32Array(R).fill(marks.end);
    for (const [b, sentence] of live.entries()) {
      for (let k = 0; k < rows; k++) {
        const beam = beamOf(sentence, k);
        if (beam) ids[k * B + b] = beam.written?.token ?? marks.start;
      }
    }
    const tensors = states.map(({ data, width }) => engine.tensor([R, width], data));
    let part = 0;
    const cells = network.decoder.map((cell) => cell.initialState(1).map(() => tensors[part++]!));
    const { readout, weights, state } = network.decode(engine.ints([1, R], ids), { cells, fed: tensors[part] ?? null }, memory);
    const logits = network.logits(readout.reshape(R, -1));
    const K = Math.min(search.beam + (search.beam > 1 ? 1 : 0), logits.shape[1]!);
    const top = argTopK({ logits }, { k: K });
    const [tokens, scores] = [top.ids.toArray() as Int32Array, top.y.toArray() as Float32Array];
    const looked = weights ? (weights.toArray() as Float32Array) : null;
    const S = weights ? weights.shape.at(-1)! : 0;
    for (const [b, sentence] of live.entries()) {
      const extend = (beam: Beam, k: number, j: number): Beam => {
        const row = k * B + b;
        const seen = looked ? looked.slice(row * S, row * S + sentence.length) : null;
        const coverage = seen ? Float32Array.from(seen, (w, s) => w + beam.coverage![s]!) : null;
        return {
          written: { token: tokens[row * K + j]!, before: beam.written, weights: seen },
          length: beam.length + 1,
          logProbability: beam.logProbability + scores[row * K + j]!,
          coverage,
          from: k,
        };
      };
      if (sentence.greedy) follow(sentence, extend(sentence.greedy, rows - 1, 0), marks, search);
      const found: { k: number; j: number; logProbability: number }[] = [];
      for (const [k, beam] of sentence.beams.entries()) for (let j = 0; j < K; j++) found.push({ k, j, logProbability: beam.logProbability + scores[(k * B + b) * K + j]! });
      found.sort((a, c) => c.logProbability - a.logProbability || a.k - c.k || a.j - c.j);
      const beams: Beam[] = [];
      for (const [place, { k, j }] of found.entries()) {
        if (beams.length === search.beam) break;
        const ends = tokens[(k * B + b) * K + j] === marks.end;
        // An end that is not among the best of all is no hypothesis: longer ones, which go on, are better.
        if (ends && place >= search.beam) continue;
        const beam = extend(sentence.beams[k]!, k, j);
        if (ends) sentence.done.push(hypothesis(beam, true, search));
        else beams.push(beam);
      }
      sentence.beams = beams;
    }
    return heldOf(state);
  });
}

/** The greedy hypothesis one token further. */
function follow(sentence: Sentence, greedy: Beam, { end }: Marks, search: Search): void {
  sentence.greedy = greedy.written!.token === end ? null : greedy;
  if (sentence.greedy === null) addOnce(sentence.done, hypothesis(greedy, true, search));
}

/** Whether a sentence has enough hypotheses, or is as long as it may be. */
function finish(sentence: Sentence, search: Search, steps: number): boolean {
  const { beams, greedy, done, most } = sentence;
  if (steps >= most) {
    if (greedy) addOnce(done, hypothesis(greedy, false, search));
    for (const beam of beams) addOnce(done, hypothesis(beam, false, search));
    // It may stay in the batch for a while, where nothing of it may go on.
    sentence.beams = [];
    sentence.greedy = null;
    return true;
  }
  const enough = beams.length === 0 || done.length >= search.beam;
  if (enough) sentence.beams = [];
  return enough && greedy === null;
}

function hypothesis(beam: Beam, complete: boolean, search: Search): Hypothesis {
  const tokens: number[] = [];
  const weights: Float32Array[] = [];
  for (let at = beam.written; at; at = at.before) {
    tokens.unshift(at.token);
    if (at.weights) weights.unshift(at.weights);
  }
  if (complete) tokens.pop(); // the end mark
  const { logProbability, length, coverage } = beam;
  return { tokens, logProbability, complete, weights: weights.length > 0 ? weights : null, score: rankScore(search, logProbability, length, coverage) };
}

/** The greedy hypothesis is often one of the beams' too. */
function addOnce(done: Hypothesis[], candidate: Hypothesis): void {
  if (!done.some((h) => h.complete === candidate.complete && same(h.tokens, candidate.tokens))) done.push(candidate);
}

const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((v, i) => v === b[i]);

/** Complete ones first, then by score; each token sequence once. */
function ranked(done: readonly Hypothesis[], count: number): Hypothesis[] {
  const unique: Hypothesis[] = [];
  for (const h of done) addOnce(unique, h);
  return unique.sort((a, b) => Number(b.complete) - Number(a.complete) || b.score - a.score).slice(0, count);
}

/** Rows k·B + b of the items at `kept`, in the same order. */
function keepPlaces(data: Float32Array, width: number, rows: number, B: number, kept: readonly number[]): Float32Array {
  const out = new Float32Array(rows * kept.length * width);
  for (let k = 0; k < rows; k++) {
    for (const [to, b] of kept.entries()) out.set(data.subarray((k * B + b) * width, (k * B + b + 1) * width), (k * kept.length + to) * width);
  }
  return out;
}

/** The memory of the items at `kept`. */
function keepItems({ prepared, summary }: Memory, kept: readonly number[]): Memory {
  const { engine } = summary;
  const items = engine.ints([kept.length], kept);
  const shorter = (x: Tensor): Tensor => {
    const [S = 0, B = 0, H = 0] = x.shape;
    const rows = Int32Array.from({ length: S * kept.length }, (_, i) => Math.floor(i / kept.length) * B + kept[i % kept.length]!);
    return gatherRows({ x: x.reshape(S * B, H), rows: engine.ints([rows.length], rows) }).y.reshape(S, kept.length, H);
  };
  const lengths = prepared?.lengths ? engine.ints([kept.length], kept.map((b) => prepared.lengths!.data[b]!)) : undefined;
  const keys = prepared ? shorter(prepared.keys) : null;
  return {
    summary: gatherRows({ x: summary, rows: items }).y,
    prepared: prepared && keys ? { keys, values: prepared.values === prepared.keys ? keys : shorter(prepared.values), lengths } : null,
  };
}
