/**
 * @file TensorFlow.js: its own GRU layer, which knows the reset-before form only, on its `cpu` (plain JavaScript) or `wasm` backend. Gates stand
 * in the order z, r, h; kernels are [in, 3H]; one bias.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Cannot } from "./cannot.mjs";
import { zrn } from "./onnx-model.mjs";

const require = createRequire(import.meta.url);

export const describe = ({ backend }) => ({ name: `tfjs ${backend}`, version: require("@tensorflow/tfjs/package.json").version });

/** [rows, columns] turned into [columns, rows]. */
function transposed(values, rows) {
  const columns = values.length / rows;
  return Float32Array.from({ length: values.length }, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}
/** z, r, n as r, z, n: the same exchange. */
const rzn = zrn;

export async function prepare(work, { backend, threads }) {
  const { kind, form, L, B, I, H, O, values } = work;
  if (form !== "before") throw new Cannot("its GRU layer has the reset-before form only");
  const tf = require("@tensorflow/tfjs");
  if (backend === "wasm") {
    const wasm = require("@tensorflow/tfjs-backend-wasm");
    wasm.setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")), "wasm-out/"));
    wasm.setThreadsCount(threads);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs: backend ${backend} does not start`);
  await tf.ready();

  const kernels = () => [
    tf.tensor2d(transposed(zrn(values.wx), 3 * H), [I, 3 * H]),
    tf.tensor2d(transposed(zrn(values.wh), 3 * H), [H, 3 * H]),
    tf.tensor1d(zrn(values.bx)),
  ];
  const options = { units: H, recurrentActivation: "sigmoid" };

  if (kind === "step") {
    const cell = tf.layers.gruCell(options);
    cell.build([null, I]);
    cell.setWeights(kernels());
    let h = tf.zeros([1, H]);
    return {
      reset() {
        h.dispose();
        h = tf.zeros([1, H]);
      },
      step(sample) {
        const next = tf.tidy(() => cell.call([tf.tensor2d(sample, [1, I]), h], {})[0]);
        h.dispose();
        h = next;
        return h.dataSync();
      },
    };
  }

  const batchFirst = tf.tidy(() => tf.tensor3d(values.x, [L, B, I]).transpose([1, 0, 2]));
  if (kind === "forecaster") {
    const model = tf.sequential({
      layers: [tf.layers.gru({ ...options, inputShape: [L, I] }), tf.layers.dense({ units: O })],
    });
    model.layers[0].setWeights(kernels());
    model.layers[1].setWeights([tf.tensor2d(transposed(values.lw, O), [H, O]), tf.tensor1d(values.lb)]);
    model.compile({ loss: "meanSquaredError", optimizer: tf.train.adam(1e-3, 0.9, 0.999, 1e-8) });
    const target = tf.tensor2d(values.target, [B, O]);
    return { run: () => model.trainOnBatch(batchFirst, target), read: (loss) => loss };
  }

  const layer = tf.layers.gru({ ...options, returnSequences: true });
  const h0 = tf.zeros([B, H]);
  tf.tidy(() => layer.apply(tf.zeros([B, 1, I]), { initialState: [h0] })); // makes the weights
  layer.setWeights(kernels());
  const timeFirst = (y) => y.transpose([1, 0, 2]);
  if (kind === "forward") {
    return {
      run() {
        const y = tf.tidy(() => timeFirst(layer.apply(batchFirst, { initialState: [h0] })));
        const data = y.dataSync();
        y.dispose();
        return data;
      },
      read: (y) => ({ y }),
    };
  }

  const target = tf.tidy(() => tf.tensor3d(values.target, [L, B, H]).transpose([1, 0, 2]));
  const loss = (x, h) => layer.apply(x, { initialState: [h] }).squaredDifference(target).mean();
  const { cell } = layer;
  const weights = [cell.kernel, cell.recurrentKernel, cell.bias];
  return {
    run: () =>
      tf.tidy(() => {
        // Input and state as variables too: one backward pass gives all gradients.
        const x = tf.variable(batchFirst);
        const h = tf.variable(h0);
        const { value, grads } = tf.variableGrads(() => loss(x, h), [x, h, ...weights.map((w) => w.val ?? w.read())]);
        const all = [value, grads[x.name], grads[h.name], ...weights.map((w) => grads[(w.val ?? w).name])].map((t) => t.dataSync());
        x.dispose();
        h.dispose();
        return all;
      }),
    read([value, dx, dh0, dwx, dwh, dbx]) {
      const dxTime = new Float32Array(dx.length);
      for (let b = 0; b < B; b++) for (let t = 0; t < L; t++) dxTime.set(dx.subarray((b * L + t) * I, (b * L + t + 1) * I), (t * B + b) * I);
      return { loss: value, dx: dxTime, dh0, dwx: rzn(transposed(dwx, I)), dwh: rzn(transposed(dwh, H)), dbx: rzn(dbx) };
    },
  };
}
