/** @file What a language model is trained by, and how text goes through it in chunks. Runs in browsers. */
import type { Tensor } from "../../engine/tensor.ts";
import { projectedCrossEntropy } from "../../ops/projection.ts";
import type { LanguageNetwork } from "./network.ts";

/**
 * Nats per token [1], the mean over the tokens whose weight is not 0.
 * @param x what `LanguageNetwork.read` gives, [L, B, …]
 * @param target int [L, B]
 * @param weight [L, B]; left out: every token counts
 */
export function languageLoss(network: LanguageNetwork, x: Tensor, target: Tensor, weight?: Tensor): Tensor {
  const { weight: w, bias: b } = network.output;
  return projectedCrossEntropy({ x, w, b, target, weight }).y;
}
