/**
 * @file Recurrent sequences, one fused kernel each way. L steps, B batch, I in, H hidden, P projected.
 *
 * All of them: `lengths[b]` steps of item b are real; beyond them y is zero and the state stays. `reverse` starts at each item's
 * own last real step. `mask` multiplies h inside the recurrent product (Gal and Ghahramani 2016, arXiv:1512.05287). With zoneout
 * (Krueger et al. 2017, arXiv:1606.01305) h' = h + m∘(new − h), m = `zone` while training (0 or 1) and the number `keep`
 * otherwise; 1 is no zoneout.
 */
import { SluiceError } from "../base/errors.ts";
import { defineOp } from "../engine/op.ts";

const sizes = [
  { L: 1, B: 1, I: 1, H: 1 },
  { L: 3, B: 2, I: 2, H: 5 },
];

export const gru = /* @__PURE__ */ defineOp({
  name: "gru",
  doc: `Gated recurrent unit over a whole sequence; \`resetAfter\` (the default) as PyTorch, cuDNN and Keras.
    z keeps the old state.
    r = σ(W_ir x + b_ir + W_hr h + b_hr);  z = σ(W_iz x + b_iz + W_hz h + b_hz);  h' = (1−z)∘n + z∘h
    n = tanh(W_in x + b_in + r∘(W_hn h + b_hn)) reset after, tanh(W_in x + b_in + W_hn (r∘h) + b_hn) reset before`,
  source: "Cho et al. 2014, arXiv:1406.1078v1 (reset after) and v3 (reset before)",
  inputs: {
    x: "L B I",
    h0: "B H ?",
    wx: "3H I",
    wh: "3H H",
    bx: "3H ?",
    bh: "3H ?",
    lengths: "int B ?",
    mask: "const B H ?",
    zone: "const L B H ?",
  },
  outputs: { y: "L B H", hn: "B H", gates: "const 3 L B H ?" },
  saved: { saved: "L B 4 H" },
  blocks: { saved: ["n", "r", "z", "nh"] },
  options: { reverse: false, resetAfter: true, keep: 1 },
  work: (k, { L, B, I, H }) => k.gru_work(L, B, I, H),
  kept: { beside: "wx", size: (k, { L, B, I, H }, o) => k.gru_kept(L, B, I, H, +o.resetAfter) },
  // biome-ignore format: the kernel's arguments, in its own order
  forward: (k, p, { L, B, I, H }, o) => k.gru_forward(
    p.y, p.hn, p.gates, p.saved, p.x, p.h0, p.wx, p.wh, p.bx, p.bh, p.lengths, p.mask, p.zone, p.kept, p.work,
    L, B, I, H, +o.reverse, +o.resetAfter, o.keep,
  ),
  // biome-ignore format: the kernel's arguments, in its own order
  backward: (k, p, { L, B, I, H }, o) => k.gru_backward(
    p.dx, p.dh0, p.dwx, p.dwh, p.dbx, p.dbh, p.dy, p.dhn,
    p.y, p.saved, p.x, p.h0, p.wx, p.wh, p.lengths, p.mask, p.zone, p.work,
    L, B, I, H, +o.reverse, +o.resetAfter, o.keep,
  ),
  try: sizes,
  tryOptions: [{ resetAfter: false }, { reverse: true }, { keep: 0.75 }],
});

export const lstm = /* @__PURE__ */ defineOp({
  name: "lstm",
  doc: `Long short-term memory over a whole sequence. \`wr\` projects h to P numbers; without it P = H.
    \`peep\` [i, f, o] lets the gates see the cell: i and f the old one, o the new one.
    i = σ(W_ii x + b_ii + W_hi h + b_hi + p_i∘c);  f = σ(W_if x + b_if + W_hf h + b_hf + p_f∘c)
    g = tanh(W_ig x + b_ig + W_hg h + b_hg)
    c' = f∘c + i∘g;  o = σ(W_io x + b_io + W_ho h + b_ho + p_o∘c');  h' = W_r (o∘tanh(c'))`,
  source: "Hochreiter and Schmidhuber 1997; peepholes Gers and Schmidhuber 2000; projection Sak et al. 2014, arXiv:1402.1128",
  inputs: {
    x: "L B I",
    h0: "B P ?",
    c0: "B H ?",
    wx: "4H I",
    wh: "4H P",
    wr: "P H ?",
    bx: "4H ?",
    bh: "4H ?",
    peep: "3 H ?",
    lengths: "int B ?",
    mask: "const B P ?",
    zone: "const L B P ?",
    zoneCell: "const L B H ?",
  },
  outputs: { y: "L B P", hn: "B P", cn: "B H", gates: "const 4 L B H ?" },
  saved: { saved: "L B 4 H", cells: "L B H", hidden: "L B Q" },
  blocks: { saved: ["i", "f", "g", "o"] },
  options: { reverse: false, keep: 1, keepCell: 1 },
  // o∘tanh(c') is kept only where it is not y itself
  derive: ({ H }, o, given) => ({ Q: given.has("wr") || given.has("zone") || o.keep !== 1 ? H : 0 }),
  check: ({ H, P }, _, given) => {
    if (P === H || given.has("wr")) return;
    throw new SluiceError(
      "shape",
      `lstm: wh is [${4 * H}, ${P}], expected [${4 * H}, ${H}]; without wr there is no projection and P is H, ${H} (from wx)`,
      { op: "lstm", H, P },
    );
  },
  work: (k, { L, B, I, H, P }) => k.lstm_work(L, B, I, H, P),
  kept: { beside: "wx", size: (k, { L, B, I, H, P }, _, { wr }) => k.lstm_kept(L, B, I, H, P, +(wr !== 0)) },
  // biome-ignore format: the kernel's arguments, in its own order
  forward: (k, p, { L, B, I, H, P, Q }, o) => k.lstm_forward(
    p.y, p.hn, p.cn, p.gates, p.saved, p.cells, Q > 0 ? p.hidden : 0,
    p.x, p.h0, p.c0, p.wx, p.wh, p.wr, p.bx, p.bh, p.peep, p.lengths, p.mask, p.zone, p.zoneCell, p.kept, p.work,
    L, B, I, H, P, +o.reverse, o.keep, o.keepCell,
  ),
  // biome-ignore format: the kernel's arguments, in its own order
  backward: (k, p, { L, B, I, H, P, Q }, o) => k.lstm_backward(
    p.dx, p.dh0, p.dc0, p.dwx, p.dwh, p.dwr, p.dbx, p.dbh, p.dpeep, p.dy, p.dhn, p.dcn,
    p.y, p.saved, p.cells, Q > 0 ? p.hidden : 0, p.x, p.h0, p.c0, p.wx, p.wh, p.wr, p.peep,
    p.lengths, p.mask, p.zone, p.zoneCell, p.work, L, B, I, H, P, +o.reverse, o.keep, o.keepCell,
  ),
  try: [
    { L: 1, B: 1, I: 1, H: 1, P: 1 },
    { L: 3, B: 2, I: 2, H: 3, P: 3 },
    { L: 3, B: 2, I: 3, H: 5, P: 2 },
  ],
  tryOptions: [{ reverse: true }, { keep: 0.75, keepCell: 0.5 }],
});

export const rnn = /* @__PURE__ */ defineOp({
  name: "rnn",
  doc: "Simple recurrent network over a whole sequence, tanh or relu. h' = tanh(W_i x + b_i + W_h h + b_h)",
  source: "Elman 1990",
  inputs: {
    x: "L B I",
    h0: "B H ?",
    wx: "H I",
    wh: "H H",
    bx: "H ?",
    bh: "H ?",
    lengths: "int B ?",
    mask: "const B H ?",
    zone: "const L B H ?",
  },
  outputs: { y: "L B H", hn: "B H" },
  saved: { saved: "L B H" },
  options: { reverse: false, relu: false, keep: 1 },
  work: (k, { L, B, I, H }) => k.rnn_work(L, B, I, H),
  kept: { beside: "wx", size: (k, { L, B, I, H }) => k.rnn_kept(L, B, I, H) },
  // biome-ignore format: the kernel's arguments, in its own order
  forward: (k, p, { L, B, I, H }, o) => k.rnn_forward(
    p.y, p.hn, p.saved, p.x, p.h0, p.wx, p.wh, p.bx, p.bh, p.lengths, p.mask, p.zone, p.kept, p.work,
    L, B, I, H, +o.reverse, +o.relu, o.keep,
  ),
  // biome-ignore format: the kernel's arguments, in its own order
  backward: (k, p, { L, B, I, H }, o) => k.rnn_backward(
    p.dx, p.dh0, p.dwx, p.dwh, p.dbx, p.dbh, p.dy, p.dhn,
    p.y, p.saved, p.x, p.h0, p.wx, p.wh, p.lengths, p.mask, p.zone, p.work,
    L, B, I, H, +o.reverse, +o.relu, o.keep,
  ),
  try: sizes,
  tryOptions: [{ relu: true }, { reverse: true }, { keep: 0.75 }],
});
