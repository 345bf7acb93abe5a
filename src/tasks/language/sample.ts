/** @file Which token comes next: temperature, top-k, top-p, min-p and repetition penalty over the scores of one step. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { Rng } from "../../base/random.ts";

/** How to draw; what is left out changes nothing. */
export interface SampleOptions {
  /** Scores are divided by it: below 1 the likely becomes likelier, 0 always takes the likeliest. Default 1. */
  temperature?: number;
  /** Only the k likeliest tokens. */
  topK?: number;
  /** Only the likeliest tokens that together reach this probability (Holtzman et al. 2020, arXiv:1904.09751). */
  topP?: number;
  /** Only tokens at least this times as likely as the likeliest (Nguyen et al. 2024, arXiv:2407.01082). */
  minP?: number;
  /** Above 1: tokens among the last `repetitionWindow` get less likely (Keskar et al. 2019, arXiv:1909.05858). */
  repetitionPenalty?: number;
  /** Default 64. */
  repetitionWindow?: number;
}

/** @throws range: an option outside its limits */
export function checkSampling(o: SampleOptions): void {
  const need = (name: keyof SampleOptions, fits: (v: number) => boolean, due: string) => {
    const v = o[name];
    if (v !== undefined && !fits(v)) throw new SluiceError("range", `generate: ${name} is ${v}, expected ${due}`, { name, value: v });
  };
  need("temperature", (v) => v >= 0 && v < Infinity, "a number from 0");
  need("topK", (v) => Number.isInteger(v) && v >= 1, "a whole number from 1");
  need("topP", (v) => v > 0 && v <= 1, "a number above 0, up to 1");
  need("minP", (v) => v >= 0 && v < 1, "a number from 0, below 1");
  need("repetitionPenalty", (v) => v > 0 && v < Infinity, "a number above 0");
  need("repetitionWindow", (v) => Number.isInteger(v) && v >= 1, "a whole number from 1");
}

/** Draws tokens from scores. Made once for a text; a draw makes no garbage unless top-k or top-p sort. */
export class TokenSampler {
  readonly #weights: Float64Array;
  readonly #scores: Float32Array;
  readonly #recent: Int32Array;
  #seen = 0;

  /**
   * @param forbidden tokens that are never drawn
   * @throws range: as `checkSampling`
   */
  constructor(
    vocabulary: number,
    readonly options: SampleOptions,
    readonly rng: Rng,
    readonly forbidden: readonly number[] = [],
  ) {
    checkSampling(options);
    this.#weights = new Float64Array(vocabulary);
    this.#scores = new Float32Array(vocabulary);
    this.#recent = new Int32Array(options.repetitionPenalty === undefined ? 0 : (options.repetitionWindow ?? 64));
  }

  /** Counts a token as written, for the repetition penalty. */
  note(id: number): void {
    if (this.#recent.length > 0) this.#recent[this.#seen++ % this.#recent.length] = id;
  }

  /** The next token, given its scores (logits) [V], which stay as they are. */
  draw(logits: Float32Array): number {
    const { temperature = 1, topK, topP, minP = 0 } = this.options;
    const scores = this.#adjusted(logits);
    const n = scores.length;
    let best = 0;
    for (let i = 1; i < n; i++) if (scores[i]! > scores[best]!) best = i;
    if (temperature === 0) return best;
    const weights = this.#weights;
    const top = scores[best]!;
    const scale = 1 / temperature;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const w = Math.exp((scores[i]! - top) * scale);
      const kept = w >= minP ? w : 0;
      weights[i] = kept;
      sum += kept;
    }
    if ((topK !== undefined && topK < n) || (topP !== undefined && topP < 1)) sum = keepLikeliest(weights, sum, topK ?? n, topP ?? 1);
    let left = this.rng.uniform() * sum;
    let last = best;
    for (let i = 0; i < n; i++) {
      const w = weights[i]!;
      if (w === 0) continue;
      last = i;
      left -= w;
      if (left < 0) return i;
    }
    return last; // rounding left a crumb over
  }

  #adjusted(logits: Float32Array): Float32Array {
    const { repetitionPenalty: penalty } = this.options;
    if (penalty === undefined && this.forbidden.length === 0) return logits;
    const scores = this.#scores;
    scores.set(logits);
    if (penalty !== undefined) {
      for (const id of new Set(this.#recent.subarray(0, Math.min(this.#seen, this.#recent.length)))) {
        const score = scores[id]!;
        scores[id] = score > 0 ? score / penalty : score * penalty;
      }
    }
    for (const id of this.forbidden) scores[id] = Number.NEGATIVE_INFINITY;
    return scores;
  }
}

/** Sets all but the likeliest weights to 0: at most `k`, and no more than reach the share `p`. Equals: the lower number first. Returns the new sum. */
function keepLikeliest(weights: Float64Array, sum: number, k: number, p: number): number {
  const order = Array.from(weights, (_, i) => i)
    .filter((i) => weights[i]! > 0)
    .sort((a, b) => weights[b]! - weights[a]! || a - b);
  let kept = 0;
  let place = 0;
  for (; place < order.length && place < k && (place === 0 || kept < p * sum); place++) kept += weights[order[place]!]!;
  for (; place < order.length; place++) weights[order[place]!] = 0;
  return kept;
}
