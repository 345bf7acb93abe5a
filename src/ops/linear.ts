/** @file The linear map of the last axis. I in, O out. */
import { defineOp } from "../engine/op.ts";

export const linear = /* @__PURE__ */ defineOp({
  name: "linear",
  doc: "A matrix applied to every row. y = x·wᵀ + b",
  inputs: { x: "... I", w: "O I", b: "O ?" },
  outputs: { y: "... O" },
  work: (k, { N, I, O }) => k.linear_work(N, I, O),
  kept: { beside: "w", size: (k, { N, I, O }) => k.linear_kept(N, I, O) },
  forward: (k, p, { N, I, O }) => k.linear_forward(p.y, p.x, p.w, p.b, p.kept, p.work, N, I, O),
  backward: (k, p, { N, I, O }) => k.linear_backward(p.dx, p.dw, p.db, p.dy, p.x, p.w, p.work, N, I, O),
  try: [
    { N: 1, I: 1, O: 1 },
    { N: 3, I: 2, O: 5 },
    { N: 5, I: 9, O: 3 },
  ],
});
