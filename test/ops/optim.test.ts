/**
 * Optimizer kernels. Truth: PyTorch's formulas in a plain-TypeScript reference over 40 steps, closed forms on a quadratic,
 * clipping done by hand.
 */
import { describe, expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import type { Kernels, Ptr } from "../../src/engine/abi.gen.ts";
import { f32, f64 } from "./engines.ts";
import { optimizer } from "./reference.ts";

const N = 11;
const STEPS = 40;
const start = Array.from({ length: N }, (_, i) => Math.sin(i + 1) * 2);
/** The slope of a bowl that is not the same in every direction, with a wiggle. */
const slope = (x: number, i: number): number => (0.2 + 0.3 * i) * x + 0.1 * Math.cos(3 * x);

/**
 * Follows `slope` with a kernel in float64 (or float32) and with one reference optimizer a number; the furthest that the two
 * come apart.
 */
function apart(
  e: typeof f64,
  update: (k: Kernels, x: Ptr, g: Ptr, state: Ptr[], t: number) => void,
  reference: (x: number) => (g: number) => number,
): number {
  return e.scope(() => {
    const [x, g] = [e.tensor([N], start), e.tensor([N])];
    const state = [e.tensor([N]).ptr, e.tensor([N]).ptr, e.tensor([N]).ptr];
    const others = start.map((v) => ({ x: e === f32 ? Math.fround(v) : v, step: reference(e === f32 ? Math.fround(v) : v) }));
    let most = 0;
    for (let t = 1; t <= STEPS; t++) {
      for (let i = 0; i < N; i++) g.data[i] = slope(x.data[i]!, i);
      update(e.kernels, x.ptr, g.ptr, state, t);
      for (const [i, o] of others.entries()) {
        o.x = o.step(slope(o.x, i));
        most = Math.max(most, Math.abs(o.x - x.data[i]!));
      }
    }
    return most;
  });
}
const both = (update: Parameters<typeof apart>[1], reference: Parameters<typeof apart>[2], single = 2e-5) => {
  expect(apart(f64, update, reference)).toBeLessThan(1e-12);
  expect(apart(f32, update, reference)).toBeLessThan(single);
};

describe("40 steps as PyTorch's formulas go", () => {
  for (const o of [
    { lr: 0.1, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 },
    { lr: 0.05, momentum: 0.9, dampening: 0, nesterov: false, weightDecay: 0.01 },
    { lr: 0.05, momentum: 0.9, dampening: 0.3, nesterov: false, weightDecay: 0 },
    { lr: 0.05, momentum: 0.8, dampening: 0, nesterov: true, weightDecay: 0.02 },
  ]) {
    test(`sgd ${JSON.stringify(o)}`, () => {
      both(
        (k, x, g, [m], t) =>
          k.sgd_update(x, o.momentum ? m! : 0, g, N, o.lr, o.momentum, o.dampening, o.weightDecay, +o.nesterov, +(t === 1), 1, 0),
        (x) => optimizer.sgd(x, o),
      );
    });
  }
  for (const o of [
    { lr: 0.01, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false, weightDecay: 0 },
    { lr: 0.01, alpha: 0.9, eps: 1e-6, momentum: 0.9, centered: true, weightDecay: 0.01 },
  ]) {
    test(`rmsprop ${JSON.stringify(o)}`, () => {
      both(
        (k, x, g, [v, a, m]) =>
          k.rmsprop_update(
            x,
            v!,
            o.centered ? a! : 0,
            o.momentum ? m! : 0,
            g,
            N,
            o.lr,
            o.alpha,
            o.eps,
            o.momentum,
            o.weightDecay,
            1,
            0,
          ),
        (x) => optimizer.rmsprop(x, o),
        1e-4,
      );
    });
  }
  for (const o of [
    { lr: 0.05, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, decoupled: false, amsgrad: false },
    { lr: 0.05, beta1: 0.9, beta2: 0.99, eps: 1e-6, weightDecay: 0.1, decoupled: false, amsgrad: true },
    { lr: 0.05, beta1: 0.8, beta2: 0.999, eps: 1e-8, weightDecay: 0.1, decoupled: true, amsgrad: false },
  ]) {
    test(`adam ${JSON.stringify(o)}`, () => {
      both(
        (k, x, g, [m, v, top], t) =>
          k.adam_update(
            ...([x, m!, v!, o.amsgrad ? top! : 0, g, N, o.lr, o.beta1, o.beta2, o.eps, o.weightDecay, +o.decoupled] as const),
            ...([1 - o.beta1 ** t, 1 - o.beta2 ** t, 1, 0] as const),
          ),
        (x) => optimizer.adam(x, o),
        1e-4,
      );
    });
  }
  test("adagrad", () => {
    const o = { lr: 0.3, eps: 1e-10, weightDecay: 0.01 };
    both(
      (k, x, g, [v]) => k.adagrad_update(x, v!, g, N, o.lr, o.eps, o.weightDecay, 1, 0),
      (x) => optimizer.adagrad(x, o),
    );
  });
});

describe("closed forms on ½ a x²", () => {
  const follow = (steps: number, update: (k: Kernels, x: Ptr, g: Ptr, state: Ptr[], t: number) => void, a = 2) =>
    f64.scope(() => {
      const [x, g] = [f64.tensor([1], [1]), f64.tensor([1])];
      const state = [f64.tensor([1]).ptr, f64.tensor([1]).ptr];
      for (let t = 1; t <= steps; t++) {
        g.data[0] = a * x.data[0]!;
        update(f64.kernels, x.ptr, g.ptr, state, t);
      }
      return x.item();
    });
  test("gradient descent shrinks by 1 − lr·a a step", () => {
    expect(follow(25, (k, x, g) => k.sgd_update(x, 0, g, 1, 0.1, 0, 0, 0, 0, 0, 1, 0))).toBeCloseTo(0.8 ** 25, 15);
  });
  test("heavy ball solves x″ = (1 + μ − lr·a) x′ − μ x", () => {
    const [mu, s] = [0.5, 1 + 0.5 - 0.05 * 2]; // roots of r² − s r + μ: complex, of size √μ
    const [size, angle] = [Math.sqrt(mu), Math.acos(s / 2 / Math.sqrt(mu))];
    // x₀ = 1, x₁ = 1 − lr·a = 0.9 fix the phase
    const sine = (0.9 / size - Math.cos(angle)) / Math.sin(angle);
    const due = size ** 25 * (Math.cos(25 * angle) + sine * Math.sin(25 * angle));
    expect(follow(25, (k, x, g, [m], t) => k.sgd_update(x, m!, g, 1, 0.05, mu, 0, 0, 0, +(t === 1), 1, 0))).toBeCloseTo(due, 14);
  });
  test("the first step of Adam, of Adagrad and of RMSprop has a length of its own, whatever the gradient's", () => {
    for (const a of [1e-3, 2, 1e5]) {
      const adam = follow(
        1,
        (k, x, g, [m, v]) => k.adam_update(x, m!, v!, 0, g, 1, 0.1, 0.9, 0.999, 0, 0, 0, 1 - 0.9, 1 - 0.999, 1, 0),
        a,
      );
      expect(adam).toBeCloseTo(1 - 0.1, 12);
      expect(follow(1, (k, x, g, [v]) => k.adagrad_update(x, v!, g, 1, 0.1, 0, 0, 1, 0), a)).toBeCloseTo(0.9, 12);
      expect(follow(1, (k, x, g, [v]) => k.rmsprop_update(x, v!, 0, 0, g, 1, 0.1, 0.75, 0, 0, 0, 1, 0), a)).toBeCloseTo(
        1 - 0.1 / 0.5,
        12,
      );
    }
  });
});

test("scale comes before clip, and both before weight decay", () => {
  f64.scope(() => {
    const x = f64.tensor([5], [1, 1, 1, 1, 1]);
    f64.kernels.sgd_update(x.ptr, 0, f64.tensor([5], [8, -8, 2, -2, 0]).ptr, 5, 1, 0, 0, 0.25, 0, 0, 0.5, 3);
    expect([...x.data]).toEqual([1 - 3 - 0.25, 1 + 3 - 0.25, 1 - 1 - 0.25, 1 + 1 - 0.25, 1 - 0.25]);
  });
});

describe("whole-array passes", () => {
  test("the first number that is not finite is found wherever it hides", () => {
    const n = 1037;
    f32.scope(() => {
      const x = f32.tensor([n], new Float32Array(n).fill(3e38));
      expect(f32.kernels.first_nonfinite(x.ptr, n)).toBe(-1);
      for (const at of [0, 1, 255, 256, 700, 1023, 1024, 1036]) {
        for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
          x.data[at] = bad;
          if (at + 9 < n) x.data[at + 9] = Number.NaN;
          expect(f32.kernels.first_nonfinite(x.ptr, n)).toBe(at);
          x.data[at] = 1;
          if (at + 9 < n) x.data[at + 9] = 1;
        }
      }
    });
  });
  test("sum of squares is exact in float64 and beyond float32's range", () => {
    const rng = new Rng(8);
    f32.scope(() => {
      for (const n of [0, 1, 2, 3, 4, 5, 1000]) {
        const x = f32.tensor(
          [n],
          Float32Array.from({ length: n }, () => rng.normal()),
        );
        const due = (x.toArray() as Float32Array).reduce((s, v) => s + v * v, 0);
        expect(Math.abs(f32.kernels.sum_squares(x.ptr, n) - due)).toBeLessThanOrEqual(1e-13 * due);
      }
      expect(f32.kernels.sum_squares(f32.tensor([2], [2 ** 100, 2 ** 100]).ptr, 2)).toBe(2 ** 201);
    });
  });
  test("fill, copy and axpy leave their neighbours alone", () => {
    f64.scope(() => {
      for (let n = 0; n <= 9; n++) {
        const [x, y] = [f64.tensor([10], start.slice(0, 10)), f64.tensor([10])];
        f64.kernels.fill(y.ptr, 7, n);
        f64.kernels.axpy(y.ptr, -2, x.ptr, n);
        expect([...y.data]).toEqual(start.slice(0, 10).map((v, i) => (i < n ? 7 - 2 * v : 0)));
        f64.kernels.copy(y.ptr, x.ptr, n);
        expect([...y.data]).toEqual(start.slice(0, 10).map((v, i) => (i < n ? v : 0)));
      }
    });
  });
});
