/**
 * @file Which tokens decided: integrated gradients of the recurrent part with respect to its embedded tokens, and the wide part's own
 * summands. Runs in browsers.
 * @see Sundararajan et al. 2017, arXiv:1703.01365
 */
import { SluiceError } from "../../base/errors.ts";
import type { Engine, Tensor } from "../../engine/index.ts";
import { mul } from "../../ops/elementwise.ts";
import { sum } from "../../ops/reduce.ts";
import { type Batch, makeBatch, type TextBatch, type TextSamples } from "./batch.ts";
import type { Classifier } from "./classifier.ts";
import { argMax } from "./evaluate.ts";

export interface ExplainOptions {
  /** The class whose logit is explained. Default: the one that is answered. */
  label?: string;
  /** Points on the way from no text to the text; doubled until the sum is right. Default 32. */
  steps?: number;
  /** How far the sum may be off, as a share of the difference. Default 0.01. */
  tolerance?: number;
}

/** What one token did. */
export interface TokenAttribution {
  /** As the model reads it. */
  token: string;
  /** Above 0: it speaks for the class. In logits. */
  score: number;
  /** Of the score: from the recurrent part, and from the wide part. */
  deep: number;
  wide: number;
}

export interface Explanation {
  label: string;
  probability: number;
  tokens: TokenAttribution[];
  /**
   * The class's calibrated logit over the mean of the others (with several labels: its own logit), of this text and of a text of as many
   * tokens that say nothing. The scores sum to their difference, up to `error`.
   */
  logit: number;
  baseline: number;
  /** logit − baseline − Σ scores. */
  error: number;
  /** Points on the way that were taken. */
  steps: number;
  /** Shares of the recurrent part's attention, where it has any. */
  attention?: number[];
}

/** Points on the way that go through the network together. */
const TOGETHER = 64;
/** More points than this are never taken. */
const MOST_STEPS = 1024;

/**
 * Attributions of the tokens of one text.
 * @throws missing: no such class; state: a classifier of series; data: a text without a token; range: steps that are no number of points
 */
export function explainText(classifier: Classifier, text: string, { label, steps = 32, tolerance = 0.01 }: ExplainOptions = {}): Explanation {
  const { classes, multiLabel, calibration, network } = classifier.config;
  if (!(Number.isInteger(steps) && steps >= 1 && steps <= MOST_STEPS)) throw new SluiceError("range", `explain: steps is ${steps}, expected a whole number from 1 to ${MOST_STEPS}`, { steps });
  const samples = classifier.readTexts([text]);
  const { units } = samples.items[0]!;
  if (units.length === 0) throw new SluiceError("data", "explain: the text has no token, expected at least one");
  const probabilities = classifier.probabilities(samples);
  const c = label === undefined ? argMax(probabilities, 0, classes.length) : classes.indexOf(label);
  if (c < 0) throw new SluiceError("missing", `explain: the class is ${JSON.stringify(label)}, expected one of ${classes.slice(0, 20).join(", ")}`, { label });
  /** Weight of each logit in what is explained. */
  const direction = Float32Array.from({ length: classes.length }, (_, k) => (k === c ? 1 : multiLabel ? 0 : -1 / (classes.length - 1)));
  const dot = (logits: ArrayLike<number>) => direction.reduce((s, d, k) => s + d * logits[k]!, 0);

  const members = network.members;
  const scale = calibration.deep / members;
  const deep = new Float64Array(units.length);
  const ends = { logit: 0, baseline: 0 };
  let taken = steps;
  for (let m = 0; m < members; m++) {
    let points = steps;
    let path = integrate(classifier, samples, m, direction, points);
    const off = () => Math.abs(path.end - path.start - path.scores.reduce((a, b) => a + b, 0));
    while (off() > tolerance * Math.max(Math.abs(path.end - path.start), 0.1) && points < MOST_STEPS) {
      points *= 2;
      path = integrate(classifier, samples, m, direction, points);
    }
    taken = Math.max(taken, points);
    for (const [t, v] of path.scores.entries()) deep[t]! += scale * v;
    ends.logit += scale * path.end;
    ends.baseline += scale * path.start;
  }
  const wide = wideScores(classifier, samples, dot);
  for (const v of wide) ends.logit += v;
  const names = Array.from(units, (unit) => samples.lexicon.name(unit));
  const tokens = names.map((token, t) => ({ token, score: deep[t]! + wide[t]!, deep: deep[t]!, wide: wide[t]! }));
  const attention = attentionOf(classifier, samples);
  const error = ends.logit - ends.baseline - tokens.reduce((s, { score }) => s + score, 0);
  return { label: classes[c]!, probability: probabilities[c]!, tokens, ...ends, error, steps: taken, ...(attention ? { attention } : {}) };
}

/** One member's path from embedded tokens that are all zero to those of the text: attributions of each token and the values at both ends. */
function integrate({ engine, network, config }: Classifier, samples: TextSamples, m: number, direction: Float32Array, steps: number): { scores: Float64Array; start: number; end: number } {
  const member = network.members[m]!;
  const one = makeBatch(samples, [0], config.piece) as TextBatch;
  const { x, L, R, E } = engine.scope(() => {
    const t = member.embed(engine, one);
    const [steps = 0, rows = 0, size = 0] = t.shape;
    return { x: t.toArray(), L: steps, R: rows, E: size };
  });
  const scores = new Float64Array(samples.items[0]!.units.length);
  // The midpoint of each of the path's parts: the integral's error falls with the square of their number.
  const way = Float64Array.from({ length: steps }, (_, k) => (k + 0.5) / steps);
  for (let first = 0; first < steps; first += TOGETHER) {
    const part = way.subarray(first, first + TOGETHER);
    const batch = repeated(one, part.length);
    engine.scope(() => {
      // One batch item a point: rows of item k stand behind those of item k − 1.
      const points = new Float32Array(L * R * part.length * E);
      for (let t = 0; t < L; t++)
        for (const [k, a] of part.entries()) for (let j = 0; j < R * E; j++) points[(t * part.length + k) * R * E + j] = a * x[t * R * E + j]!;
      const input = engine.tensor([L, R * part.length, E], points, { grad: true });
      engine.backward(engine.record(() => along(engine, member.read(engine, batch, input).logits, direction)));
      const grad = input.grad!;
      let unit = 0;
      for (let r = 0; r < R; r++) {
        for (let t = 0; t < one.lengths[r]!; t++, unit++) {
          for (let k = 0; k < part.length; k++) {
            const from = ((t * part.length + k) * R + r) * E;
            for (let e = 0; e < E; e++) scores[unit]! += (grad[from + e]! * x[(t * R + r) * E + e]!) / steps;
          }
        }
      }
    });
  }
  const value = (share: number) => engine.scope(() => along(engine, member.read(engine, one, engine.tensor([L, R, E], x.map((v) => share * v))).logits, direction).item());
  return { scores, start: value(0), end: value(1) };
}

/** Σ direction ∘ logits [B, C]: one number whose gradient is that of every item's own. */
function along(engine: Engine, logits: Tensor, direction: Float32Array): Tensor {
  const [B = 0, C = 0] = logits.shape;
  const by = new Float32Array(B * C);
  for (let b = 0; b < B; b++) by.set(direction, b * C);
  return sum({ x: mul({ a: logits, b: engine.tensor([B, C], by) }).y }).y;
}

/** The members' mean share of each token; each piece's shares count as much as it has tokens, so that all sum to 1. Null without attention. */
function attentionOf({ engine, network, config }: Classifier, samples: TextSamples): number[] | null {
  if (config.network.pooling !== "attention") return null;
  const one = makeBatch(samples, [0], config.piece);
  const { length } = samples.items[0]!.units;
  const shares = new Array<number>(length).fill(0);
  for (const member of network.members) {
    engine.scope(() => {
      const weights = member.read(engine, one, member.embed(engine, one)).weights!.data;
      let token = 0;
      for (const [r, steps] of one.lengths.entries()) {
        for (let t = 0; t < steps; t++) shares[token++]! += (weights[r * one.steps + t]! * steps) / length / network.members.length;
      }
    });
  }
  return shares;
}

/** A batch of one text, `times` over. */
function repeated(one: TextBatch, times: number): Batch {
  const { pieces, rows } = one;
  return {
    ...one,
    items: times,
    rows: rows * times,
    lengths: Int32Array.from({ length: rows * times }, (_, i) => one.lengths[i % rows]!),
    pieces: pieces && {
      most: pieces.most,
      counts: new Int32Array(times).fill(pieces.counts[0]!),
      ids: Int32Array.from({ length: pieces.most * times }, (_, j) => Math.floor(j / times) + (j % times) * rows),
    },
  };
}

/** What each token gives through the runs it is in, which share alike; a run counts once however often it occurs. */
function wideScores({ network, config }: Classifier, samples: TextSamples, dot: (logits: ArrayLike<number>) => number): Float64Array {
  const { units } = samples.items[0]!;
  const out = new Float64Array(units.length);
  if (config.network.wide === 0) return out;
  const C = config.classes.length;
  const names = Array.from(units, (unit) => samples.lexicon.name(unit));
  const runs = new Map<number, number[]>();
  for (const { row, from, length } of samples.lexicon.runs(names)) {
    const tokens = runs.get(row) ?? [];
    for (let t = from; t < from + length; t++) tokens.push(t);
    runs.set(row, tokens);
  }
  for (const [row, tokens] of runs) {
    let value = 0;
    for (const { wide } of network.members) value += dot(wide!.data.subarray(row * C, (row + 1) * C)) / network.members.length;
    for (const t of tokens) out[t]! += (config.calibration.wide * value) / tokens.length;
  }
  return out;
}
