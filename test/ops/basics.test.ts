/**
 * Elementwise ops, softmax, layer norm, pooling, embedding and shapes. Truth: Math.*, an independent reference, sums by hand;
 * gradients are the table test's.
 */
import { describe, expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import * as ops from "../../src/ops/index.ts";
import { f32, f64 } from "./engines.ts";
import * as reference from "./reference.ts";

const rng = new Rng(11);
const draw = (n: number, size = 1) => Array.from({ length: n }, () => size * (2 * rng.uniform() - 1));

/**
 * The largest relative error of `got` where `due` is a normal number; where it is not, they must agree exactly or both be tiny.
 */
function worst(got: ArrayLike<number>, due: readonly number[], tiny: number): number {
  let most = 0;
  for (const [i, d] of due.entries()) {
    const g = got[i]!;
    if (Object.is(g, d) || (Math.abs(d) < tiny && Math.abs(g) <= tiny)) continue;
    const error = Math.abs(g - d) / Math.abs(d);
    most = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(most, error);
  }
  return most;
}

describe("activations over their whole range", () => {
  for (const [e, limit, tiny] of [
    [f32, 3e-7, 2 ** -126],
    [f64, 1e-14, 2 ** -1022],
  ] as const) {
    const grid = [
      0,
      -0,
      Infinity,
      -Infinity,
      NaN,
      ...Array.from({ length: 4001 }, (_, i) => (i - 2000) / 20),
      ...draw(500, 1e-3),
      ...draw(500, 1000),
      ...draw(500, 1e-20),
    ];
    const xs = e === f32 ? [...Float32Array.from(grid)] : grid;
    const cap = (v: number) => (e === f32 ? (Math.abs(v) > 3.4028235677973366e38 ? Math.sign(v) * Infinity : v) : v);
    const softplus = (x: number) => (x === Infinity ? x : Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))));
    const sigmoid = (x: number) => (x > 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
    for (const [name, op, f] of [
      ["tanh", ops.tanh, Math.tanh],
      ["exp", ops.exp, Math.exp],
      ["softplus", ops.softplus, softplus],
      ["sigmoid", ops.sigmoid, sigmoid],
      ["relu", ops.relu, (x: number) => Math.max(0, x)],
    ] as const) {
      test(`${name} ${e.backend}`, () => {
        e.scope(() =>
          expect(
            worst(
              op({ x: e.tensor([xs.length], xs) }).y.data,
              xs.map((x) => cap(f(x))),
              tiny,
            ),
          ).toBeLessThan(limit),
        );
      });
    }
  }
});

test("softmax and its logarithm: reference, rows that sum to 1, no logit too large", () => {
  for (const C of [1, 2, 3, 4, 5, 8, 17, 100]) {
    const x = draw(3 * C, 5);
    f64.scope(() => {
      const t = f64.tensor([3, C], x);
      const [p, l] = [ops.softmax({ x: t }).y.data, ops.logSoftmax({ x: t }).y.data];
      for (let r = 0; r < 3; r++) {
        const due = reference.logSoftmax(x.slice(r * C, (r + 1) * C));
        for (let c = 0; c < C; c++) {
          expect(Math.abs(l[r * C + c]! - due[c]!)).toBeLessThan(1e-13);
          expect(Math.abs(p[r * C + c]! - Math.exp(due[c]!))).toBeLessThan(1e-14);
        }
        expect(Array.from(p.slice(r * C, (r + 1) * C)).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 13);
      }
    });
  }
  for (const [e, big] of [
    [f32, 3e38],
    [f64, 1e308],
  ] as const) {
    e.scope(() => {
      expect([...ops.softmax({ x: e.tensor([1, 3], [big, -big, big]) }).y.data]).toEqual([0.5, 0, 0.5]);
      expect([...ops.logSoftmax({ x: e.tensor([1, 2], [1e4, 0]) }).y.data]).toEqual([0, -1e4]);
    });
  }
});

test("layerNorm: reference, with and without gain and bias; a large common level does not hurt", () => {
  for (const H of [1, 2, 7, 64]) {
    const [x, gain, bias] = [draw(2 * H, 3), draw(H), draw(H)];
    f64.scope(() => {
      for (const [g, b] of [
        [gain, bias],
        [gain, undefined],
        [undefined, bias],
        [undefined, undefined],
      ]) {
        const y = ops.layerNorm(
          { x: f64.tensor([2, H], x), gain: g && f64.tensor([H], g), bias: b && f64.tensor([H], b) },
          { eps: 1e-3 },
        ).y.data;
        const due = [0, 1].flatMap((r) => reference.layerNorm(x.slice(r * H, (r + 1) * H), g, b, 1e-3));
        expect(Math.max(...due.map((v, i) => Math.abs(v - y[i]!)))).toBeLessThan(1e-13);
      }
    });
  }
  f32.scope(() => {
    const y = ops.layerNorm({ x: f32.tensor([1, 4], [1e6 + 1, 1e6 + 2, 1e6 + 3, 1e6 + 4]) }, { eps: 0 }).y.data;
    expect(y[3]!).toBeCloseTo(1.5 / Math.sqrt(1.25), 6);
  });
});

test("pooling never reads padded steps, gives zeros for length 0, and passes NaN on", () => {
  f64.scope(() => {
    const [L, B, H] = [3, 4, 2];
    const pad = 1e9;
    const x = f64.tensor(
      [L, B, H],
      [1, -1, 5, -5, pad, pad, 7, 7, 3, -3, pad, pad, pad, pad, NaN, 8, 2, -9, pad, pad, pad, pad, 1, 9],
    );
    const lengths = f64.ints([B], [3, 1, 0, 3]);
    expect([...ops.lastStep({ x, lengths }).y.data]).toEqual([2, -9, 5, -5, 0, 0, 1, 9]);
    expect([...ops.maxPool({ x, lengths }).y.data]).toEqual([3, -1, 5, -5, 0, 0, NaN, 9]);
    expect([...ops.meanPool({ x, lengths }).y.data]).toEqual([2, -13 / 3, 5, -5, 0, 0, NaN, 8]);
    expect([...ops.lastStep({ x }).y.data]).toEqual([...x.at(-1).data]);
  });
});

test("of several equal maxima the first step gets the gradient", () => {
  f64.scope(() => {
    const x = f64.tensor([3, 1, 2], [1, 4, 2, 4, 2, 4], { grad: true });
    f64.backward(f64.record(() => ops.sum({ x: ops.maxPool({ x }).y }).y));
    expect([...x.grad!]).toEqual([0, 1, 1, 0, 0, 0]);
  });
});

describe("embedding", () => {
  test("takes rows; gradients of a row used twice add up; the padding row gets none", () => {
    f64.scope(() => {
      const weight = f64.tensor([3, 2], [1, 2, 3, 4, 5, 6], { grad: true });
      const ids = f64.ints([2, 2], [2, 0, 2, 1]);
      const y = f64.record(() => ops.embedding({ ids, weight }, { paddingIndex: 1 }).y);
      expect(y.shape).toEqual([2, 2, 2]);
      expect([...y.data]).toEqual([5, 6, 1, 2, 5, 6, 3, 4]);
      f64.backward(f64.record(() => ops.sum({ x: ops.embedding({ ids, weight }, { paddingIndex: 1 }).y }).y));
      expect([...weight.grad!]).toEqual([1, 1, 0, 0, 2, 2]);
    });
  });
  test("an id outside the table is named", () => {
    f32.scope(() => {
      const weight = f32.tensor([4, 2]);
      expect(() => ops.embedding({ ids: f32.ints([3], [0, 4, 9]), weight })).toThrow(
        "embedding: ids is 4 at place 1, expected 0 to 3; V is 4 (from weight)",
      );
      expect(() => ops.embedding({ ids: f32.ints([1], [-1]), weight })).toThrow("embedding: ids is -1 at place 0");
    });
  });
});

test("copies that rearrange", () => {
  f32.scope(() => {
    const x = f32.tensor([2, 3, 1], [1, 2, 3, 4, 5, 6]);
    expect([...ops.transpose01({ x }).y.data]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...ops.concat({ a: x.reshape(2, 3), b: f32.tensor([2, 1], [7, 8]) }).y.data]).toEqual([1, 2, 3, 7, 4, 5, 6, 8]);
    expect([...ops.sliceLast({ x: x.reshape(2, 3) }, { from: 1, to: 2 }).y.data]).toEqual([2, 5]);
    expect([...ops.repeat({ x: x.reshape(2, 3) }, { times: 2 }).y.data]).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
    expect([...ops.addOuter({ a: f32.tensor([2, 1], [1, 2]), e: f32.tensor([3, 1], [10, 20, 30]) }).y.data]).toEqual([
      11, 12, 21, 22, 31, 32,
    ]);
    expect([...ops.scaleShift({ x, s: f32.tensor([3], [1, 2, 3]), t: f32.tensor([3], [0, 0, 1]) }).y.data]).toEqual([
      1, 4, 10, 4, 10, 19,
    ]);
    expect(() => ops.sliceLast({ x }, { from: 1, to: 3 })).toThrow(
      "sliceLast: from 1 to 3, expected 0 ≤ from ≤ to ≤ 1; C is 1 (from x)",
    );
    expect(() => ops.repeat({ x: x.reshape(2, 3) }, { times: 0 })).toThrow("repeat: times is 0, expected a whole number from 1");
  });
});
