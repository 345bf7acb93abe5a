/** @file Normalisation over the last axis. */
import { defineOp } from "../engine/op.ts";

export const layerNorm = /* @__PURE__ */ defineOp({
  name: "layerNorm",
  doc: `Each row brought to mean 0 and variance 1, then scaled and shifted per column.
    y = (x − mean) / √(variance + eps) ∘ gain + bias`,
  source: "Ba et al. 2016, arXiv:1607.06450",
  inputs: { x: "... H", gain: "H ?", bias: "H ?" },
  outputs: { y: "... H" },
  saved: { stats: "... 2" },
  options: { eps: 1e-5 },
  forward: (k, p, { N, H }, { eps }) => k.layer_norm_forward(p.y, p.stats, p.x, p.gain, p.bias, N, H, eps),
  backward: (k, p, { N, H }) => k.layer_norm_backward(p.dx, p.dgain, p.dbias, p.dy, p.x, p.gain, p.stats, N, H),
  try: [
    { N: 1, H: 1 },
    { N: 2, H: 3 },
    { N: 3, H: 9 },
  ],
});
