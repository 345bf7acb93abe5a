/** @file Tensors brought down to one number, summed in float64. */
import { defineOp } from "../engine/op.ts";

export const sum = /* @__PURE__ */ defineOp({
  name: "sum",
  doc: "Sum of all elements. y = Σ x",
  inputs: { x: "..." },
  outputs: { y: "1" },
  forward: (k, p, { N }) => k.sum_forward(p.y, p.x, N, 0),
  backward: (k, p, { N }) => k.sum_backward(p.dx, p.dy, N, 0),
  try: [{ N: 1 }, { N: 11 }],
});

export const mean = /* @__PURE__ */ defineOp({
  name: "mean",
  doc: "Mean of all elements. y = Σ x / N",
  inputs: { x: "..." },
  outputs: { y: "1" },
  forward: (k, p, { N }) => k.sum_forward(p.y, p.x, N, 1),
  backward: (k, p, { N }) => k.sum_backward(p.dx, p.dy, N, 1),
  try: [{ N: 1 }, { N: 11 }],
});

export const weightedMean = /* @__PURE__ */ defineOp({
  name: "weightedMean",
  doc: `Mean with a weight for each element; what has weight 0 is left out, whatever it holds, and no weight at all gives 0.
    y = Σ w∘x / Σ w`,
  inputs: { x: "...", weight: "const ..." },
  outputs: { y: "1" },
  saved: { divisor: "1" },
  forward: (k, p, { N }) => k.weighted_mean_forward(p.y, p.divisor, p.x, p.weight, N),
  backward: (k, p, { N }) => k.weighted_mean_backward(p.dx, p.dy, p.divisor, p.weight, N),
  try: [{ N: 1 }, { N: 11 }],
});
