/**
 * @file Training on a sample of a large vocabulary: only the tokens of the batch and some drawn ones are scored. The cost of a step then hangs
 * on the sample, not on the vocabulary; the last part of a training scores them all. Runs in browsers.
 */
import type { Rng } from "../../base/random.ts";
import type { Engine, Tensor } from "../../engine/index.ts";
import { embedding } from "../../ops/embedding.ts";
import { add } from "../../ops/elementwise.ts";
import { projectedCrossEntropy } from "../../ops/projection.ts";
import type { Output } from "./network.ts";

/**
 * Draws candidates. Token i is among them with probability πᵢ = 1 − (1 − qᵢ)(1 − uᵢ)ᴺ: drawn with qᵢ ∝ uᵢ^¾, or one of the batch's N targets
 * (uᵢ its share of the training text). Scores are lowered by ln πᵢ, which makes the sampled softmax agree with the full one in expectation.
 * @see Jean et al. 2015, arXiv:1412.2007; Bengio and Senécal 2008
 */
export class CandidateSampler {
  readonly #drawn: Float64Array;
  readonly #shares: Float64Array;
  readonly #place: Int32Array;

  /**
   * @param counts of every token in the training text
   * @param size how many candidates are drawn, in the mean
   */
  constructor(counts: ArrayLike<number>, size: number) {
    const total = Array.from(counts).reduce((a, b) => a + b, 0) + counts.length;
    this.#shares = Float64Array.from(counts, (n) => (n + 1) / total);
    this.#drawn = inclusion(this.#shares.map((u) => u ** 0.75), size);
    this.#place = new Int32Array(counts.length);
  }

  /** The candidates of a batch: their ids, what their scores are corrected by, and where among them each target stands. */
  draw(targets: Int32Array, rng: Rng): { ids: Int32Array; correction: Float32Array; targets: Int32Array } {
    const place = this.#place.fill(-1);
    for (const id of targets) place[id] = 0;
    const ids: number[] = [];
    for (const [id, q] of this.#drawn.entries()) {
      // Every token draws, so that the generator moves alike whatever the batch holds.
      if (rng.uniform() >= q && place[id] === -1) continue;
      place[id] = ids.length;
      ids.push(id);
    }
    const N = targets.length;
    const correction = Float32Array.from(ids, (id) => -Math.log(1 - (1 - this.#drawn[id]!) * (1 - this.#shares[id]!) ** N));
    return { ids: Int32Array.from(ids), correction, targets: targets.map((id) => place[id]!) };
  }
}

/** min(1, c·w) with c such that they sum to `size` (or all are 1). */
function inclusion(weights: Float64Array, size: number): Float64Array {
  let low = 0;
  let high = 1 / Math.max(weights.reduce((a, b) => Math.min(a, b)), 1e-300);
  for (let i = 0; i < 200; i++) {
    const c = (low + high) / 2;
    let sum = 0;
    for (const w of weights) sum += Math.min(1, c * w);
    if (sum < size) low = c;
    else high = c;
  }
  return weights.map((w) => Math.min(1, high * w));
}

/** Nats per token [1] among the candidates: what training follows in place of `languageLoss`. x is [L, B, I]. */
export function sampledLoss({ weight, bias }: Output, x: Tensor, targets: Int32Array, sampler: CandidateSampler, rng: Rng): Tensor {
  const { engine }: { engine: Engine } = x;
  const drawn = sampler.draw(targets, rng);
  const K = drawn.ids.length;
  const ids = engine.ints([K], drawn.ids);
  const w = embedding({ ids, weight }).y;
  const own = embedding({ ids, weight: bias.reshape(bias.size, 1) }).y.reshape(K);
  const b = add({ a: own, b: engine.tensor([K], drawn.correction) }).y;
  return projectedCrossEntropy({ x, w, b, target: engine.ints(x.shape.slice(0, -1), drawn.targets) }).y;
}
