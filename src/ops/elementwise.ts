/** @file Number by number: sums, products, activations, and what is broadcast over rows or items. `...` are any axes. */
import { defineOp } from "../engine/op.ts";

const sizes = [{ N: 1 }, { N: 7 }, { N: 20 }];

export const add = /* @__PURE__ */ defineOp({
  name: "add",
  doc: "Sum of two tensors of one shape. y = a + b",
  inputs: { a: "...", b: "..." },
  outputs: { y: "..." },
  forward: (k, p, { N }) => k.add_forward(p.y, p.a, p.b, N),
  backward: (k, p, { N }) => {
    if (p.da) k.axpy(p.da, 1, p.dy, N);
    if (p.db) k.axpy(p.db, 1, p.dy, N);
  },
  try: sizes,
});

export const sub = /* @__PURE__ */ defineOp({
  name: "sub",
  doc: "Difference of two tensors of one shape. y = a − b",
  inputs: { a: "...", b: "..." },
  outputs: { y: "..." },
  forward: (k, p, { N }) => k.sub_forward(p.y, p.a, p.b, N),
  backward: (k, p, { N }) => {
    if (p.da) k.axpy(p.da, 1, p.dy, N);
    if (p.db) k.axpy(p.db, -1, p.dy, N);
  },
  try: sizes,
});

export const mul = /* @__PURE__ */ defineOp({
  name: "mul",
  doc: "Product of two tensors of one shape, number by number. y = a ∘ b",
  inputs: { a: "...", b: "..." },
  outputs: { y: "..." },
  forward: (k, p, { N }) => k.mul_forward(p.y, p.a, p.b, N),
  backward: (k, p, { N }) => k.mul_backward(p.da, p.db, p.dy, p.a, p.b, N),
  try: sizes,
});

export const affine = /* @__PURE__ */ defineOp({
  name: "affine",
  doc: "A tensor scaled and shifted by two numbers. y = scale·x + shift",
  inputs: { x: "..." },
  outputs: { y: "..." },
  options: { scale: 1, shift: 0 },
  forward: (k, p, { N }, o) => k.affine_forward(p.y, p.x, N, o.scale, o.shift),
  backward: (k, p, { N }, o) => {
    if (p.dx) k.axpy(p.dx, o.scale, p.dy, N);
  },
  try: sizes,
  tryOptions: [{ scale: -2.5, shift: 0.75 }],
});

export const lerp = /* @__PURE__ */ defineOp({
  name: "lerp",
  doc: "What lies between two tensors. y = a + w ∘ (b − a)",
  inputs: { a: "...", b: "...", w: "..." },
  outputs: { y: "..." },
  forward: (k, p, { N }) => k.lerp_forward(p.y, p.a, p.b, p.w, N),
  backward: (k, p, { N }) => k.lerp_backward(p.da, p.db, p.dw, p.dy, p.a, p.b, p.w, N),
  try: sizes,
});

export const relu = /* @__PURE__ */ defineOp({
  name: "relu",
  doc: "Rectified linear unit; its slope at 0 is 0. y = max(x, 0)",
  inputs: { x: "..." },
  outputs: { y: "..." },
  forward: (k, p, { N }) => k.relu_forward(p.y, p.x, N),
  backward: (k, p, { N }) => k.relu_backward(p.dx, p.dy, p.y, N),
  try: sizes,
});

export const tanh = /* @__PURE__ */ defineOp({
  name: "tanh",
  doc: "Hyperbolic tangent. y = tanh(x)",
  inputs: { x: "..." },
  outputs: { y: "..." },
  forward: (k, p, { N }) => k.tanh_forward(p.y, p.x, N),
  backward: (k, p, { N }) => k.tanh_backward(p.dx, p.dy, p.y, N),
  try: sizes,
});

export const sigmoid = /* @__PURE__ */ defineOp({
  name: "sigmoid",
  doc: "Logistic function. y = σ(x) = 1 / (1 + e⁻ˣ)",
  inputs: { x: "..." },
  outputs: { y: "..." },
  forward: (k, p, { N }) => k.sigmoid_forward(p.y, p.x, N),
  backward: (k, p, { N }) => k.sigmoid_backward(p.dx, p.dy, p.y, N),
  try: sizes,
});

export const exp = /* @__PURE__ */ defineOp({
  name: "exp",
  doc: "Exponential function. y = eˣ",
  inputs: { x: "..." },
  outputs: { y: "..." },
  forward: (k, p, { N }) => k.exp_forward(p.y, p.x, N),
  backward: (k, p, { N }) => k.exp_backward(p.dx, p.dy, p.y, N),
  try: sizes,
});

export const softplus = /* @__PURE__ */ defineOp({
  name: "softplus",
  doc: "Smooth rectifier, always above 0: makes a scale out of any number. y = ln(1 + eˣ)",
  inputs: { x: "..." },
  outputs: { y: "..." },
  forward: (k, p, { N }) => k.softplus_forward(p.y, p.x, N),
  backward: (k, p, { N }) => k.softplus_backward(p.dx, p.dy, p.x, N),
  try: sizes,
});

export const addRows = /* @__PURE__ */ defineOp({
  name: "addRows",
  doc: "One vector added to every row. y[…, c] = x[…, c] + b[c]",
  inputs: { x: "... C", b: "C" },
  outputs: { y: "... C" },
  forward: (k, p, { N, C }) => k.add_rows_forward(p.y, p.x, p.b, N, C),
  backward: (k, p, { N, C }) => {
    if (p.dx) k.axpy(p.dx, 1, p.dy, N * C);
    k.add_rows_backward(p.db, p.dy, N, C);
  },
  try: [
    { N: 1, C: 1 },
    { N: 3, C: 5 },
    { N: 5, C: 9 },
  ],
});

export const scaleShift = /* @__PURE__ */ defineOp({
  name: "scaleShift",
  doc: `Every item of a batch scaled and shifted by its own two numbers: instance normalisation, and its inverse.
    y[…, b, k] = x[…, b, k]·s[b] + t[b]`,
  inputs: { x: "... B K", s: "B ?", t: "B ?" },
  outputs: { y: "... B K" },
  forward: (k, p, { N, B, K }) => k.scale_shift_forward(p.y, p.x, p.s, p.t, N, B, K),
  backward: (k, p, { N, B, K }) => k.scale_shift_backward(p.dx, p.ds, p.dt, p.dy, p.x, p.s, N, B, K),
  try: [
    { N: 1, B: 1, K: 1 },
    { N: 3, B: 2, K: 1 },
    { N: 2, B: 3, K: 5 },
  ],
});

export const addOuter = /* @__PURE__ */ defineOp({
  name: "addOuter",
  doc: "Every sum of a row of `a` and a row of `e`: decodes one state at several positions. y[k, b] = a[b] + e[k]",
  source: "position embeddings of SegRNN: Lin et al. 2023, arXiv:2308.11200",
  inputs: { a: "B D", e: "K D" },
  outputs: { y: "K B D" },
  forward: (k, p, { K, B, D }) => k.add_outer_forward(p.y, p.a, p.e, K, B, D),
  backward: (k, p, { K, B, D }) => k.add_outer_backward(p.da, p.de, p.dy, K, B, D),
  try: [
    { B: 1, D: 1, K: 1 },
    { B: 3, D: 5, K: 2 },
  ],
});
