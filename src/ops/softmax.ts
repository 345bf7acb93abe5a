/** @file Softmax and its logarithm over the last axis. */
import { defineOp } from "../engine/op.ts";

const sizes = [
  { N: 1, C: 1 },
  { N: 2, C: 3 },
  { N: 3, C: 9 },
];

export const softmax = /* @__PURE__ */ defineOp({
  name: "softmax",
  doc: "Shares over the last axis that sum to 1; no logit is too large. y = eˣ / Σ eˣ",
  inputs: { x: "... C" },
  outputs: { y: "... C" },
  forward: (k, p, { N, C }) => k.softmax_forward(p.y, p.x, N, C),
  backward: (k, p, { N, C }) => k.softmax_backward(p.dx, p.dy, p.y, N, C),
  try: sizes,
});

export const logSoftmax = /* @__PURE__ */ defineOp({
  name: "logSoftmax",
  doc: "Logarithm of softmax over the last axis. y = x − ln Σ eˣ",
  inputs: { x: "... C" },
  outputs: { y: "... C" },
  forward: (k, p, { N, C }) => k.log_softmax_forward(p.y, p.x, N, C),
  backward: (k, p, { N, C }) => k.log_softmax_backward(p.dx, p.dy, p.y, N, C),
  try: sizes,
});
