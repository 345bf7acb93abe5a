/**
 * @file jax-js on its WebAssembly backend. It has no recurrent layer: the cells are written out with its arrays, the recurrence unrolled, and compiled
 * with jit, as its manual advises. An array is consumed by the function that takes it; `.ref` keeps it.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Cannot } from "./cannot.mjs";
import { joined } from "./joined.mjs";

const folder = join(createRequire(import.meta.url).resolve("@jax-js/jax"), "../..");

export const describe = () => ({ name: "jax-js", version: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version });

export async function prepare({ kind, cell, layers, form, L, B, I, H, O, values }, { threads }) {
  if (threads > 1) throw new Cannot("runs on one thread");
  if (kind === "language") throw new Cannot("no language model has been written out for this bench");
  const { init, defaultDevice, numpy: np, nn, jit, valueAndGrad, tree } = await import("@jax-js/jax");
  await init("wasm");
  defaultDevice("wasm");
  const G = { gru: 3, lstm: 4, rnn: 1 }[cell];
  const array = (name, ...shape) => np.array(values[name]).reshape(shape);
  /** Weights of each layer. */
  const params = Array.from({ length: layers }, (_, n) => {
    const own = (name, ...shape) => array(n === 0 ? name : name + n, ...shape);
    const p = { wx: own("wx", G * H, n === 0 ? I : H), wh: own("wh", G * H, H), bx: own("bx", G * H) };
    return form === "after" ? { ...p, bh: own("bh", G * H) } : p;
  });

  /** Recurrent weights as a step takes them: [H, GH], or, reset before, [H, 2H] for r and z and [H, H] for n. Consumes wh. */
  const recurrent = (wh) => {
    const wht = np.transpose(wh);
    if (form === "after") return [wht];
    return [wht.ref.slice([], [0, 2 * H]), wht.slice([], [2 * H, 3 * H])];
  };
  const gate = (a, g) => a.ref.slice([], [g * H, (g + 1) * H]);
  /** The states after one step, from the input's products u [B, GH]; consumes u and the states, keeps the weights and bh (absent reset before). */
  const cells = {
    gru(u, [h], [w, wn], bh) {
      const v = form === "after" ? np.matmul(h.ref, w.ref).add(bh.ref) : np.matmul(h.ref, w.ref);
      const r = nn.sigmoid(gate(u, 0).add(gate(v, 0)));
      const z = nn.sigmoid(gate(u, 1).add(gate(v, 1)));
      const n = np.tanh(gate(u, 2).add(form === "after" ? r.mul(gate(v, 2)) : np.matmul(r.mul(h.ref), wn.ref)));
      u.dispose();
      v.dispose();
      return [n.ref.add(z.mul(h.sub(n)))];
    },
    lstm(u, [h, c], [w], bh) {
      const v = u.add(np.matmul(h, w.ref)).add(bh.ref);
      const [i, f, g, o] = [nn.sigmoid(gate(v, 0)), nn.sigmoid(gate(v, 1)), np.tanh(gate(v, 2)), nn.sigmoid(gate(v, 3))];
      v.dispose();
      const next = f.mul(c).add(i.mul(g));
      return [o.mul(np.tanh(next.ref)), next];
    },
    rnn: (u, [h], [w], bh) => [np.tanh(u.add(np.matmul(h, w.ref)).add(bh.ref))],
  };
  const step = cells[cell];
  const count = cell === "lstm" ? 2 : 1;
  const zeros = () => params.map(() => Array.from({ length: count }, () => np.zeros([B, H])));
  /**
   * Outputs h_1 … h_L of the last layer, consuming all arguments. The samples come as L arrays [B, I]: cut from one, each cut's gradient would be
   * as large as the whole.
   */
  const outputs = (net, xs, start) => {
    let all = xs;
    for (const [n, { wx, wh, bx, bh }] of net.entries()) {
      const wxt = np.transpose(wx);
      const weights = recurrent(wh);
      let state = start[n];
      all = all.map((x) => {
        state = step(np.matmul(x, wxt.ref).add(bx.ref), state, weights, bh);
        return state[0].ref;
      });
      for (const a of [wxt, bx, ...weights, ...state]) a.dispose();
      bh?.dispose();
    }
    return all;
  };

  if (kind === "step") {
    const one = jit((net, x, states) => {
      let y = x;
      return states.map((state, n) => {
        const { wxt, weights, bx, bh } = net[n];
        const next = step(np.matmul(y, wxt).add(bx), state, weights, bh);
        for (const w of weights) w.dispose();
        bh?.dispose();
        if (n + 1 < layers) y = next[0].ref;
        return next;
      });
    });
    // Turned and cut once: adding 0 makes arrays of their own of what would else be views.
    const own = jit((a) => a.add(0));
    const fixed = params.map(({ wx, wh, ...biases }) => ({ wxt: own(np.transpose(wx)), weights: recurrent(wh).map((w) => own(w)), ...biases }));
    let states = zeros();
    return {
      reset() {
        tree.dispose(states);
        states = zeros();
      },
      step(sample) {
        states = one(tree.ref(fixed), np.array(sample).reshape([B, I]), states);
        return states.at(-1)[0].ref.dataSync();
      },
    };
  }

  const byStep = (name, width) => Array.from({ length: L }, (_, t) => np.array(values[name].slice(t * B * width, (t + 1) * B * width)).reshape([B, width]));
  const xs = byStep("x", I);
  if (kind === "forward") {
    const run = jit((p, xs, start) => np.stack(outputs(p, xs, start)));
    return { run: () => run(tree.ref(params), tree.ref(xs), zeros()).dataSync(), read: (y) => ({ y }) };
  }
  const mse = (a, b) => np.mean(np.square(a.sub(b)));
  if (kind === "train") {
    const targets = byStep("target", H);
    const loss = ({ net, xs, start }, targets) =>
      outputs(net, xs, start)
        .map((h, t) => mse(h, targets[t]))
        .reduce((a, b) => a.add(b))
        .div(L);
    const both = jit(valueAndGrad(loss));
    return {
      run() {
        const [value, grads] = both({ net: tree.ref(params), xs: tree.ref(xs), start: zeros() }, tree.ref(targets));
        value.dataSync();
        return tree.map((g) => g.dataSync(), grads);
      },
      read({ net, xs, start }) {
        const weights = net.flatMap((p, n) => Object.entries(p).map(([name, g]) => [`d${name}${n === 0 ? "" : n}`, g]));
        const cellStates = count === 2 ? { dc0: joined(start.map(([, c]) => c)) } : {};
        return { dx: joined(xs), dh0: joined(start.map(([h]) => h)), ...cellStates, ...Object.fromEntries(weights) };
      },
    };
  }

  const target = array("target", B, O);
  const loss = ({ lw, lb, ...p }, xs, start, target) => {
    const all = outputs([p], xs, start);
    const last = all.pop();
    for (const h of all) h.dispose();
    return mse(np.matmul(last, np.transpose(lw)).add(lb), target);
  };
  const gradients = valueAndGrad(loss);
  let net = { ...params[0], lw: array("lw", O, H), lb: array("lb", O) };
  const like = (p) => Object.fromEntries(Object.entries(p).map(([name, w]) => [name, np.zeros(w.shape)]));
  let m = like(net);
  let v = like(net);
  let t = 0;
  const update = jit((net, m, v, xs, start, target, corrections) => {
    const [value, grads] = gradients(tree.ref(net), xs, start, target);
    const [c1, c2] = [corrections.ref.slice(0), corrections.slice(1)];
    const next = { net: {}, m: {}, v: {} };
    for (const name of Object.keys(net)) {
      const g = grads[name];
      next.m[name] = m[name].mul(0.9).add(g.ref.mul(0.1));
      next.v[name] = v[name].mul(0.999).add(np.square(g).mul(0.001));
      const down = np.sqrt(next.v[name].ref.div(c2.ref)).add(1e-8);
      next.net[name] = net[name].sub(next.m[name].ref.div(c1.ref).div(down).mul(1e-3));
    }
    c1.dispose();
    c2.dispose();
    return { value, ...next };
  });
  return {
    run() {
      t++;
      const next = update(net, m, v, tree.ref(xs), zeros(), target.ref, np.array([1 - 0.9 ** t, 1 - 0.999 ** t]));
      ({ net, m, v } = next);
      return next.value.dataSync()[0];
    },
    read: (loss) => loss,
  };
}
