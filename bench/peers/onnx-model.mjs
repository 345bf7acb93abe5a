/**
 * @file A model file with one GRU node, written field by field: the numbers are the tags of onnx.proto (ONNX IR version 8, operator set 14).
 * ONNX keeps the gates in the order z, r, h and both biases in one tensor.
 */
import { PbfWriter } from "pbf";

const FLOAT = 1;
const INT = 2;

/** Blocks r, z, n of `rows` numbers each, as z, r, n. */
export function zrn(values) {
  const block = values.length / 3;
  const turned = new Float32Array(values.length);
  turned.set(values.subarray(block, 2 * block), 0);
  turned.set(values.subarray(0, block), block);
  turned.set(values.subarray(2 * block), 2 * block);
  return turned;
}

const tensor = ({ name, dims, values }, pbf) => {
  for (const d of dims) pbf.writeVarintField(1, d);
  pbf.writeVarintField(2, FLOAT);
  pbf.writeStringField(8, name);
  pbf.writeBytesField(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
};

const attribute = ([name, value], pbf) => {
  pbf.writeStringField(1, name);
  pbf.writeVarintField(3, value);
  pbf.writeVarintField(20, INT);
};

const port = ({ name, dims }, pbf) => {
  pbf.writeStringField(1, name);
  const dimension = (d, p) => p.writeVarintField(1, d);
  const shape = (_, p) => {
    for (const d of dims) p.writeMessage(1, dimension, d);
  };
  const type = (_, p) => {
    p.writeVarintField(1, FLOAT);
    p.writeMessage(2, shape, null);
  };
  pbf.writeMessage(2, (_, p) => p.writeMessage(1, type, null), null);
};

const node = ({ inputs, outputs, attributes }, pbf) => {
  for (const name of inputs) pbf.writeStringField(1, name);
  for (const name of outputs) pbf.writeStringField(2, name);
  pbf.writeStringField(4, "GRU");
  for (const entry of Object.entries(attributes)) pbf.writeMessage(5, attribute, entry);
};

/**
 * The bytes of a model x [L, B, I], h [1, B, H] → y [L, 1, B, H], hn [1, B, H].
 * @param values wx [3H, I], wh [3H, H], bx and bh [3H] in PyTorch's order
 */
export function gruModel({ form, L, B, I, H, values }) {
  const bias = new Float32Array(6 * H);
  bias.set(zrn(values.bx));
  bias.set(zrn(values.bh), 3 * H);
  const weights = [
    { name: "W", dims: [1, 3 * H, I], values: zrn(values.wx) },
    { name: "R", dims: [1, 3 * H, H], values: zrn(values.wh) },
    { name: "B", dims: [1, 6 * H], values: bias },
  ];
  const graph = (_, pbf) => {
    const attributes = { hidden_size: H, linear_before_reset: form === "after" ? 1 : 0 };
    pbf.writeMessage(1, node, { inputs: ["x", "W", "R", "B", "", "h"], outputs: ["y", "hn"], attributes });
    pbf.writeStringField(2, "gru");
    for (const w of weights) pbf.writeMessage(5, tensor, w);
    for (const p of [{ name: "x", dims: [L, B, I] }, { name: "h", dims: [1, B, H] }]) pbf.writeMessage(11, port, p);
    for (const p of [{ name: "y", dims: [L, 1, B, H] }, { name: "hn", dims: [1, B, H] }]) pbf.writeMessage(12, port, p);
  };
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, 8);
  pbf.writeMessage(7, graph, null);
  pbf.writeMessage(8, (_, p) => p.writeVarintField(2, 14), null);
  return pbf.finish();
}
