/** @file Gradient clipping. Nothing is rewritten: the factor goes to the optimizer, which reads each gradient once and scales it on the way. */
import { SluiceError } from "../base/errors.ts";
import type { Param } from "../engine/index.ts";

/**
 * The joint L2 norm of all gradients, summed in float64 in the order of `params`.
 * Parameters that are frozen or that backward has not reached count as zeros; NaN and Infinity come through.
 */
export function gradientNorm(params: readonly Param[]): number {
  let sum = 0;
  for (const p of params) if (p.gradPtr !== 0 && !p.frozen) sum += p.engine.kernels.sum_squares(p.gradPtr, p.size);
  return Math.sqrt(sum);
}

/**
 * The factor that brings gradients of this norm to at most `maxNorm`: min(1, maxNorm / (norm + 1e-6)), as PyTorch's clip_grad_norm_.
 * 1 for a norm that is NaN or infinite: such a gradient is to be reported, not scaled.
 * @param maxNorm > 0, in the loss's unit per parameter unit
 * @throws range: `maxNorm` is not above 0
 * @see Pascanu et al. 2013, arXiv:1211.5063, Algorithm 1
 */
export function clipFactor(norm: number, maxNorm: number): number {
  checkClip("clipNorm", maxNorm);
  return Number.isFinite(norm) ? Math.min(1, maxNorm / (norm + 1e-6)) : 1;
}

/** The norm before clipping and the factor for `Optimizer.step`. */
export function clipByNorm(params: readonly Param[], maxNorm: number): { norm: number; scale: number } {
  const norm = gradientNorm(params);
  return { norm, scale: clipFactor(norm, maxNorm) };
}

/** @throws range: the limit is not above 0 */
export function checkClip(name: "clipNorm" | "clipValue", limit: number): void {
  if (!(limit > 0))
    throw new SluiceError("range", `train: ${name} is ${limit}, expected a number above 0; leave it out to clip nothing`, {
      [name]: limit,
    });
}
