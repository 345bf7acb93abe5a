/** @file What a language model is trained by, and how text goes through it in chunks. Runs in browsers. */
import type { Tensor } from "../../engine/tensor.ts";
import { crossEntropy } from "../../ops/loss.ts";
import type { LanguageNetwork } from "./network.ts";

/**
 * Nats per token [1], the mean over the tokens whose weight is not 0.
 * @param x what `LanguageNetwork.read` gives, [L, B, …]
 * @param target int [L, B]
 * @param weight [L, B]; left out: every token counts
 */
export function languageLoss(network: LanguageNetwork, x: Tensor, target: Tensor, weight?: Tensor): Tensor {
  const { vocabulary } = network.config;
  const logits = network.output.forward(x).reshape(target.size, vocabulary);
  return crossEntropy({ logits, target: target.reshape(target.size), weight: weight?.reshape(target.size) }).y;
}
