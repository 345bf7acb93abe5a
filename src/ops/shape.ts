/**
 * @file Copies that rearrange. What needs no copy (another shape, part of the first axis) is a view: `tensor.reshape`, `slice`,
 * `at`.
 */
import { SluiceError } from "../base/errors.ts";
import { defineOp } from "../engine/op.ts";

export const concat = /* @__PURE__ */ defineOp({
  name: "concat",
  doc: "Two tensors side by side along the last axis. y[…] = a[…] followed by b[…]",
  inputs: { a: "... I", b: "... J" },
  outputs: { y: "... C" },
  derive: ({ I, J }) => ({ C: I + J }),
  forward: (k, p, { N, I, J }) => k.concat_forward(p.y, p.a, p.b, N, I, J),
  backward: (k, p, { N, I, J }) => k.concat_backward(p.da, p.db, p.dy, N, I, J),
  try: [
    { N: 1, I: 1, J: 1 },
    { N: 3, I: 2, J: 5 },
  ],
});

export const sliceLast = /* @__PURE__ */ defineOp({
  name: "sliceLast",
  doc: "Entries `from` (included) to `to` (excluded; -1: to the end) of the last axis. y[…, d] = x[…, from + d]",
  inputs: { x: "... C" },
  outputs: { y: "... D" },
  options: { from: 0, to: -1 },
  derive: ({ C }, { from, to }) => {
    const end = to === -1 ? C : to;
    if (!(Number.isInteger(from) && Number.isInteger(end) && from >= 0 && from <= end && end <= C)) {
      throw new SluiceError("range", `sliceLast: from ${from} to ${to}, expected 0 ≤ from ≤ to ≤ ${C}; C is ${C} (from x)`, {
        op: "sliceLast",
        from,
        to,
      });
    }
    return { D: end - from };
  },
  forward: (k, p, { N, C, D }, { from }) => k.slice_forward(p.y, p.x, N, C, from, D),
  backward: (k, p, { N, C, D }, { from }) => k.slice_backward(p.dx, p.dy, N, C, from, D),
  try: [
    { N: 1, C: 3 },
    { N: 3, C: 7 },
  ],
  tryOptions: [{ from: 1 }, { from: 1, to: 2 }],
});

export const transpose01 = /* @__PURE__ */ defineOp({
  name: "transpose01",
  doc: "The first two axes swapped: batch first to time first and back. y[b, a] = x[a, b]",
  inputs: { x: "A B C" },
  outputs: { y: "B A C" },
  forward: (k, p, { A, B, C }) => k.transpose01_forward(p.y, p.x, A, B, C),
  backward: (k, p, { A, B, C }) => k.transpose01_backward(p.dx, p.dy, A, B, C),
  try: [
    { A: 1, B: 1, C: 1 },
    { A: 3, B: 2, C: 5 },
  ],
});

export const repeat = /* @__PURE__ */ defineOp({
  name: "repeat",
  doc: "A matrix `times` times over, along a new first axis. y[k] = x",
  inputs: { x: "B H" },
  outputs: { y: "K B H" },
  options: { times: 1 },
  derive: (_, { times }) => {
    if (!Number.isInteger(times) || times < 1) {
      throw new SluiceError("range", `repeat: times is ${times}, expected a whole number from 1`, { op: "repeat", times });
    }
    return { K: times };
  },
  forward: (k, p, { K, B, H }) => k.repeat_forward(p.y, p.x, K, B * H),
  backward: (k, p, { K, B, H }) => k.repeat_backward(p.dx, p.dy, K, B * H),
  try: [
    { B: 1, H: 1 },
    { B: 2, H: 5 },
  ],
  tryOptions: [{ times: 3 }],
});
