/** @file Rows of a table chosen by number. V rows (vocabulary), E columns. */
import { SluiceError } from "../base/errors.ts";
import { defineOp } from "../engine/op.ts";

export const embedding = /* @__PURE__ */ defineOp({
  name: "embedding",
  doc: "Row ids[…] of the table. The row `paddingIndex` (-1: none) gets no gradient. y[…] = weight[ids[…]]",
  inputs: { ids: "int ...", weight: "V E" },
  outputs: { y: "... E" },
  options: { paddingIndex: -1 },
  forward: (k, p, { N, V, E }) => {
    const bad = k.embedding_forward(p.y, p.ids, p.weight, N, V, E);
    if (bad < 0) return;
    const id = k.int_at(p.ids, bad);
    throw new SluiceError("range", `embedding: ids is ${id} at place ${bad}, expected 0 to ${V - 1}; V is ${V} (from weight)`, {
      op: "embedding",
      id,
      place: bad,
      V,
    });
  },
  backward: (k, p, { N, E }, { paddingIndex }) => k.embedding_backward(p.dweight, p.dy, p.ids, N, E, paddingIndex),
  try: [
    { N: 1, V: 2, E: 1 },
    { N: 5, V: 3, E: 6 },
  ],
});
