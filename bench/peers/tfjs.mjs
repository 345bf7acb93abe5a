/**
 * @file TensorFlow.js on its `cpu` (plain JavaScript) or `wasm` backend. Its own GRU layer knows the reset-before form only and cuts its weights up
 * anew in every step, so the cells are written out with its operations instead, weights cut once: faster than the layer, and in both forms.
 * One product for all gates is faster for single steps, one for each gate for sequences and training.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Cannot } from "./cannot.mjs";
import { joined } from "./joined.mjs";

const require = createRequire(import.meta.url);

export const describe = ({ backend }) => ({ name: `tfjs ${backend}`, version: require("@tensorflow/tfjs/package.json").version });

/** [rows, columns] turned into [columns, rows]. */
function transposed(values, rows) {
  const columns = values.length / rows;
  return Float32Array.from({ length: values.length }, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}

export async function prepare({ kind, cell, layers, form, L, B, I, H, O, values }, { backend, threads }) {
  if (threads > 1) throw new Cannot("runs on one thread in Node.js");
  if (kind === "language") throw new Cannot(backend === "wasm" ? "cannot train an embedding" : "no language model has been written out for this bench");
  if (backend === "cpu" && L * B * layers > 1000 && kind !== "forecaster") throw new Cannot("plain JavaScript is compared in the small cases only");
  const tf = require("@tensorflow/tfjs");
  if (backend === "wasm") {
    const wasm = require("@tensorflow/tfjs-backend-wasm");
    wasm.setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")), "wasm-out/"));
  }
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs: backend ${backend} does not start`);
  await tf.ready();

  const joint = kind === "step";
  const G = { gru: 3, lstm: 4, rnn: 1 }[cell];
  const after = form === "after";
  /** Weights and biases (if `b` is given) of the gates from `first` to before `end`: [{ w: [rows, width], b: [width] }], together or one by one. */
  const gates = (w, b, rows, first, end) =>
    Array.from({ length: joint ? 1 : end - first }, (_, i) => {
      const [from, to] = joint ? [first * H, end * H] : [(first + i) * H, (first + i + 1) * H];
      return {
        w: tf.variable(tf.tensor2d(transposed(w.subarray(from * rows, to * rows), to - from), [rows, to - from])),
        b: b ? tf.variable(tf.tensor1d(b.slice(from, to))) : null,
      };
    });
  /** A layer's weights; `last`: those of n, reset before; `rows`: inputs. */
  const net = Array.from({ length: layers }, (_, n) => {
    const of = (name) => values[n === 0 ? name : name + n];
    const input = gates(of("wx"), of("bx"), n === 0 ? I : H, 0, G);
    const own = gates(of("wh"), after ? of("bh") : null, H, 0, after ? G : 2);
    const [last] = after ? [] : gates(of("wh"), null, H, 2, 3);
    return { input, own, last, rows: n === 0 ? I : H };
  });

  /** What each gate gets from x, [rows of x, H] each. */
  const products = (x, list) => {
    const all = list.map(({ w, b }) => (b ? x.matMul(w).add(b) : x.matMul(w)));
    return joint ? all[0].split(all[0].shape[1] / H, 1) : all;
  };
  /** The states after one step, from the input's products. */
  const cells = {
    gru([ur, uz, un], [h], { own, last }) {
      const [vr, vz, vn] = products(h, own);
      const r = ur.add(vr).sigmoid();
      const z = uz.add(vz).sigmoid();
      const n = un.add(after ? r.mul(vn) : r.mul(h).matMul(last.w)).tanh();
      return [n.add(z.mul(h.sub(n)))];
    },
    lstm(u, [h, c], { own }) {
      const [i, f, g, o] = products(h, own).map((v, k) => u[k].add(v));
      const next = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
      return [o.sigmoid().mul(next.tanh()), next];
    },
    rnn: ([u], [h], { own }) => [u.add(products(h, own)[0]).tanh()],
  };
  const advance = cells[cell];
  const count = cell === "lstm" ? 2 : 1;
  const zeros = () => net.map(() => Array.from({ length: count }, () => tf.zeros([B, H])));
  /** Outputs h_1 … h_L [B, H] of the last layer from x [L · B, I]. */
  const outputs = (x, start) => {
    // A product a step: the gradient of one product for all steps is slower here than that of many small ones.
    let all = x.reshape([L, B, I]).unstack();
    for (const [n, layer] of net.entries()) {
      let state = start[n];
      all = all.map((sample) => {
        state = advance(products(sample, layer.input), state, layer);
        return state[0];
      });
    }
    return all;
  };

  if (kind === "step") {
    let states = zeros();
    const replace = (next) => {
      tf.dispose(states);
      states = next;
    };
    return {
      reset: () => replace(zeros()),
      step(sample) {
        const next = tf.tidy(() => {
          let x = tf.tensor2d(sample, [B, I]);
          return net.map((layer, n) => {
            const state = advance(products(x, layer.input), states[n], layer);
            x = state[0];
            return state;
          });
        });
        replace(next);
        return states.at(-1)[0].dataSync();
      },
    };
  }

  const trained = kind === "train";
  const x = tf.variable(tf.tensor2d(values.x, [L * B, I]), trained);
  const start = zeros().map((state) => state.map((s) => tf.variable(s, trained)));
  if (kind === "forward") {
    return { run: () => tf.tidy(() => tf.stack(outputs(x, start)).dataSync()), read: (y) => ({ y }) };
  }
  const mse = (a, b) => a.squaredDifference(b).mean();
  if (trained) {
    const target = tf.tensor3d(values.target, [L, B, H]);
    // Every gradient with its name, in the order of the gates where a name has several parts.
    const named = [
      ["dx", x],
      ...start.flatMap((state) => state.map((s, i) => [i === 0 ? "dh0" : "dc0", s])),
      ...net.flatMap(({ input, own, last, rows }, n) => {
        const end = n === 0 ? "" : n;
        const part = (name, list, rows) => list.flatMap(({ w, b }) => [[`dw${name}${end}`, w, rows], ...(b ? [[`db${name}${end}`, b]] : [])]);
        return [...part("x", input, rows), ...part("h", last ? [...own, last] : own, H)];
      }),
    ];
    const all = named.map(([, v]) => v);
    return {
      run: () =>
        tf.tidy(() => {
          const { value, grads } = tf.variableGrads(() => mse(tf.stack(outputs(x, start)), target), all);
          value.dataSync();
          return all.map((v) => grads[v.name].dataSync());
        }),
      read(grads) {
        const parts = {};
        for (const [i, [name, , rows]] of named.entries()) {
          parts[name] ??= [];
          parts[name].push(rows === undefined ? grads[i] : transposed(grads[i], rows));
        }
        return Object.fromEntries(Object.entries(parts).map(([name, list]) => [name, joined(list)]));
      },
    };
  }
  const target = tf.tensor2d(values.target, [B, O]);
  const lw = tf.variable(tf.tensor2d(transposed(values.lw, O), [H, O]));
  const lb = tf.variable(tf.tensor1d(values.lb));
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
  return {
    run: () => tf.tidy(() => optimizer.minimize(() => mse(outputs(x, start).at(-1).matMul(lw).add(lb), target), true).dataSync()[0]),
    read: (loss) => loss,
  };
}
