/**
 * @file What counting alone can predict: unigram, bigram and trigram models over token ids, the baselines of a language model.
 * Counts are sorted lists, so that a million tokens take seconds and little memory.
 */
import { SluiceError } from "../base/errors.ts";

/** A model of the next token, as good as its nats per token. */
export interface NgramScore {
  /** Mean −ln P on the test tokens, nats per token. */
  test: number;
  /** The same on the validation tokens, to which the weights were fitted. */
  valid: number;
}

export interface NgramBaselines {
  unigram: NgramScore;
  bigram: NgramScore;
  trigram: NgramScore;
}

/**
 * Nats per token of unigram, bigram and trigram, each mixed with the one before it (the unigram with 1/V):
 * P(c | ab) = λ·n(abc)/n(ab) + (1−λ)·P(c | b). λ depends on how often the context was seen (in powers of two) and is fitted to
 * the validation tokens by expectation maximisation; without any, to the last tenth of the training tokens, which then count less.
 * The first tokens of a split are scored with what stands before them in that split only.
 * @param V number of tokens
 * @throws data: no tokens in train or test; range: an id outside 0 … V − 1
 * @see Jelinek & Mercer 1980, "Interpolated estimation of Markov source parameters from sparse data"
 */
export function ngramBaselines(train: Int32Array, valid: Int32Array, test: Int32Array, V: number): NgramBaselines {
  for (const [name, ids] of [["train", train], ["valid", valid], ["test", test]] as const) checkIds(ids, V, name);
  for (const [name, ids] of [["train", train], ["test", test]] as const) {
    if (ids.length === 0) throw new SluiceError("data", `ngramBaselines: ${name} has 0 tokens, expected some`, {});
  }
  if (valid.length === 0 && train.length > 1) {
    const at = Math.min(train.length - 1, Math.ceil(train.length * 0.9));
    return ngramBaselines(train.subarray(0, at), train.subarray(at), test, V);
  }
  const scores: NgramScore[] = [];
  let below = { valid: new Float64Array(valid.length).fill(1 / V), test: new Float64Array(test.length).fill(1 / V) };
  for (let order = 1; order <= 3; order++) {
    const counts = new Counts(train, order, V);
    const onValid = counts.estimate(valid);
    const weights = fitWeights(onValid, below.valid);
    below = { valid: mix(onValid, below.valid, weights), test: mix(counts.estimate(test), below.test, weights) };
    scores.push({ valid: nats(below.valid), test: nats(below.test) });
  }
  return { unigram: scores[0]!, bigram: scores[1]!, trigram: scores[2]! };
}

/** Relative frequencies of each token after its context, and how often the context was seen. */
interface Estimate {
  /** n(context, token) / n(context); 0 where the context was never seen. */
  p: Float64Array;
  /** 0: context never seen; k: seen 2ᵏ⁻¹ … 2ᵏ − 1 times. */
  bucket: Uint8Array;
}

/** How often each run of `order` tokens stands in a text. A run's key is the number of its context in a sorted list, times V, plus the last token. */
export class Counts {
  /** Sorted keys of the runs of each length 1 … order. */
  readonly #keys: Float64Array[] = [];
  /** How often each run stands there. */
  readonly #counts: Uint32Array[] = [];
  /** How often the context of each run is followed by anything. */
  readonly #contexts: Uint32Array[] = [];

  constructor(
    train: Int32Array,
    readonly order: number,
    readonly V: number,
  ) {
    let context: Float64Array = new Float64Array(train.length); // number of the context that ends before each token
    for (let length = 1; length <= order; length++) {
      const keys = new Float64Array(Math.max(0, train.length - length + 1));
      for (let i = length - 1; i < train.length; i++) keys[i - length + 1] = context[i]! * V + train[i]!;
      const [distinct, counts] = runs(keys.slice().sort());
      const followed = new Uint32Array(length === 1 ? 1 : this.#keys.at(-1)!.length);
      for (let k = 0; k < distinct.length; k++) followed[Math.floor(distinct[k]! / V)]! += counts[k]!;
      this.#keys.push(distinct);
      this.#counts.push(counts);
      this.#contexts.push(followed);
      if (length === order) break;
      const next = new Float64Array(train.length);
      for (let i = length; i < train.length; i++) next[i] = find(distinct, keys[i - length]!);
      context = next;
    }
  }

  /** For each token of a text. Where there are too few tokens before it, the context counts as never seen. */
  estimate(ids: Int32Array): Estimate {
    const p = new Float64Array(ids.length);
    const bucket = new Uint8Array(ids.length);
    for (let i = this.order - 1; i < ids.length; i++) {
      let run = 0;
      for (let length = 1; length <= this.order && run >= 0; length++) {
        const context = run;
        run = find(this.#keys[length - 1]!, context * this.V + ids[i - this.order + length]!);
        if (length < this.order) continue;
        const seen = this.#contexts[length - 1]![context]!;
        bucket[i] = seen === 0 ? 0 : 32 - Math.clz32(seen);
        if (run >= 0) p[i] = this.#counts[length - 1]![run]! / seen;
      }
    }
    return { p, bucket };
  }
}

/** Distinct values of a sorted list, and how often each stands there. */
function runs(sorted: Float64Array): [Float64Array, Uint32Array] {
  let n = 0;
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) n++;
  const [values, counts] = [new Float64Array(n), new Uint32Array(n)];
  for (let i = 0, k = -1; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) values[++k] = sorted[i]!;
    counts[k]!++;
  }
  return [values, counts];
}

/** Where `value` stands in a sorted list, or −1. */
function find(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const at = sorted[middle]!;
    if (at === value) return middle;
    if (at < value) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

const rounds = 50;

/** λ of each bucket: the likeliest for these tokens, held from 0 and 1 as if one token more had favoured either side. */
function fitWeights({ p, bucket }: Estimate, below: Float64Array): Float64Array {
  const weights = new Float64Array(33).fill(0.5);
  weights[0] = 0;
  const [sum, n] = [new Float64Array(33), new Float64Array(33)];
  for (let round = 0; round < rounds; round++) {
    sum.fill(1);
    n.fill(2);
    for (let i = 0; i < p.length; i++) {
      const b = bucket[i]!;
      if (b === 0) continue;
      const high = weights[b]! * p[i]!;
      sum[b]! += high / (high + (1 - weights[b]!) * below[i]!);
      n[b]!++;
    }
    for (let b = 1; b < 33; b++) weights[b] = sum[b]! / n[b]!;
  }
  return weights;
}

const mix = ({ p, bucket }: Estimate, below: Float64Array, weights: Float64Array): Float64Array<ArrayBuffer> =>
  Float64Array.from(p, (high, i) => weights[bucket[i]!]! * high + (1 - weights[bucket[i]!]!) * below[i]!);

const nats = (p: Float64Array): number => p.reduce((sum, x) => sum - Math.log(x), 0) / p.length;

function checkIds(ids: Int32Array, V: number, name: string): void {
  const wrong = ids.findIndex((id) => id < 0 || id >= V);
  if (wrong >= 0) throw new SluiceError("range", `ngramBaselines: ${name}[${wrong}] is ${ids[wrong]}, expected 0 to ${V - 1}; V is ${V}`, { V });
}
