/** @file Softmax over a large vocabulary whose rare words cost less: a short list and clusters of ever narrower projections. */
import { SluiceError } from "../base/errors.ts";
import type { Tensor } from "../engine/tensor.ts";
import { add, affine } from "../ops/elementwise.ts";
import { projectedCrossEntropy } from "../ops/projection.ts";
import { gatherRows } from "../ops/rows.ts";
import { logSoftmax } from "../ops/softmax.ts";
import { checkSize } from "./cell.ts";
import type { Init } from "./init.ts";
import { Linear } from "./linear.ts";

export interface AdaptiveSoftmaxConfig {
  /** Width of what is read. */
  size: number;
  /** Number of words; they are numbered by falling frequency. */
  vocabulary: number;
  /** Where each cluster of rarer words begins, rising: `[2000, 6000]` keeps words 0 to 1999 in the head and makes two clusters. */
  cutoffs: readonly number[];
  /** How much narrower each cluster's projection is than the one before; default 4. */
  divisor?: number;
}

/**
 * ln p(word) = ln p(head entry) for a frequent word, ln p(cluster) + ln p(word | cluster) for a rare one.
 * Parameters: `head.weight` [C, size] and `head.bias` [C], C = first cutoff + clusters; `tails.0.down.weight` [size / divisor, size],
 * `tails.0.up.weight` [words of the cluster, size / divisor], `tails.1` …
 * @see Grave et al. 2017, arXiv:1609.04309
 */
export class AdaptiveSoftmax {
  readonly head: Linear;
  readonly tails: readonly { readonly down: Linear; readonly up: Linear }[];

  /** @throws range: a size below 1, a divisor below 1, cutoffs that don't rise from above 0 to below `vocabulary` */
  constructor(
    readonly config: AdaptiveSoftmaxConfig,
    init: Init,
  ) {
    const { size, vocabulary, cutoffs, divisor = 4 } = config;
    checkSize("adaptive softmax: size", size);
    checkSize("adaptive softmax: vocabulary", vocabulary);
    if (!(divisor >= 1)) throw new SluiceError("range", `adaptive softmax: divisor is ${divisor}, expected a number from 1`, { divisor });
    const ends = [...cutoffs, vocabulary];
    if (cutoffs.length === 0 || !ends.every((end, i) => Number.isInteger(end) && end > (i > 0 ? ends[i - 1]! : 0))) {
      throw new SluiceError("range", `adaptive softmax: cutoffs are [${cutoffs.join(", ")}], expected one or more whole numbers, rising, from 1 to below ${vocabulary}, the vocabulary`, { cutoffs });
    }
    this.head = new Linear({ inputSize: size, outputSize: cutoffs[0]! + cutoffs.length }, init);
    this.tails = cutoffs.map((from, i) => {
      const width = Math.max(1, Math.floor(size / divisor ** (i + 1)));
      return {
        down: new Linear({ inputSize: size, outputSize: width, bias: false }, init),
        up: new Linear({ inputSize: width, outputSize: ends[i + 1]! - from, bias: false }, init),
      };
    });
  }

  /**
   * Mean of −ln p(target), one number.
   * @param x [..., size]
   * @param target int [...]: 0 to vocabulary − 1, or `ignoreIndex` (default -100) for rows that don't count; with none that counts the loss is 0
   * @throws range: a target is neither
   */
  loss(x: Tensor, target: Tensor, options: { ignoreIndex?: number } = {}): Tensor {
    const { parts, counted } = this.#parts(x, target, options.ignoreIndex);
    const sum = parts.map((part) => projectedCrossEntropy(part, { reduction: "sum" }).y).reduce((a, b) => add({ a, b }).y);
    return affine({ x: sum }, { scale: 1 / Math.max(1, counted) }).y;
  }

  /** −ln p(target) of each row, 0 where it doesn't count; arguments as for `loss`. No gradient. */
  nats(x: Tensor, target: Tensor, options: { ignoreIndex?: number } = {}): Float64Array {
    return x.engine.noGrad(() => {
      const all = new Float64Array(target.size);
      for (const { rows, ...part } of this.#parts(x, target, options.ignoreIndex).parts) {
        const { nats } = projectedCrossEntropy(part, { want: ["nats"] });
        for (const [i, v] of nats!.data.entries()) all[rows ? rows[i]! : i]! += v;
      }
      return all;
    });
  }

  /** ln p of every word: x is [..., size], the result [..., vocabulary]. For generation; no gradient. */
  logProbabilities(x: Tensor): Tensor {
    const { vocabulary, cutoffs, size } = this.config;
    const { engine } = x;
    return engine.noGrad(() => {
      const flat = x.reshape(-1, size);
      const head = logSoftmax({ x: this.head.forward(flat) }).y;
      const tails = this.tails.map(({ down, up }) => logSoftmax({ x: up.forward(down.forward(flat)) }).y);
      const out = engine.make([...x.shape.slice(0, -1), vocabulary]);
      const [to, from] = [out.data, head.data];
      const [N, short, C] = [flat.shape[0]!, cutoffs[0]!, this.head.config.outputSize];
      for (let n = 0; n < N; n++) to.set(from.subarray(n * C, n * C + short), n * vocabulary);
      for (const [i, tail] of tails.entries()) {
        const [rare, words] = [tail.data, tail.shape[1]!];
        for (let n = 0; n < N; n++) {
          const cluster = from[n * C + short + i]!;
          for (let w = 0; w < words; w++) to[n * vocabulary + cutoffs[i]! + w] = cluster + rare[n * words + w]!;
        }
      }
      return out;
    });
  }

  /** What the head is asked for all rows (`rows` is null), and each cluster for the rows whose word is in it. */
  #parts(x: Tensor, target: Tensor, ignore = -100) {
    const { size, vocabulary, cutoffs } = this.config;
    const words = Int32Array.from(target.data);
    const inCluster: number[][] = cutoffs.map(() => []);
    let counted = 0;
    const entries = words.map((word, n) => {
      if (word === ignore) return -100;
      if (word < 0 || word >= vocabulary) {
        throw new SluiceError("range", `adaptive softmax: target is ${word} at place ${n}, expected 0 to ${vocabulary - 1} or ${ignore} (ignored); the vocabulary has ${vocabulary} words`, { target: word, place: n });
      }
      counted++;
      if (word < cutoffs[0]!) return word;
      const cluster = cutoffs.findLastIndex((from) => word >= from);
      inCluster[cluster]!.push(n);
      return cutoffs[0]! + cluster;
    });
    const { engine } = x;
    const ints = (values: ArrayLike<number>) => engine.ints([values.length], values);
    const flat = x.reshape(-1, size);
    const head = { rows: null, x: flat, w: this.head.weight, b: this.head.bias!, target: ints(entries) };
    const tails = inCluster.flatMap((rows, i) => {
      if (rows.length === 0) return [];
      const { down, up } = this.tails[i]!;
      const hidden = down.forward(gatherRows({ x: flat, rows: ints(rows) }).y);
      return [{ rows, x: hidden, w: up.weight, target: ints(rows.map((n) => words[n]! - cutoffs[i]!)) }];
    });
    return { parts: [head, ...tails], counted };
  }
}
