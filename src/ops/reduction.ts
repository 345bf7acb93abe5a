/** @file How the losses of many elements become one number; an option that every loss has. */
import { SluiceError } from "../base/errors.ts";

export type Reduction = "mean" | "sum";

/** 1 for the mean, 0 for the sum. */
export function isMean(o: { reduction: string }): number {
  if (o.reduction !== ("mean" satisfies Reduction) && o.reduction !== ("sum" satisfies Reduction)) {
    throw new SluiceError("usage", `loss: reduction is "${o.reduction}", expected "mean" or "sum"`, { reduction: o.reduction });
  }
  return +(o.reduction === "mean");
}
