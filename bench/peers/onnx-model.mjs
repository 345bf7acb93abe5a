/**
 * @file A model file with one GRU, LSTM or RNN node for each layer, written field by field: the numbers are the tags of onnx.proto (ONNX IR version 8,
 * operator set 14). ONNX keeps the gates in an order of its own and both biases in one tensor.
 */
import { PbfWriter } from "pbf";

const FLOAT = 1;
const INT = 2;

/** ONNX's operator of each cell, and which of PyTorch's gates stands at each of its places: z, r, h and i, o, f, c. */
const cells = { gru: { op: "GRU", places: [1, 0, 2] }, lstm: { op: "LSTM", places: [0, 3, 1, 2] }, rnn: { op: "RNN", places: [0] } };

/** One block of numbers for each gate, in ONNX's order. */
function inOrder(values, places) {
  const block = values.length / places.length;
  const turned = new Float32Array(values.length);
  for (const [to, from] of places.entries()) turned.set(values.subarray(from * block, (from + 1) * block), to * block);
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

const node = ({ op, inputs, outputs, attributes }, pbf) => {
  for (const name of inputs) pbf.writeStringField(1, name);
  for (const name of outputs) pbf.writeStringField(2, name);
  pbf.writeStringField(4, op);
  for (const entry of Object.entries(attributes)) pbf.writeMessage(5, attribute, entry);
};

/**
 * The bytes of a model x [L, B, I], for each layer n: h<n> (and of an LSTM c<n>) [1, B, H] → y [L, 1, B, H] of the last layer, hn<n> (cn<n>) [1, B, H].
 * Several layers only for L = 1, where a layer's last state is what the next one reads.
 * @param values wx [GH, I], wh [GH, H], bx and bh [GH] in PyTorch's order
 */
export function recurrentModel({ cell, layers, form, L, B, I, H, values }) {
  const { op, places } = cells[cell];
  const G = places.length;
  const weights = [];
  const nodes = [];
  const [inputs, outputs] = [[{ name: "x", dims: [L, B, I] }], [{ name: "y", dims: [L, 1, B, H] }]];
  for (let n = 0; n < layers; n++) {
    const own = (name) => inOrder(values[n === 0 ? name : name + n], places);
    const bias = new Float32Array(2 * G * H);
    bias.set(own("bx"));
    bias.set(own("bh"), G * H);
    weights.push({ name: `W${n}`, dims: [1, G * H, n === 0 ? I : H], values: own("wx") });
    weights.push({ name: `R${n}`, dims: [1, G * H, H], values: own("wh") });
    weights.push({ name: `B${n}`, dims: [1, 2 * G * H], values: bias });
    const states = cell === "lstm" ? ["h", "c"] : ["h"];
    for (const s of states) {
      inputs.push({ name: `${s}${n}`, dims: [1, B, H] });
      outputs.push({ name: `${s}n${n}`, dims: [1, B, H] });
    }
    nodes.push({
      op,
      inputs: [n === 0 ? "x" : `hn${n - 1}`, `W${n}`, `R${n}`, `B${n}`, "", ...states.map((s) => `${s}${n}`)],
      outputs: [n === layers - 1 ? "y" : "", ...states.map((s) => `${s}n${n}`)],
      attributes: { hidden_size: H, ...(cell === "gru" ? { linear_before_reset: form === "after" ? 1 : 0 } : {}) },
    });
  }
  const graph = (_, pbf) => {
    for (const each of nodes) pbf.writeMessage(1, node, each);
    pbf.writeStringField(2, "recurrent");
    for (const w of weights) pbf.writeMessage(5, tensor, w);
    for (const p of inputs) pbf.writeMessage(11, port, p);
    for (const p of outputs) pbf.writeMessage(12, port, p);
  };
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, 8);
  pbf.writeMessage(7, graph, null);
  pbf.writeMessage(8, (_, p) => p.writeVarintField(2, 14), null);
  return pbf.finish();
}
