/**
 * Losses. Truth: closed forms, densities that integrate to 1, an independent plain-TypeScript reference, and what must not
 * matter.
 */
import { describe, expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import type { Engine } from "../../src/engine/engine.ts";
import * as ops from "../../src/ops/loss.ts";
import { weightedMean } from "../../src/ops/reduce.ts";
import { f32, f64 } from "./engines.ts";
import { loss } from "./reference.ts";

const rng = new Rng(5);
const draw = (n: number, size = 2) => Array.from({ length: n }, () => size * (2 * rng.uniform() - 1));
const close = (got: number, due: number, tolerance = 2e-14) =>
  expect(Math.abs(got - due) / Math.max(1, Math.abs(due)), `${got} against ${due}`).toBeLessThan(tolerance);
const mean = (values: number[], weights?: number[]) =>
  values.reduce((s, v, i) => s + v * (weights?.[i] ?? 1), 0) / (weights ? weights.reduce((a, b) => a + b, 0) : values.length);
/** The raw number whose softplus is s. */
const unplus = (s: number) => (s > 40 ? s : Math.log(Math.expm1(s)));

describe("against the reference, weighted and not", () => {
  const N = 13;
  const [p, t] = [draw(N), draw(N)];
  const w = draw(N).map((v, i) => (i === 4 ? 0 : Math.abs(v)));
  const run = (f: (e: Engine, weight: ReturnType<Engine["tensor"]> | undefined) => number, due: number[]) => {
    f64.scope(() => close(f(f64, undefined), mean(due)));
    f64.scope(() => close(f(f64, f64.tensor([N], w)), mean(due, w)));
  };
  const pt = (e: Engine) => ({ pred: e.tensor([N], p), target: e.tensor([N], t) });
  test("mse", () =>
    run(
      (e, weight) => ops.mse({ ...pt(e), weight }).y.item(),
      p.map((v, i) => loss.mse(v, t[i]!)),
    ));
  test("mae", () =>
    run(
      (e, weight) => ops.mae({ ...pt(e), weight }).y.item(),
      p.map((v, i) => loss.mae(v, t[i]!)),
    ));
  test("huber", () =>
    run(
      (e, weight) => ops.huber({ ...pt(e), weight }, { delta: 0.7 }).y.item(),
      p.map((v, i) => loss.huber(v, t[i]!, 0.7)),
    ));
  test("quantile", () => {
    const [q, wide] = [[0.1, 0.5, 0.9], draw(3 * N)];
    const due = t.map((v, i) => mean(q.map((a, k) => loss.pinball(wide[3 * i + k]!, v, a))));
    run(
      (e, weight) =>
        ops.quantile({ pred: e.tensor([N, 3], wide), target: e.tensor([N], t), quantiles: e.tensor([3], q), weight }).y.item(),
      due,
    );
  });
  test("gaussianNll", () => {
    const wide = draw(2 * N, 5);
    const due = t.map((v, i) => loss.gaussian(wide[2 * i]!, wide[2 * i + 1]!, v, 1e-4));
    run((e, weight) => ops.gaussianNll({ pred: e.tensor([N, 2], wide), target: e.tensor([N], t), weight }).y.item(), due);
  });
  test("bceWithLogits", () => {
    const [x, y, f] = [draw(2 * N, 6), draw(2 * N).map((v) => Math.abs(v) / 2), [0.5, 3]];
    const due = x.map((v, i) => loss.bce(v, y[i]!, f[i % 2]!));
    f64.scope(() =>
      close(
        ops
          .bceWithLogits({ logits: f64.tensor([N, 2], x), target: f64.tensor([N, 2], y), positive: f64.tensor([2], f) })
          .y.item(),
        mean(due),
      ),
    );
  });
  test("crossEntropy with class weights, smoothing and ignored targets divides by Σ w[target] (PyTorch)", () => {
    const [x, c] = [draw(4 * N, 3), [0.5, 1, 2, 0.25]];
    const target = Array.from({ length: N }, (_, i) => (i % 5 === 2 ? -100 : i % 4));
    const counted = target.map((k, i) => ({ k, i })).filter(({ k }) => k >= 0);
    const due = counted.reduce((s, { k, i }) => s + w[i]! * loss.crossEntropy(x.slice(4 * i, 4 * i + 4), k, c, 0.1), 0);
    f64.scope(() => {
      const inputs = {
        logits: f64.tensor([N, 4], x),
        target: f64.ints([N], target),
        classWeight: f64.tensor([4], c),
        weight: f64.tensor([N], w),
      };
      close(
        ops.crossEntropy(inputs, { labelSmoothing: 0.1 }).y.item(),
        due / counted.reduce((s, { k, i }) => s + w[i]! * c[k]!, 0),
      );
      close(ops.crossEntropy(inputs, { labelSmoothing: 0.1, reduction: "sum" }).y.item(), due);
    });
  });
});

describe("closed forms", () => {
  const t3 = (e: Engine, z: number, s: number, v: number) =>
    ops
      .studentTNll({ pred: e.tensor([1, 3], [0, unplus(s), unplus(v - 2)]), target: e.tensor([1], [z * s]) }, { minScale: 0 })
      .y.item();
  test("Student's t with 3, 4, 5 and nearly 2 degrees of freedom has an elementary density", () => {
    f64.scope(() => {
      for (const s of [0.1, 1, 7]) {
        for (const z of [0, 0.3, 1, 5, 1e3]) {
          close(t3(f64, z, s, 3), -Math.log((6 * Math.sqrt(3)) / (Math.PI * (3 + z * z) ** 2) / s));
          close(t3(f64, z, s, 4), -Math.log(3 / 8 / (1 + (z * z) / 4) ** 2.5 / s));
          close(t3(f64, z, s, 5), -Math.log(8 / (3 * Math.PI * Math.sqrt(5)) / (1 + (z * z) / 5) ** 3 / s));
        }
      }
      const v2 = ops
        .studentTNll({ pred: f64.tensor([1, 3], [0, unplus(1), -60]), target: f64.tensor([1], [1.5]) }, { minScale: 0 })
        .y.item();
      close(v2, 1.5 * Math.log(2 + 2.25));
    });
  });
  test("Student's t becomes Gaussian, without losing digits, as the degrees of freedom grow", () => {
    f64.scope(() => {
      for (const v of [1e8, 1e12])
        for (const z of [0, 1, 3]) close(t3(f64, z, 1, v), 0.5 * Math.log(2 * Math.PI) + 0.5 * z * z, 1e3 / v + 1e-13);
    });
  });
  test("every t density integrates to 1", () => {
    const steps = 4000;
    for (const v of [2.01, 2.5, 7.7, 25, 400]) {
      f64.scope(() => {
        // z = tan(u), so that the tails are inside: ∫ f(tan u) / cos² u du, trapezoid
        let total = 0;
        for (let i = 1; i < steps; i++) {
          const u = -Math.PI / 2 + (Math.PI * i) / steps;
          total += (Math.exp(-t3(f64, Math.tan(u), 1, v)) / Math.cos(u) ** 2) * (Math.PI / steps);
        }
        close(total, 1, 1e-6);
      });
    }
  });
  test("crossEntropy of equal logits is ln V", () => {
    f64.scope(() => close(ops.crossEntropy({ logits: f64.tensor([2, 5]), target: f64.ints([2], [0, 4]) }).y.item(), Math.log(5)));
  });
  test("bceWithLogits is softplus, exact over the whole range of float64", () => {
    for (let x = -745; x <= 745; x += 0.37) {
      f64.scope(() => {
        const got = ops.bceWithLogits({ logits: f64.tensor([1], [x]), target: f64.tensor([1], [0]) }).y.item();
        const due = Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
        if (due < 2.3e-308)
          expect(got).toBeLessThan(2.3e-308); // what is no normal number may be 0
        else if (!(Math.abs(got / due - 1) < 1e-15)) expect.fail(`softplus(${x}) is ${got}, expected ${due}`);
      });
    }
  });
});

describe("stays finite", () => {
  for (const e of [f32, f64]) {
    test(`with huge numbers (${e.backend})`, () => {
      const big = e === f32 ? 1e30 : 1e100;
      e.scope(() => {
        for (const x of [big, -big, 1e4, -1e4, 88, -88]) {
          const one = (make: () => { y: ReturnType<Engine["tensor"]> }, x0: ReturnType<Engine["tensor"]>) => {
            const y = e.record(() => make().y);
            e.backward(y);
            expect(Number.isFinite(y.item()), `loss of ${x}: ${y.item()}`).toBe(true);
            expect([...x0.grad!].every(Number.isFinite), `gradient of ${x}: ${[...x0.grad!]}`).toBe(true);
          };
          const logits = e.tensor([1, 3], [x, 0, -x], { grad: true });
          one(() => ops.crossEntropy({ logits, target: e.ints([1], [1]) }, { labelSmoothing: 0.1 }), logits);
          const yes = e.tensor([2], [x, x], { grad: true });
          one(() => ops.bceWithLogits({ logits: yes, target: e.tensor([2], [0, 1]) }), yes);
          if (Math.abs(x) > 1e5) continue;
          const normal = e.tensor([1, 2], [x, x], { grad: true });
          one(() => ops.gaussianNll({ pred: normal, target: e.tensor([1], [0]) }), normal);
          const t = e.tensor([1, 3], [x, x, x], { grad: true });
          one(() => ops.studentTNll({ pred: t, target: e.tensor([1], [0]) }), t);
        }
      });
    });
  }
});

test("crossEntropy's gradient does not depend on a common level of the logits", () => {
  f32.scope(() => {
    const slope = (level: number) => {
      const logits = f32.tensor([1, 3], [level + 0.5, level - 1.25, level], { grad: true });
      f32.backward(f32.record(() => ops.crossEntropy({ logits, target: f32.ints([1], [1]) }).y));
      return [...logits.grad!];
    };
    expect(slope(2 ** 20)).toEqual(slope(0));
  });
});

describe("weights", () => {
  test("weight 0 leaves an element out, even NaN, in the value and in the gradient", () => {
    f64.scope(() => {
      const pred = f64.tensor([3], [1, Number.NaN, 4], { grad: true });
      const y = f64.record(() => ops.mse({ pred, target: f64.tensor([3], [0, 0, 2]), weight: f64.tensor([3], [1, 0, 3]) }).y);
      f64.backward(y);
      expect(y.item()).toBe((1 + 3 * 4) / 4);
      expect([...pred.grad!]).toEqual([0.5, 0, 3]);
    });
  });
  test("no weight at all gives 0 and no gradient", () => {
    f32.scope(() => {
      const x = f32.tensor([2], [1, 2], { grad: true });
      const y = f32.record(() => weightedMean({ x, weight: f32.tensor([2]) }).y);
      f32.backward(y);
      expect([y.item(), ...x.grad!]).toEqual([0, 0, 0]);
      const logits = f32.tensor([2, 3], undefined, { grad: true });
      expect(ops.crossEntropy({ logits, target: f32.ints([2], [-100, -100]) }).y.item()).toBe(0);
    });
  });
  test("a mean over a million elements keeps float32's digits", () => {
    f32.scope(() =>
      close(
        ops.mse({ pred: f32.tensor([1e6], new Float32Array(1e6).fill(0.1)), target: f32.tensor([1e6]) }).y.item(),
        Math.fround(0.1) ** 2,
        1e-7,
      ),
    );
  });
});

test("what can not be meant is refused", () => {
  f32.scope(() => {
    const x = { pred: f32.tensor([2]), target: f32.tensor([2]) };
    expect(() => ops.mse(x, { reduction: "avg" })).toThrow('loss: reduction is "avg", expected "mean" or "sum"');
    expect(() => ops.huber(x, { delta: 0 })).toThrow("huber: delta is 0, expected a number above 0");
    const c = { logits: f32.tensor([2, 3]), target: f32.ints([2], [0, 3]) };
    expect(() => ops.crossEntropy(c)).toThrow(
      "crossEntropy: target is 3 at place 1, expected 0 to 2 or -100 (ignored); V is 3 (from logits)",
    );
    expect(() => ops.crossEntropy(c, { labelSmoothing: 2 })).toThrow(
      "crossEntropy: labelSmoothing is 2, expected a share from 0 to 1",
    );
  });
});
