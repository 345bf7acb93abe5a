/**
 * @file The formulas of docs and papers once more in plain TypeScript, float64, one item and one number at a time: what the
 * kernels are compared with. Written from the papers and PyTorch's documentation, not from the kernels.
 */
type Vec = readonly number[];
const sigma = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const dot = (w: Vec, row: number, x: Vec): number => x.reduce((s, v, i) => s + w[row * x.length + i]! * v, 0);

/** y = x·wᵀ + b for x [N, I], w [O, I]. */
export function linear(x: Vec, w: Vec, b: Vec | undefined, N: number, I: number, O: number): number[] {
  return range(N).flatMap((n) => range(O).map((o) => dot(w, o, x.slice(n * I, (n + 1) * I)) + (b?.[o] ?? 0)));
}

export interface Cell {
  x: Vec;
  h0?: Vec | undefined;
  c0?: Vec | undefined;
  wx: Vec;
  wh: Vec;
  wr?: Vec | undefined;
  bx?: Vec | undefined;
  bh?: Vec | undefined;
  peep?: Vec | undefined;
  lengths?: Vec | undefined;
  mask?: Vec | undefined;
  zone?: Vec | undefined;
  zoneCell?: Vec | undefined;
}
export interface Sizes {
  L: number;
  B: number;
  I: number;
  H: number;
  P?: number;
}
interface Flags {
  reverse?: boolean;
  resetAfter?: boolean;
  relu?: boolean;
  keep?: number;
  keepCell?: number;
}
interface State {
  h: number[];
  c: number[];
}

/**
 * Walks the real steps of every item with `step`, as numerics.md says: y is zero beyond them, the state stays, reverse starts at
 * the last.
 */
function walk(
  p: Cell,
  { L, B, I, H, P = H }: Sizes,
  o: Flags,
  step: (x: number[], s: State, seen: number[], row: number) => State & { gates?: number[][] },
) {
  const y = new Array<number>(L * B * P).fill(0);
  const hn: number[] = [];
  const cn: number[] = [];
  const gates: number[][] = [[], [], [], []].map(() => new Array<number>(L * B * H).fill(0));
  for (let b = 0; b < B; b++) {
    const at = (v: Vec | undefined, n: number) => (v ? v.slice(b * n, (b + 1) * n) : new Array<number>(n).fill(0));
    let s: State = { h: [...at(p.h0, P)], c: [...at(p.c0, H)] };
    const real = p.lengths ? p.lengths[b]! : L;
    for (const t of o.reverse ? range(real).reverse() : range(real)) {
      const x = p.x.slice((t * B + b) * I, (t * B + b + 1) * I) as number[];
      const seen = s.h.map((h, j) => h * (p.mask ? p.mask[b * P + j]! : 1)); // what the recurrent product sees
      const made = step(x, s, seen, t * B + b);
      const mixed = (fresh: number[], old: number[], zone: Vec | undefined, keep: number) =>
        fresh.map((v, j) => old[j]! + (zone ? zone[(t * B + b) * fresh.length + j]! : keep) * (v - old[j]!));
      s = { h: mixed(made.h, s.h, p.zone, o.keep ?? 1), c: made.c };
      for (let j = 0; j < P; j++) y[(t * B + b) * P + j] = s.h[j]!;
      for (const [g, values] of (made.gates ?? []).entries())
        for (let j = 0; j < H; j++) gates[g]![(t * B + b) * H + j] = values[j]!;
    }
    hn.push(...s.h);
    cn.push(...s.c);
  }
  return { y, hn, cn, gates: gates.flat() };
}

export function gru(p: Cell, n: Sizes, o: Flags & { resetAfter: boolean }) {
  const { H } = n;
  const r = walk(p, n, o, (x, s, seen) => {
    const fromX = (g: number, j: number) => dot(p.wx, g * H + j, x) + (p.bx?.[g * H + j] ?? 0);
    const fromH = (g: number, j: number, h: Vec) => dot(p.wh, g * H + j, h) + (p.bh?.[g * H + j] ?? 0);
    const reset = range(H).map((j) => sigma(fromX(0, j) + fromH(0, j, seen)));
    const z = range(H).map((j) => sigma(fromX(1, j) + fromH(1, j, seen)));
    const gated = seen.map((h, j) => h * reset[j]!);
    const fresh = range(H).map((j) =>
      Math.tanh(fromX(2, j) + (o.resetAfter ? reset[j]! * fromH(2, j, seen) : fromH(2, j, gated))),
    );
    return { h: range(H).map((j) => (1 - z[j]!) * fresh[j]! + z[j]! * s.h[j]!), c: s.c, gates: [reset, z, fresh] };
  });
  return { ...r, gates: r.gates.slice(0, 3 * n.L * n.B * H) };
}

export function lstm(p: Cell, n: Sizes & { P: number }, o: Flags) {
  const { H, P } = n;
  return walk(p, n, o, (x, s, seen, row) => {
    const a = (g: number, j: number) =>
      dot(p.wx, g * H + j, x) + (p.bx?.[g * H + j] ?? 0) + dot(p.wh, g * H + j, seen) + (p.bh?.[g * H + j] ?? 0);
    const peep = (k: number, j: number, c: number) => (p.peep ? p.peep[k * H + j]! * c : 0);
    const i = range(H).map((j) => sigma(a(0, j) + peep(0, j, s.c[j]!)));
    const f = range(H).map((j) => sigma(a(1, j) + peep(1, j, s.c[j]!)));
    const g = range(H).map((j) => Math.tanh(a(2, j)));
    const c = range(H).map((j) => {
      const fresh = f[j]! * s.c[j]! + i[j]! * g[j]!;
      const m = p.zoneCell ? p.zoneCell[row * H + j]! : (o.keepCell ?? 1);
      return s.c[j]! + m * (fresh - s.c[j]!);
    });
    const out = range(H).map((j) => sigma(a(3, j) + peep(2, j, f[j]! * s.c[j]! + i[j]! * g[j]!)));
    const hidden = range(H).map((j) => out[j]! * Math.tanh(f[j]! * s.c[j]! + i[j]! * g[j]!));
    return { h: p.wr ? range(P).map((k) => dot(p.wr!, k, hidden)) : hidden, c, gates: [i, f, g, out] };
  });
}

export function rnn(p: Cell, n: Sizes, o: Flags) {
  const act = o.relu ? (x: number) => Math.max(x, 0) : Math.tanh;
  return walk(p, n, o, (x, s, seen) => ({
    h: range(n.H).map((j) => act(dot(p.wx, j, x) + (p.bx?.[j] ?? 0) + dot(p.wh, j, seen) + (p.bh?.[j] ?? 0))),
    c: s.c,
  }));
}

export function logSoftmax(x: Vec): number[] {
  const top = Math.max(...x);
  const lse = top + Math.log(x.reduce((s, v) => s + Math.exp(v - top), 0));
  return x.map((v) => v - lse);
}

export function layerNorm(x: Vec, gain: Vec | undefined, bias: Vec | undefined, eps: number): number[] {
  const mean = x.reduce((s, v) => s + v, 0) / x.length;
  const variance = x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length;
  return x.map((v, i) => ((v - mean) / Math.sqrt(variance + eps)) * (gain?.[i] ?? 1) + (bias?.[i] ?? 0));
}

/** One element of each loss, before weights and the mean. */
export const loss = {
  mse: (p: number, t: number) => (p - t) ** 2,
  mae: (p: number, t: number) => Math.abs(p - t),
  huber: (p: number, t: number, delta: number) =>
    Math.abs(p - t) <= delta ? 0.5 * (p - t) ** 2 : delta * (Math.abs(p - t) - 0.5 * delta),
  pinball: (p: number, t: number, q: number) => Math.max(q * (t - p), (q - 1) * (t - p)),
  gaussian: (m: number, raw: number, t: number, floor: number) => {
    const s = softplus(raw) + floor;
    return 0.5 * Math.log(2 * Math.PI * s * s) + (t - m) ** 2 / (2 * s * s);
  },
  bce: (x: number, t: number, positive: number) => positive * t * softplus(-x) + (1 - t) * softplus(x),
  crossEntropy: (x: Vec, t: number, w: Vec, smoothing: number) => {
    const l = logSoftmax(x);
    return -(1 - smoothing) * w[t]! * l[t]! - (smoothing / x.length) * l.reduce((s, v, c) => s + w[c]! * v, 0);
  },
};

/** PyTorch's optimizers on one number: each returns a function that takes the gradient of x and gives the next x. */
export const optimizer = {
  sgd: (x: number, o: { lr: number; momentum: number; dampening: number; nesterov: boolean; weightDecay: number }) => {
    let buffer: number | null = null;
    return (g: number): number => {
      g += o.weightDecay * x;
      if (o.momentum !== 0) {
        buffer = buffer === null ? g : o.momentum * buffer + (1 - o.dampening) * g;
        g = o.nesterov ? g + o.momentum * buffer : buffer;
      }
      return (x -= o.lr * g);
    };
  },
  rmsprop: (
    x: number,
    o: { lr: number; alpha: number; eps: number; momentum: number; centered: boolean; weightDecay: number },
  ) => {
    let square = 0;
    let average = 0;
    let buffer = 0;
    return (g: number): number => {
      g += o.weightDecay * x;
      square = o.alpha * square + (1 - o.alpha) * g * g;
      let v = square;
      if (o.centered) {
        average = o.alpha * average + (1 - o.alpha) * g;
        v -= average * average;
      }
      const d = g / (Math.sqrt(v) + o.eps);
      if (o.momentum === 0) return (x -= o.lr * d);
      buffer = o.momentum * buffer + d;
      return (x -= o.lr * buffer);
    };
  },
  adam: (
    x: number,
    o: { lr: number; beta1: number; beta2: number; eps: number; weightDecay: number; decoupled: boolean; amsgrad: boolean },
  ) => {
    let m = 0;
    let v = 0;
    let top = 0;
    let t = 0;
    return (g: number): number => {
      t++;
      if (o.decoupled) x -= o.lr * o.weightDecay * x;
      else g += o.weightDecay * x;
      m = o.beta1 * m + (1 - o.beta1) * g;
      v = o.beta2 * v + (1 - o.beta2) * g * g;
      top = Math.max(top, v);
      const mHat = m / (1 - o.beta1 ** t);
      const vHat = (o.amsgrad ? top : v) / (1 - o.beta2 ** t);
      return (x -= (o.lr * mHat) / (Math.sqrt(vHat) + o.eps));
    };
  },
  adagrad: (x: number, o: { lr: number; eps: number; weightDecay: number }) => {
    let sum = 0;
    return (g: number): number => {
      g += o.weightDecay * x;
      sum += g * g;
      return (x -= (o.lr * g) / (Math.sqrt(sum) + o.eps));
    };
  },
};
