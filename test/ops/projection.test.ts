/** projectedCrossEntropy. Truth: `linear` followed by `crossEntropy`, and what must not matter (blocks, what is left out). */
import { expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { crossEntropy, linear, projectedCrossEntropy } from "../../src/ops/index.ts";
import { f32, f64 } from "./engines.ts";

/** Loss, gradients of x, w and b, and the loss of each row, both ways. */
function both(N: number, H: number, V: number, options: object, engine = f64) {
  const rng = new Rng(11);
  const draw = (n: number, size = 1) => Array.from({ length: n }, () => Math.fround(size * (2 * rng.uniform() - 1)));
  const target = Array.from({ length: N }, (_, i) => (i % 7 === 3 ? -100 : rng.below(V)));
  const weights = Array.from({ length: N }, (_, i) => (i % 5 === 1 ? 0 : Math.fround(rng.uniform() + 0.5)));
  const [x, w, b] = [draw(N * H), draw(V * H, 2), draw(V)];
  const run = (loss: (given: { x: Tensor; w: Tensor; b: Tensor }, rest: { target: Tensor; weight: Tensor }) => Tensor) =>
    engine.scope(() => {
      const given = {
        x: engine.tensor([N, H], x, { grad: true }),
        w: engine.tensor([V, H], w, { grad: true }),
        b: engine.tensor([V], b, { grad: true }),
      };
      const y = engine.record(() => loss(given, { target: engine.ints([N], target), weight: engine.tensor([N], weights) }));
      engine.backward(y, 0.75);
      return { y: y.item(), dx: [...given.x.grad!], dw: [...given.w.grad!], db: [...given.b.grad!] };
    });
  let nats: number[] = [];
  const fused = run((given, rest) => {
    const made = projectedCrossEntropy({ ...given, ...rest }, { ...options, want: ["nats"] });
    nats = [...made.nats!.data];
    return made.y;
  });
  const apart = run(({ x, w, b }, rest) => crossEntropy({ logits: linear({ x, w, b }).y, ...rest }, options).y);
  return { fused, apart, nats, target, weights };
}

for (const [N, H, V] of [
  [1, 5, 3],
  [2, 3, 70],
  [70, 33, 65],
  [300, 9, 517], // two blocks of rows
] as const) {
  test.each([{}, { labelSmoothing: 0.1 }, { reduction: "sum" }])(`${N} rows, ${H} in, ${V} words, %o`, (options) => {
    const { fused, apart, nats, target, weights } = both(N, H, V, options);
    for (const key of ["dx", "dw", "db"] as const) {
      for (const [i, g] of fused[key].entries()) expect(Math.abs(g - apart[key][i]!), `${key}[${i}]`).toBeLessThan(1e-12);
    }
    expect(fused.y).toBeCloseTo(apart.y, 11);
    const counts = weights.map((v, i) => (target[i] === -100 ? 0 : v));
    for (const [i, c] of counts.entries()) if (c === 0) expect(nats[i]).toBe(0);
    const sum = nats.reduce((s, v, i) => s + v * counts[i]!, 0);
    expect(fused.y).toBeCloseTo("reduction" in options ? sum : sum / counts.reduce((s, c) => s + c, 0), 11);
  });
}

test("in float32 it is as near to float64 as the two ops apart, for a vocabulary of thousands", () => {
  const sizes = [20, 16, 5000, { labelSmoothing: 0.1 }] as const;
  const due = both(...sizes).apart;
  const { fused, apart } = both(...sizes, f32);
  expect(Math.abs(fused.y / due.y - 1)).toBeLessThan(1e-7);
  for (const key of ["dx", "dw", "db"] as const) {
    const largest = Math.max(...due[key].map(Math.abs));
    const error = (got: number[]) => Math.max(...got.map((g, i) => Math.abs(g - due[key][i]!) / largest));
    expect(error(fused[key]), key).toBeLessThan(1.5 * error(apart[key]));
    expect(error(fused[key]), key).toBeLessThan(1e-5);
  }
});

test("logits of any size give finite numbers, and nothing that counts gives 0", () => {
  f32.scope(() => {
    const x = f32.tensor([2, 1], [1e4, -1e4], { grad: true });
    const given = { x, w: f32.tensor([3, 1], [1e4, 0, -1e4]) };
    const y = f32.record(() => projectedCrossEntropy({ ...given, target: f32.ints([2], [0, 0]) }).y);
    f32.backward(y);
    expect(y.item()).toBe(1e8);
    expect([...x.grad!]).toEqual([0, -1e4]);
    expect(projectedCrossEntropy({ ...given, target: f32.ints([2], [-100, -100]) }).y.item()).toBe(0);
  });
});

test("memory does not grow with rows × words", () => {
  const made = f32.scope(() => {
    const before = f32.memory.usage.total;
    projectedCrossEntropy({ x: f32.tensor([20_000, 4]), w: f32.tensor([5000, 4]), target: f32.ints([20_000], new Int32Array(20_000).fill(-100)) });
    return f32.memory.usage.total - before;
  });
  expect(made).toBeLessThan(20_000 * 5000); // the logits alone would be four times as much
});

test("what can not be meant is refused", () => {
  f32.scope(() => {
    const x = { x: f32.tensor([2, 3]), w: f32.tensor([4, 3]), target: f32.ints([2], [0, 4]) };
    expect(() => projectedCrossEntropy(x)).toThrow("projectedCrossEntropy: target is 4 at place 1, expected 0 to 3 or -100 (ignored); V is 4 (from w)");
    expect(() => projectedCrossEntropy(x, { labelSmoothing: -1 })).toThrow("projectedCrossEntropy: labelSmoothing is -1, expected a share from 0 to 1");
    expect(() => projectedCrossEntropy(x, { reduction: "avg" })).toThrow('loss: reduction is "avg"');
  });
});
