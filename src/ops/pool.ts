/**
 * @file From a sequence to one row an item. Steps beyond an item's length never count; an item of length 0 gives zeros.
 * L steps, B batch, H hidden.
 */
import { defineOp } from "../engine/op.ts";

const sizes = [
  { L: 1, B: 1, H: 1 },
  { L: 4, B: 3, H: 5 },
];

export const lastStep = /* @__PURE__ */ defineOp({
  name: "lastStep",
  doc: "The last real step of each item. y[b] = x[lengths[b] − 1, b]",
  inputs: { x: "L B H", lengths: "int B ?" },
  outputs: { y: "B H" },
  forward: (k, p, { L, B, H }) => k.last_step_forward(p.y, p.x, p.lengths, L, B, H),
  backward: (k, p, { L, B, H }) => k.last_step_backward(p.dx, p.dy, p.lengths, L, B, H),
  try: sizes,
});

export const meanPool = /* @__PURE__ */ defineOp({
  name: "meanPool",
  doc: "Mean over the real steps of each item. y[b] = Σ_t x[t, b] / lengths[b]",
  inputs: { x: "L B H", lengths: "int B ?" },
  outputs: { y: "B H" },
  forward: (k, p, { L, B, H }) => k.mean_pool_forward(p.y, p.x, p.lengths, L, B, H),
  backward: (k, p, { L, B, H }) => k.mean_pool_backward(p.dx, p.dy, p.lengths, L, B, H),
  try: sizes,
});

export const maxPool = /* @__PURE__ */ defineOp({
  name: "maxPool",
  doc: `Maximum over the real steps of each item, unit by unit; the first step that holds it gets the gradient.
    y[b] = max_t x[t, b]`,
  inputs: { x: "L B H", lengths: "int B ?" },
  outputs: { y: "B H" },
  forward: (k, p, { L, B, H }) => k.max_pool_forward(p.y, p.x, p.lengths, L, B, H),
  backward: (k, p, { L, B, H }) => k.max_pool_backward(p.dx, p.dy, p.y, p.x, p.lengths, L, B, H),
  try: sizes,
});
