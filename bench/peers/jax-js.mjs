/**
 * @file jax-js on its WebAssembly backend. It has no recurrent layer: the GRU is written out with its arrays, the recurrence unrolled, and compiled
 * with jit, as its manual advises. An array is consumed by the function that takes it; `.ref` keeps it.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Cannot } from "./cannot.mjs";

const folder = join(createRequire(import.meta.url).resolve("@jax-js/jax"), "../..");

export const describe = () => ({ name: "jax-js", version: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version });

export async function prepare({ kind, form, L, B, I, H, O, values }) {
  if (kind === "language") throw new Cannot("no language model has been written out for this bench");
  const { init, defaultDevice, numpy: np, nn, jit, valueAndGrad, tree } = await import("@jax-js/jax");
  await init("wasm");
  defaultDevice("wasm");
  const array = (name, ...shape) => np.array(values[name]).reshape(shape);
  const params = { wx: array("wx", 3 * H, I), wh: array("wh", 3 * H, H), bx: array("bx", 3 * H), bh: array("bh", 3 * H) };
  if (form === "before") delete params.bh;

  /** Recurrent weights as a step takes them: [H, 3H], or, reset before, [H, 2H] for r and z and [H, H] for n. Consumes wh. */
  const recurrent = (wh) => {
    const wht = np.transpose(wh);
    if (form === "after") return [wht];
    return [wht.ref.slice([], [0, 2 * H]), wht.slice([], [2 * H, 3 * H])];
  };
  /** h after one step, from the input's products u [B, 3H]; consumes u and h, keeps the weights and bh (reset after only). */
  const step = (u, h, [w, wn], bh) => {
    const gate = (a, g) => a.ref.slice([], [g * H, (g + 1) * H]);
    const v = form === "after" ? np.matmul(h.ref, w.ref).add(bh.ref) : np.matmul(h.ref, w.ref);
    const r = nn.sigmoid(gate(u, 0).add(gate(v, 0)));
    const z = nn.sigmoid(gate(u, 1).add(gate(v, 1)));
    const n = np.tanh(gate(u, 2).add(form === "after" ? r.mul(gate(v, 2)) : np.matmul(r.mul(h.ref), wn.ref)));
    u.dispose();
    v.dispose();
    return n.ref.add(z.mul(h.sub(n)));
  };
  /**
   * States h_1 … h_L, consuming all arguments. The samples come as L arrays [B, I]: cut from one, each cut's gradient would be as large as the whole.
   */
  const states = ({ wx, wh, bx, bh }, xs, h0) => {
    const wxt = np.transpose(wx);
    const weights = recurrent(wh);
    const all = [h0];
    for (let t = 0; t < L; t++) all.push(step(np.matmul(xs[t], wxt.ref).add(bx.ref), all[t].ref, weights, bh));
    for (const w of [wxt, bx, ...weights]) w.dispose();
    bh?.dispose();
    all.shift().dispose();
    return all;
  };
  const zeros = () => np.zeros([B, H]);

  if (kind === "step") {
    const one = jit(({ wxt, bx, bh }, weights, x, h) => {
      const next = step(np.matmul(x, wxt).add(bx), h, weights, bh);
      for (const w of weights) w.dispose();
      bh?.dispose();
      return next;
    });
    const { wx, wh, ...biases } = params;
    // Turned and cut once: adding 0 makes arrays of their own of what would else be views.
    const own = jit((a) => a.add(0));
    const fixed = { wxt: own(np.transpose(wx)), ...biases };
    const weights = recurrent(wh).map((w) => own(w));
    let h = zeros();
    return {
      reset() {
        h.dispose();
        h = zeros();
      },
      step(sample) {
        h = one(tree.ref(fixed), tree.ref(weights), np.array(sample).reshape([1, I]), h);
        return h.ref.dataSync();
      },
    };
  }

  const byStep = (name, width) => Array.from({ length: L }, (_, t) => np.array(values[name].slice(t * B * width, (t + 1) * B * width)).reshape([B, width]));
  const xs = byStep("x", I);
  if (kind === "forward") {
    const run = jit((p, xs, h0) => np.stack(states(p, xs, h0)));
    return { run: () => run(tree.ref(params), tree.ref(xs), zeros()).dataSync(), read: (y) => ({ y }) };
  }
  const mse = (a, b) => np.mean(np.square(a.sub(b)));
  if (kind === "train") {
    const targets = byStep("target", H);
    const loss = ({ xs, h0, ...p }, targets) =>
      states(p, xs, h0)
        .map((h, t) => mse(h, targets[t]))
        .reduce((a, b) => a.add(b))
        .div(L);
    const both = jit(valueAndGrad(loss));
    return {
      run() {
        const [value, { xs: dxs, ...grads }] = both({ ...tree.ref(params), xs: tree.ref(xs), h0: zeros() }, tree.ref(targets));
        value.dataSync();
        return [dxs.map((g) => g.dataSync()), Object.fromEntries(Object.entries(grads).map(([name, g]) => [name, g.dataSync()]))];
      },
      read([dxs, g]) {
        const dx = new Float32Array(L * B * I);
        for (const [t, part] of dxs.entries()) dx.set(part, t * B * I);
        return { dx, dh0: g.h0, dwx: g.wx, dwh: g.wh, dbx: g.bx, ...(g.bh ? { dbh: g.bh } : {}) };
      },
    };
  }

  const target = array("target", B, O);
  const loss = ({ lw, lb, ...p }, xs, h0, target) => {
    const all = states(p, xs, h0);
    const last = all.pop();
    for (const h of all) h.dispose();
    return mse(np.matmul(last, np.transpose(lw)).add(lb), target);
  };
  const gradients = valueAndGrad(loss);
  let net = { ...params, lw: array("lw", O, H), lb: array("lb", O) };
  const like = (p) => Object.fromEntries(Object.entries(p).map(([name, w]) => [name, np.zeros(w.shape)]));
  let m = like(net);
  let v = like(net);
  let t = 0;
  const update = jit((net, m, v, xs, h0, target, corrections) => {
    const [value, grads] = gradients(tree.ref(net), xs, h0, target);
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
