/**
 * @file TensorFlow.js on its `cpu` (plain JavaScript) or `wasm` backend. Its own GRU layer knows the reset-before form only and cuts its weights up
 * anew in every step, so the GRU is written out with its operations instead, weights cut once: faster than the layer, and in both forms.
 * One product for all gates is faster for single steps, one for each gate for sequences and training.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Cannot } from "./cannot.mjs";

const require = createRequire(import.meta.url);

export const describe = ({ backend }) => ({ name: `tfjs ${backend}`, version: require("@tensorflow/tfjs/package.json").version });

/** [rows, columns] turned into [columns, rows]. */
function transposed(values, rows) {
  const columns = values.length / rows;
  return Float32Array.from({ length: values.length }, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}

export async function prepare({ kind, form, L, B, I, H, O, values }, { backend, threads }) {
  if (kind === "language") throw new Cannot(backend === "wasm" ? "cannot train an embedding" : "no language model has been written out for this bench");
  const tf = require("@tensorflow/tfjs");
  if (backend === "wasm") {
    const wasm = require("@tensorflow/tfjs-backend-wasm");
    wasm.setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")), "wasm-out/"));
    wasm.setThreadsCount(threads);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs: backend ${backend} does not start`);
  await tf.ready();

  const joint = kind === "step";
  /** Weights and biases (if `b` is given) of the gates from `first` to before `end`: [{ w: [rows, width], b: [width] }], together or one by one. */
  const gates = (w, b, rows, first, end) =>
    Array.from({ length: joint ? 1 : end - first }, (_, i) => {
      const [from, to] = joint ? [first * H, end * H] : [(first + i) * H, (first + i + 1) * H];
      return {
        w: tf.variable(tf.tensor2d(transposed(w.subarray(from * rows, to * rows), to - from), [rows, to - from])),
        b: b ? tf.variable(tf.tensor1d(b.slice(from, to))) : null,
      };
    });
  const after = form === "after";
  const input = gates(values.wx, values.bx, I, 0, 3);
  const own = gates(values.wh, after ? values.bh : null, H, 0, after ? 3 : 2);
  const [last] = after ? [] : gates(values.wh, null, H, 2, 3);

  /** What each gate gets from x, [rows of x, H] each. */
  const products = (x, list) => {
    const all = list.map(({ w, b }) => (b ? x.matMul(w).add(b) : x.matMul(w)));
    return joint ? all[0].split(all[0].shape[1] / H, 1) : all;
  };
  /** h after one step, from the input's products. */
  const advance = ([ur, uz, un], h) => {
    const [vr, vz, vn] = products(h, own);
    const r = ur.add(vr).sigmoid();
    const z = uz.add(vz).sigmoid();
    const n = un.add(after ? r.mul(vn) : r.mul(h).matMul(last.w)).tanh();
    return n.add(z.mul(h.sub(n)));
  };
  /** States h_1 … h_L [B, H] from x [L · B, I]. */
  const states = (x, h0) => {
    const all = [];
    let h = h0;
    // A product a step: the gradient of one product for all steps is slower here than that of many small ones.
    for (const sample of x.reshape([L, B, I]).unstack()) {
      h = advance(products(sample, input), h);
      all.push(h);
    }
    return all;
  };

  if (kind === "step") {
    let h = tf.zeros([1, H]);
    return {
      reset() {
        h.dispose();
        h = tf.zeros([1, H]);
      },
      step(sample) {
        const next = tf.tidy(() => advance(products(tf.tensor2d(sample, [1, I]), input), h));
        h.dispose();
        h = next;
        return h.dataSync();
      },
    };
  }

  const x = tf.variable(tf.tensor2d(values.x, [L * B, I]), kind === "train");
  const h0 = tf.variable(tf.zeros([B, H]), kind === "train");
  if (kind === "forward") {
    return { run: () => tf.tidy(() => tf.stack(states(x, h0)).dataSync()), read: (y) => ({ y }) };
  }
  const mse = (a, b) => a.squaredDifference(b).mean();
  if (kind === "train") {
    const target = tf.tensor3d(values.target, [L, B, H]);
    const recurrent = after ? own : [...own, last];
    const all = [x, h0, ...input.flatMap(({ w, b }) => [w, b]), ...recurrent.flatMap(({ w, b }) => (b ? [w, b] : [w]))];
    return {
      run: () =>
        tf.tidy(() => {
          const { value, grads } = tf.variableGrads(() => mse(tf.stack(states(x, h0)), target), all);
          return [value, ...all.map((v) => grads[v.name])].map((t) => t.dataSync());
        }),
      read([, dx, dh0, ...rest]) {
        const joined = (parts) => Float32Array.from(parts.flatMap((part) => [...part]));
        const every = (from, count, stride) => Array.from({ length: count }, (_, i) => rest[from + i * stride]);
        const matrix = (parts, rows) => joined(parts.map((part) => transposed(part, rows)));
        const grads = { dx, dh0, dwx: matrix(every(0, 3, 2), I), dbx: joined(every(1, 3, 2)), dwh: matrix(every(6, 3, after ? 2 : 1), H) };
        return after ? { ...grads, dbh: joined(every(7, 3, 2)) } : grads;
      },
    };
  }
  const target = tf.tensor2d(values.target, [B, O]);
  const lw = tf.variable(tf.tensor2d(transposed(values.lw, O), [H, O]));
  const lb = tf.variable(tf.tensor1d(values.lb));
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
  return {
    run: () => tf.tidy(() => optimizer.minimize(() => mse(states(x, h0).at(-1).matMul(lw).add(lb), target), true).dataSync()[0]),
    read: (loss) => loss,
  };
}
