/** @file What a language model is trained by, and how text goes through it in chunks. Runs in browsers. */
import type { Tensor } from "../../engine/tensor.ts";
import { AdaptiveSoftmax } from "../../nn/adaptive.ts";
import { projectedCrossEntropy } from "../../ops/projection.ts";
import type { LanguageNetwork } from "./network.ts";

/** Stands for a token that does not count. */
const IGNORED = -100;

/**
 * Nats per token [1], the mean over the tokens whose weight is not 0.
 * @param x what `LanguageNetwork.read` gives, [L, B, …]
 * @param target int [L, B]
 * @param weight [L, B], 0 or 1; left out: every token counts
 */
export function languageLoss(network: LanguageNetwork, x: Tensor, target: Tensor, weight?: Tensor): Tensor {
  const { output } = network;
  if (output instanceof AdaptiveSoftmax) {
    const counted = weight ? x.engine.ints(target.shape, Int32Array.from(target.data, (id, i) => (weight.data[i] === 0 ? IGNORED : id))) : target;
    return output.loss(x, counted, { ignoreIndex: IGNORED });
  }
  const { weight: w, bias: b } = output;
  return projectedCrossEntropy({ x, w, b, target, weight }).y;
}
