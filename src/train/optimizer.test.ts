/**
 * Optimizers. Truth: PyTorch's documented algorithms written out element by element in float64 (`reference` below, no kernel, no shared
 * code), and closed forms on a quadratic.
 */
import { describe, expect, test } from "vitest";
import { Rng } from "../base/random.ts";
import { createEngine, Engine, type Param, wasmBackend } from "../engine/index.ts";
import { code as f64 } from "../engine/wasm/plain-f64.embed.ts";
import { adam, adamw, adagrad, Optimizer, type OptimizerConfig, optimizerFrom, optimizerKinds, rmsprop, sgd } from "./index.ts";

const double = new Engine(wasmBackend("wasm-plain-f64", f64, 8));
const single = createEngine();

function make(e: Engine, name: string, shape: number[], values: number[]): Param {
  const p = e.param(shape, values);
  p.name = name;
  return p;
}
function setGrad(p: Param, g: ArrayLike<number>): void {
  p.engine.reals(p.engine.gradOf(p), p.size).set(g);
}

type O = Record<string, number | boolean | number[]>;
/** One parameter element under PyTorch's algorithm boxes: returns the function that takes a gradient and returns the new value. */
function reference(kind: string, o: O, x: number, lr: number): (g: number) => number {
  let t = 0;
  let buf = 0;
  let sq = 0;
  let avg = 0;
  let first = 0;
  let top = 0;
  const wd = (o["weightDecay"] as number | undefined) ?? (kind === "adamw" ? 0.01 : 0);
  const mu = (o["momentum"] as number | undefined) ?? 0;
  const num = (name: string, otherwise: number) => (o[name] as number | undefined) ?? otherwise;
  return (g) => {
    t++;
    if (kind === "adamw") x = x - lr * wd * x;
    else g = g + wd * x;
    if (kind === "sgd") {
      if (mu !== 0) {
        buf = t === 1 ? g : mu * buf + (1 - num("dampening", 0)) * g;
        g = o["nesterov"] ? g + mu * buf : buf;
      }
      x = x - lr * g;
    } else if (kind === "rmsprop") {
      const alpha = num("alpha", 0.99);
      sq = alpha * sq + (1 - alpha) * g ** 2;
      let v = sq;
      if (o["centered"]) {
        avg = alpha * avg + (1 - alpha) * g;
        v = v - avg ** 2;
      }
      const d = g / (Math.sqrt(v) + num("eps", 1e-8));
      if (mu > 0) {
        buf = mu * buf + d;
        x = x - lr * buf;
      } else x = x - lr * d;
    } else if (kind === "adagrad") {
      sq = (t === 1 ? num("initialAccumulatorValue", 0) : sq) + g ** 2;
      x = x - (lr / (1 + (t - 1) * num("lrDecay", 0))) * (g / (Math.sqrt(sq) + num("eps", 1e-10)));
    } else {
      const [b1, b2] = (o["betas"] as number[] | undefined) ?? [0.9, 0.999];
      first = b1! * first + (1 - b1!) * g;
      sq = b2! * sq + (1 - b2!) * g ** 2;
      top = Math.max(top, sq);
      const mHat = first / (1 - b1! ** t);
      const vHat = (o["amsgrad"] ? top : sq) / (1 - b2! ** t);
      x = x - (lr * mHat) / (Math.sqrt(vHat) + num("eps", 1e-8));
    }
    return x;
  };
}

const cases = [
  ...[
    {},
    { weightDecay: 0.1 },
    { momentum: 0.9 },
    { momentum: 0.9, dampening: 0.3, weightDecay: 0.05 },
    { momentum: 0.8, nesterov: true },
  ].map((o) => ({ ...o, kind: "sgd" })),
  ...[{}, { alpha: 0.9, eps: 1e-5 }, { centered: true }, { momentum: 0.5, centered: true, weightDecay: 0.01 }].map((o) => ({
    ...o,
    kind: "rmsprop",
  })),
  ...[{}, { betas: [0.8, 0.95], eps: 1e-4, weightDecay: 0.1 }, { amsgrad: true }].map((o) => ({ ...o, kind: "adam" })),
  ...[{}, { weightDecay: 0.3 }, { amsgrad: true, betas: [0.5, 0.6] }].map((o) => ({ ...o, kind: "adamw" })),
  ...[{}, { lrDecay: 0.1, initialAccumulatorValue: 0.2, weightDecay: 0.01, eps: 1e-3 }].map((o) => ({ ...o, kind: "adagrad" })),
] as unknown as O[];

describe("trajectories of 40 steps", () => {
  for (const o of cases) {
    for (const [e, tolerance] of [
      [double, 1e-12],
      [single, 2e-5],
    ] as const) {
      test(`${JSON.stringify(o)} at ${e.bytes * 8} bits`, () => {
        const rng = new Rng(7);
        const start = Array.from({ length: 11 }, () => rng.normal());
        const p = make(e, "p", [11], start);
        const lr = 0.03;
        const optimizer = new Optimizer(o as unknown as OptimizerConfig);
        const expected = start.map((x) => reference(o["kind"] as unknown as string, o, e.bytes === 4 ? Math.fround(x) : x, lr));
        for (let step = 0; step < 40; step++) {
          const g = start.map(() => rng.normal() * (step % 7 === 0 ? 4 : 1));
          setGrad(p, g);
          optimizer.step([p], lr);
          for (const [i, next] of expected.entries()) {
            const due = next(e.bytes === 4 ? Math.fround(g[i]!) : g[i]!);
            expect(Math.abs(p.data[i]! - due), `step ${step}, element ${i}`).toBeLessThan(tolerance * (1 + Math.abs(due)));
          }
        }
      });
    }
  }
});

describe("closed forms", () => {
  test("SGD on ½·a·x² is x₀·(1 − lr·a)ᵗ", () => {
    const a = 3;
    const p = make(double, "x", [1], [2]);
    const optimizer = sgd();
    for (let t = 0; t < 50; t++) {
      setGrad(p, [a * p.item()]);
      optimizer.step([p], 0.1);
    }
    expect(p.item()).toBeCloseTo(2 * (1 - 0.1 * a) ** 50, 14);
  });

  test("Adam's first step is lr·sign(gradient), whatever the gradient's size", () => {
    const p = make(double, "x", [4], [0, 0, 0, 0]);
    setGrad(p, [1e-3, -1e-3, 1000, -1000]);
    adam().step([p], 0.01);
    for (const [i, sign] of [1, -1, 1, -1].entries()) expect(p.data[i]).toBeCloseTo(-0.01 * sign, 6);
  });

  test("AdamW without a gradient's pull shrinks the weights by (1 − lr·weightDecay)ᵗ", () => {
    const p = make(double, "x", [1], [5]);
    const optimizer = adamw({ weightDecay: 0.1 });
    for (let t = 0; t < 30; t++) {
      setGrad(p, [0]);
      optimizer.step([p], 0.5);
    }
    expect(p.item()).toBeCloseTo(5 * (1 - 0.5 * 0.1) ** 30, 12);
  });

  test("Adagrad under a constant gradient moves lr·Σ 1/√t", () => {
    const p = make(double, "x", [1], [0]);
    const optimizer = adagrad({ eps: 0 });
    let due = 0;
    for (let t = 1; t <= 30; t++) {
      setGrad(p, [4]);
      optimizer.step([p], 0.1);
      due -= 0.1 / Math.sqrt(t);
    }
    expect(p.item()).toBeCloseTo(due, 12);
  });
});

describe("what it touches", () => {
  test("scale multiplies first, then clipValue cuts; gradients themselves stay", () => {
    const p = make(double, "x", [3], [0, 0, 0]);
    setGrad(p, [10, -1, 0.2]);
    sgd().step([p], 1, { scale: 0.5, clipValue: 0.4 });
    expect([...p.data]).toEqual([-0.4, 0.4, -0.1]);
    expect([...p.grad!]).toEqual([10, -1, 0.2]);
  });

  test("frozen parameters and those without a gradient stay, and have no state", () => {
    const frozen = make(double, "frozen", [1], [1]);
    const unreached = make(double, "unreached", [1], [1]);
    setGrad(frozen, [1]);
    frozen.frozen = true;
    const optimizer = adam();
    optimizer.step([frozen, unreached], 1);
    expect([frozen.item(), unreached.item()]).toEqual([1, 1]);
    expect(optimizer.tensors()).toEqual({});
  });

  test("weight decay leaves out what decayOn or the predicate says", () => {
    for (const optimizer of [sgd({ weightDecay: 0.5, decayOn: "matrices" }), sgd({ weightDecay: 0.5 }, (p) => p.name === "w")]) {
      const w = make(double, "w", [1, 1], [2]);
      const b = make(double, "b", [1], [2]);
      setGrad(w, [0]);
      setGrad(b, [0]);
      optimizer.step([w, b], 1);
      expect([w.item(), b.item()]).toEqual([1, 2]);
    }
  });
});

describe("state", () => {
  for (const kind of optimizerKinds) {
    test(`${kind}: saved, rebuilt from JSON and loaded, it goes on with the same bits`, () => {
      const momentum = kind === "sgd" || kind === "rmsprop" ? { momentum: 0.9 } : {};
      const one = new Optimizer({ kind, ...momentum } as OptimizerConfig);
      const p = make(single, "layer.w", [2, 3], [1, 2, 3, 4, 5, 6]);
      const rng = new Rng(3);
      const g = () => Array.from({ length: 6 }, () => rng.normal());
      for (let i = 0; i < 5; i++) {
        setGrad(p, g());
        one.step([p], 0.01);
      }
      const q = make(single, "layer.w", [2, 3], [...p.data]);
      const saved = Object.fromEntries(
        Object.entries(one.tensors()).map(([name, t]) => [name, { shape: t.shape, data: t.toArray() }]),
      );
      expect(Object.keys(saved).every((name) => /^optimizer\.layer\.w\.[a-z_]+$/.test(name))).toBe(true);
      const two = optimizerFrom(JSON.parse(JSON.stringify(one.config)));
      two.load([q], saved, JSON.parse(JSON.stringify(one.counters)));
      for (let i = 0; i < 5; i++) {
        const next = g();
        setGrad(p, next);
        setGrad(q, next);
        one.step([p], 0.01);
        two.step([q], 0.01);
      }
      expect([...q.data]).toEqual([...p.data]);
    });
  }

  test("a parameter that backward no longer reaches keeps moving by its momentum, after loading too", () => {
    const ends = [false, true].map((reload) => {
      const p = make(single, "w", [1], [0]);
      setGrad(p, [1]);
      let optimizer = sgd({ momentum: 0.5 });
      let target = p;
      optimizer.step([p], 1);
      setGrad(p, [0]);
      if (reload) {
        target = make(single, "w", [1], [p.item()]);
        const saved = Object.fromEntries(
          Object.entries(optimizer.tensors()).map(([name, t]) => [name, { shape: t.shape, data: t.toArray() }]),
        );
        const counters = optimizer.counters;
        optimizer = optimizerFrom(optimizer.config);
        optimizer.load([target], saved, counters);
      }
      optimizer.step([target], 1);
      return target.item();
    });
    expect(ends).toEqual([-1.5, -1.5]);
  });

  test("a missing or misshapen tensor is named", () => {
    const p = make(single, "w", [2], [1, 2]);
    expect(() => adam().load([p], {}, { w: 3 })).toThrow('checkpoint: no tensor "optimizer.w.exp_avg", expected [2]');
    const wrong = { "optimizer.w.exp_avg": { shape: [3], data: [1, 2, 3] } };
    expect(() => adam().load([p], wrong, { w: 3 })).toThrow('checkpoint: "optimizer.w.exp_avg" is [3], expected [2]');
  });
});

describe("options", () => {
  test("PyTorch's defaults", () => {
    expect(sgd().config).toEqual({ kind: "sgd", momentum: 0, dampening: 0, nesterov: false, weightDecay: 0, decayOn: "all" });
    expect(rmsprop().config).toMatchObject({ alpha: 0.99, eps: 1e-8, momentum: 0, centered: false, weightDecay: 0 });
    expect(adam().config).toMatchObject({ betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false });
    expect(adamw().config).toMatchObject({ weightDecay: 0.01 });
    expect(adagrad().config).toMatchObject({ lrDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 });
    expect([sgd().rate, rmsprop().rate, adam().rate, adamw().rate, adagrad().rate]).toEqual([1e-3, 1e-2, 1e-3, 1e-3, 1e-2]);
  });

  test("what can't be meant says so", () => {
    expect(() => new Optimizer({ kind: "adma" } as never)).toThrow(
      'optimizer: kind is "adma", expected sgd, rmsprop, adam, adamw, adagrad; did you mean "adam"?',
    );
    expect(() => adam({ beta: 1 } as never)).toThrow(
      'adam: option is "beta", expected weightDecay, decayOn, betas, eps, amsgrad; did you mean "betas"?',
    );
    expect(() => adam({ betas: [0.9, 1] })).toThrow("adam: betas is [0.9,1], expected two numbers from 0, below 1");
    expect(() => sgd({ momentum: -1 })).toThrow("sgd: momentum is -1, expected a number from 0");
    expect(() => sgd({ nesterov: true })).toThrow("expected momentum above 0 and dampening 0");
    expect(() => sgd().step([], Number.NaN)).toThrow("sgd: learning rate is NaN");
  });
});
