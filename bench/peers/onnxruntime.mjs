/** @file What both builds of ONNX Runtime do here: a model with a recurrent node for each layer. They run models and train none in JavaScript. */
import { recurrentModel } from "./onnx-model.mjs";
import { Cannot } from "./cannot.mjs";

/** @param ort onnxruntime-node or onnxruntime-web, which have the same interface */
export async function prepareOrt(ort, work, settings) {
  const { kind, cell, layers, L, B, I, H, values } = work;
  if (kind !== "step" && kind !== "forward") throw new Cannot("no training from JavaScript");
  if (kind === "forward" && layers > 1) throw new Cannot("written out here for one layer");
  const session = await ort.InferenceSession.create(recurrentModel({ ...work, L: kind === "step" ? 1 : L }), { graphOptimizationLevel: "all", ...settings });
  const names = Array.from({ length: layers }, (_, n) => (cell === "lstm" ? [`h${n}`, `c${n}`] : [`h${n}`])).flat();
  const zeros = () => Object.fromEntries(names.map((name) => [name, new ort.Tensor("float32", new Float32Array(B * H), [1, B, H])]));
  if (kind === "forward") {
    const feeds = { x: new ort.Tensor("float32", values.x, [L, B, I]), ...zeros() };
    return {
      run: () => session.run(feeds, ["y"]),
      read: ({ y }) => ({ y: y.data }),
    };
  }
  const input = new Float32Array(B * I);
  const feeds = { x: new ort.Tensor("float32", input, [1, B, I]), ...zeros() };
  const fetches = names.map((name) => `${name[0]}n${name.slice(1)}`);
  const last = `hn${layers - 1}`;
  return {
    reset: () => void Object.assign(feeds, zeros()),
    async step(sample) {
      input.set(sample);
      const next = await session.run(feeds, fetches);
      for (const [i, name] of names.entries()) feeds[name] = next[fetches[i]];
      return next[last].data;
    },
  };
}
