/** @file What both builds of ONNX Runtime do here: a model with one GRU node, run on one thread. They run models and train none in JavaScript. */
import { gruModel } from "./onnx-model.mjs";
import { Cannot } from "./cannot.mjs";

/** @param ort onnxruntime-node or onnxruntime-web, which have the same interface */
export async function prepareOrt(ort, work, settings) {
  const { kind, L, B, I, H, values } = work;
  if (kind !== "step" && kind !== "forward") throw new Cannot("no training from JavaScript");
  const length = kind === "step" ? 1 : L;
  const session = await ort.InferenceSession.create(gruModel({ ...work, L: length }), {
    graphOptimizationLevel: "all",
    ...settings,
  });
  const zeros = () => new ort.Tensor("float32", new Float32Array(B * H), [1, B, H]);
  if (kind === "forward") {
    const feeds = { x: new ort.Tensor("float32", values.x, [L, B, I]), h: zeros() };
    return {
      run: () => session.run(feeds, ["y"]),
      read: ({ y }) => ({ y: y.data }),
    };
  }
  const input = new Float32Array(I);
  const x = new ort.Tensor("float32", input, [1, 1, I]);
  let h = zeros();
  return {
    reset: () => {
      h = zeros();
    },
    async step(sample) {
      input.set(sample);
      h = (await session.run({ x, h }, ["hn"])).hn;
      return h.data;
    },
  };
}
