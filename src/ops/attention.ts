/**
 * @file Attention: every query of an item reads that item's memory. Q queries (a decoder's steps; 1 for one step), L steps of memory,
 * B batch, A width of queries and keys, H width of values. Weights beyond an item's length are exactly 0; a length of 0 reads zeros.
 */
import { defineOp } from "../engine/op.ts";

const sizes = [
  { Q: 1, L: 1, B: 1, A: 1, H: 1 },
  { Q: 1, L: 3, B: 2, A: 5, H: 2 },
  { Q: 3, L: 6, B: 3, A: 4, H: 17 },
];

export const additiveAttention = /* @__PURE__ */ defineOp({
  name: "additiveAttention",
  doc: `A mean of the values, weighed by how well keys and query go together through one hidden layer; query and keys come projected.
    context = Σ_s weights[s]·values[s], weights = softmax_s(v · tanh(query + keys[s]))`,
  source: "Bahdanau et al. 2015, arXiv:1409.0473",
  inputs: { query: "Q B A", keys: "L B A", v: "A", values: "L B H", lengths: "int B ?" },
  outputs: { context: "Q B H", weights: "Q B L" },
  forward: (k, p, { Q, L, B, A, H }) =>
    k.additive_attention_forward(p.context, p.weights, p.query, p.keys, p.v, p.values, p.lengths, Q, L, B, A, H),
  backwardWork: (k, { Q, L, B, A, H }) => k.attention_work(Q, L, B, A, H),
  backward: (k, p, { Q, L, B, A, H }) =>
    k.additive_attention_backward(
      ...([p.dquery, p.dkeys, p.dv, p.dvalues, p.dcontext, p.dweights] as const),
      ...([p.weights, p.query, p.keys, p.v, p.values, p.lengths, p.work, Q, L, B, A, H] as const),
    ),
  try: sizes,
});

export const dotAttention = /* @__PURE__ */ defineOp({
  name: "dotAttention",
  doc: `A mean of the values, weighed by the inner products of keys and query.
    context = Σ_s weights[s]·values[s], weights = softmax_s(scale · query · keys[s])`,
  source: "Luong et al. 2015, arXiv:1508.04025; with scale = 1/√A Vaswani et al. 2017, arXiv:1706.03762",
  inputs: { query: "Q B A", keys: "L B A", values: "L B H", lengths: "int B ?" },
  outputs: { context: "Q B H", weights: "Q B L" },
  options: { scale: 1 },
  forward: (k, p, { Q, L, B, A, H }, { scale }) =>
    k.dot_attention_forward(p.context, p.weights, p.query, p.keys, p.values, p.lengths, scale, Q, L, B, A, H),
  backwardWork: (k, { Q, L, B, A, H }) => k.attention_work(Q, L, B, A, H),
  backward: (k, p, { Q, L, B, A, H }, { scale }) =>
    k.dot_attention_backward(
      ...([p.dquery, p.dkeys, p.dvalues, p.dcontext, p.dweights] as const),
      ...([p.weights, p.query, p.keys, p.values, p.lengths, scale, p.work, Q, L, B, A, H] as const),
    ),
  try: sizes,
  tryOptions: [{ scale: 0.5 }],
});
