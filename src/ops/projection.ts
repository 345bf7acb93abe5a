/** @file A linear map to a vocabulary and its cross entropy in one, without the logits ever being there. H in, V words. */
import { SluiceError } from "../base/errors.ts";
import { defineOp } from "../engine/op.ts";
import { isMean } from "./reduction.ts";

export const projectedCrossEntropy = /* @__PURE__ */ defineOp({
  name: "projectedCrossEntropy",
  doc: `Cross entropy of one word out of V after a linear map, as \`linear\` and \`crossEntropy\` would give it, in the memory of a few
    hundred rows of logits. A target of \`ignoreIndex\` or a weight of 0 is left out and costs no time; labelSmoothing s moves that share
    of the truth to all words alike. \`nats\`, when asked for, has each row's loss.
    y = −mean ((1 − s)·ln p[t] + s/V·Σ_c ln p[c]), p = softmax(x·wᵀ + b), t = target`,
  source: "label smoothing: Szegedy et al. 2015, arXiv:1512.00567",
  inputs: { x: "... H", w: "V H", b: "V ?", target: "int ...", weight: "const ... ?" },
  outputs: { y: "1", nats: "const ... ?" },
  saved: { slopeX: "... H", slopeW: "V H", slopeB: "V" },
  options: { reduction: "mean", labelSmoothing: 0, ignoreIndex: -100 },
  check: (_n, { labelSmoothing: s }) => {
    if (!(s >= 0 && s <= 1))
      throw new SluiceError("range", `projectedCrossEntropy: labelSmoothing is ${s}, expected a share from 0 to 1`, { labelSmoothing: s });
  },
  work: (k, { N, H, V }) => k.projected_cross_entropy_work(N, H, V),
  forward: (k, p, { N, H, V }, o) => {
    const bad = k.projected_cross_entropy_forward(
      ...([p.y, p.nats, p.slopeX, p.slopeW, p.slopeB, p.x, p.w, p.b, p.target, p.weight, p.work] as const),
      ...([N, H, V, isMean(o), o.labelSmoothing, o.ignoreIndex] as const),
    );
    if (bad < 0) return;
    const id = k.int_at(p.target, bad);
    throw new SluiceError(
      "range",
      `projectedCrossEntropy: target is ${id} at place ${bad}, expected 0 to ${V - 1} or ${o.ignoreIndex} (ignored); V is ${V} (from w)`,
      { op: "projectedCrossEntropy", target: id, place: bad, V },
    );
  },
  backwardWork: () => 0,
  backward: (k, p, { N, H, V }) =>
    k.projected_cross_entropy_backward(p.dx, p.dw, p.db, p.dy, p.slopeX, p.slopeW, p.slopeB, N, H, V),
  try: [
    { N: 1, H: 1, V: 2 },
    { N: 3, H: 18, V: 5 },
    { N: 5, H: 3, V: 37 },
  ],
  tryOptions: [{ reduction: "sum" }, { labelSmoothing: 0.25 }, { ignoreIndex: 1 }],
});
