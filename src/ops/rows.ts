/** @file Rows chosen by number, summed in bags, masked over time and ranked. H, E columns; V rows of a table or classes. */
import { SluiceError } from "../base/errors.ts";
import { defineOp } from "../engine/op.ts";

export const gatherRows = /* @__PURE__ */ defineOp({
  name: "gatherRows",
  doc: `Rows chosen by number, any number of times: those that a loss looks at, or the states that a beam goes on with. The leading axes
    of x count as one.
    y[m] = x[rows[m]]`,
  inputs: { x: "... H", rows: "int M" },
  outputs: { y: "M H" },
  forward: (k, p, { M, N, H }) => {
    const bad = k.gather_rows_forward(p.y, p.x, p.rows, M, N, H);
    if (bad < 0) return;
    const row = k.int_at(p.rows, bad);
    throw new SluiceError("range", `gatherRows: rows is ${row} at place ${bad}, expected 0 to ${N - 1}; there are ${N} rows (from x)`, {
      op: "gatherRows",
      row,
      place: bad,
    });
  },
  backward: (k, p, { M, H }) => k.gather_rows_backward(p.dx, p.dy, p.rows, M, H),
  try: [
    { N: 1, H: 1, M: 3 },
    { N: 5, H: 18, M: 4 },
  ],
  tryInts: ({ N, M }) => ({ rows: Array.from({ length: M! }, (_, i) => (i * 3) % N!) }),
});

export const embeddingBag = /* @__PURE__ */ defineOp({
  name: "embeddingBag",
  doc: `Sum or mean (\`mean\`) of several rows of a table: a word from its parts, a text from its words. Bag n has the ids from
    offsets[n] to before offsets[n + 1]; the last offset is their number. A bag without ids is zero.
    y[n] = Σ weight[ids[i]], offsets[n] ≤ i < offsets[n + 1]`,
  source: "Bojanowski et al. 2017, arXiv:1607.04606",
  inputs: { ids: "int M", offsets: "int P", weight: "V E" },
  outputs: { y: "N E" },
  options: { mean: false },
  derive: ({ P }) => {
    if (P < 1) throw new SluiceError("shape", "embeddingBag: offsets is [0], expected [N + 1] for N bags");
    return { N: P - 1 };
  },
  forward: (k, p, { M, P, V, E }, { mean }) => {
    const bad = k.embedding_bag_forward(p.y, p.ids, p.offsets, p.weight, M, P, V, E, +mean);
    if (bad < 0) return;
    const offset = bad >= M;
    const place = offset ? bad - M : bad;
    const got = k.int_at(offset ? p.offsets : p.ids, place);
    const due = offset ? `offsets that start at 0, never fall and end at ${M}; ids has ${M} numbers` : `0 to ${V - 1}; V is ${V} (from weight)`;
    throw new SluiceError("range", `embeddingBag: ${offset ? "offsets" : "ids"} is ${got} at place ${place}, expected ${due}`, {
      op: "embeddingBag",
      place,
    });
  },
  backward: (k, p, { P, E }, { mean }) => k.embedding_bag_backward(p.dweight, p.dy, p.ids, p.offsets, P, E, +mean),
  try: [
    { M: 1, P: 2, V: 1, E: 1 },
    { M: 7, P: 5, V: 4, E: 18 },
  ],
  tryInts: ({ M, P }) => ({ offsets: Array.from({ length: P! }, (_, i) => (i === P! - 1 ? M! : Math.min(M!, 3 * Math.floor(i / 2)))) }),
  tryOptions: [{ mean: true }],
});

export const maskSteps = /* @__PURE__ */ defineOp({
  name: "maskSteps",
  doc: "One mask for every step of a sequence: variational (locked) dropout. y[l] = x[l] ∘ mask",
  source: "Gal and Ghahramani 2016, arXiv:1512.05287",
  inputs: { x: "L B H", mask: "const B H" },
  outputs: { y: "L B H" },
  forward: (k, p, { L, B, H }) => k.mask_steps_forward(p.y, p.x, p.mask, L, B * H),
  backward: (k, p, { L, B, H }) => k.mask_steps_backward(p.dx, p.dy, p.mask, L, B * H),
  try: [
    { L: 1, B: 1, H: 1 },
    { L: 3, B: 2, H: 9 },
  ],
});

export const scaleRows = /* @__PURE__ */ defineOp({
  name: "scaleRows",
  doc: "Every row times a number of its own: whole words dropped, steps weighed. y[…, h] = scale[…]·x[…, h]",
  inputs: { x: "... H", scale: "const ..." },
  outputs: { y: "... H" },
  forward: (k, p, { N, H }) => k.scale_rows_forward(p.y, p.x, p.scale, N, H),
  backward: (k, p, { N, H }) => k.scale_rows_backward(p.dx, p.dy, p.scale, N, H),
  try: [
    { N: 1, H: 1 },
    { N: 4, H: 18 },
  ],
});

export const argTopK = /* @__PURE__ */ defineOp({
  name: "argTopK",
  doc: `The \`k\` likeliest of V classes, likeliest first, of equals the lower number first, with their logarithms of softmax.
    No gradient. y[…, j] = logSoftmax(logits)[…, ids[…, j]]`,
  inputs: { logits: "... V" },
  outputs: { ids: "int ... K", y: "... K" },
  options: { k: 1 },
  derive: ({ V }, { k }) => {
    if (!(Number.isInteger(k) && k >= 1 && k <= V)) {
      throw new SluiceError("range", `argTopK: k is ${k}, expected a whole number from 1 to ${V}; V is ${V} (from logits)`, { op: "argTopK", k });
    }
    return { K: k };
  },
  forward: (k, p, { N, V, K }) => k.top_k(p.ids, p.y, p.logits, N, V, K),
  try: [
    { N: 1, V: 3 },
    { N: 3, V: 300 },
  ],
  tryOptions: [{ k: 3 }],
});
