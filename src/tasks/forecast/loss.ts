/** @file What a forecast network is trained by. */
import type { Tensor } from "../../engine/tensor.ts";
import { scaleShift } from "../../ops/elementwise.ts";
import { gaussianNll, huber, mae, mse, quantile, studentTNll } from "../../ops/loss.ts";
import type { ItemScales, Targets } from "./batch.ts";
import { type OutputConfig, SCALE_FLOOR } from "./output.ts";

/**
 * Loss [1] of the network's rows against what happened. Errors are counted in the series' scaled units, whatever each window was levelled
 * by: an item's weight is its scale, or the square of it for squared errors. (Likelihoods need none: the scale only adds a constant.)
 * @param pred [M/D · B·C · D, Q]
 */
export function forecastLoss(output: OutputConfig, pred: Tensor, { target, weight }: Targets, { scale }: ItemScales): Tensor {
  const flat = (t: Tensor) => t.reshape(-1);
  const byScale = (w: Tensor) => (scale === null ? w : scaleShift({ x: w, s: scale }).y);
  const rows = pred.shape[0]!;
  const t = flat(target);
  if (output.kind === "normal") return gaussianNll({ pred, target: t, weight: flat(weight) }, { minScale: SCALE_FLOOR }).y;
  if (output.kind === "student-t") return studentTNll({ pred, target: t, weight: flat(weight) }, { minScale: SCALE_FLOOR }).y;
  if (output.kind === "quantiles") {
    const levels = pred.engine.tensor([output.quantiles.length], output.quantiles);
    return quantile({ pred, target: t, quantiles: levels, weight: flat(byScale(weight)) }).y;
  }
  const point = pred.reshape(rows);
  if (output.loss === "mse") return mse({ pred: point, target: t, weight: flat(byScale(byScale(weight))) }).y;
  const by = { pred: point, target: t, weight: flat(byScale(weight)) };
  return output.loss === "huber" ? huber(by).y : mae(by).y;
}
