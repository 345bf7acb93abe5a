/**
 * @file TensorFlow.js on its `cpu` (plain JavaScript) or `wasm` backend. Its own GRU layer knows the reset-before form only and cuts its weights up
 * anew in every step, so the GRU is written out with its operations instead, weights cut once: faster than the layer, and in both forms.
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
  if (kind === "language") throw new Cannot("its wasm backend cannot train an embedding");
  const tf = require("@tensorflow/tfjs");
  if (backend === "wasm") {
    const wasm = require("@tensorflow/tfjs-backend-wasm");
    wasm.setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")), "wasm-out/"));
    wasm.setThreadsCount(threads);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs: backend ${backend} does not start`);
  await tf.ready();

  /** Weights [in, H], one per gate r, z, n: operations on whole matrices, nothing to cut. */
  const matrices = (w, rows) => [0, 1, 2].map((g) => tf.variable(tf.tensor2d(transposed(w.subarray(g * H * rows, (g + 1) * H * rows), H), [rows, H])));
  const vectors = (b) => [0, 1, 2].map((g) => tf.variable(tf.tensor1d(b.slice(g * H, (g + 1) * H))));
  const [wx, wh, bx] = [matrices(values.wx, I), matrices(values.wh, H), vectors(values.bx)];
  const bh = form === "after" ? vectors(values.bh) : [];

  /** h after one step, from the input's products with their biases. */
  const advance = ([ur, uz, un], h) => {
    const own = (g) => (form === "after" ? h.matMul(wh[g]).add(bh[g]) : h.matMul(wh[g]));
    const r = ur.add(own(0)).sigmoid();
    const z = uz.add(own(1)).sigmoid();
    const n = un.add(form === "after" ? r.mul(own(2)) : r.mul(h).matMul(wh[2])).tanh();
    return n.add(z.mul(h.sub(n)));
  };
  /** States h_1 … h_L [B, H] from x [L · B, I]. */
  const states = (x, h0) => {
    const gates = wx.map((w, g) => x.matMul(w).add(bx[g]).reshape([L, B, H]).unstack());
    const all = [];
    for (let t = 0, h = h0; t < L; t++) {
      h = advance(gates.map((u) => u[t]), h);
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
        const next = tf.tidy(() => {
          const x = tf.tensor2d(sample, [1, I]);
          return advance(wx.map((w, g) => x.matMul(w).add(bx[g])), h);
        });
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
    const all = [x, h0, ...wx, ...wh, ...bx, ...bh];
    return {
      run: () =>
        tf.tidy(() => {
          const { value, grads } = tf.variableGrads(() => mse(tf.stack(states(x, h0)), target), all);
          return [value, ...all.map((v) => grads[v.name])].map((t) => t.dataSync());
        }),
      read([, dx, dh0, ...rest]) {
        const joined = (first, rows) => Float32Array.from(rest.slice(first, first + 3).flatMap((g) => [...(rows ? transposed(g, rows) : g)]));
        const grads = { dx, dh0, dwx: joined(0, I), dwh: joined(3, H), dbx: joined(6) };
        return form === "after" ? { ...grads, dbh: joined(9) } : grads;
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
