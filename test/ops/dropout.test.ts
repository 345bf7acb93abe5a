/** Random masks. Truth: the TypeScript generator draws the same words; laws of dropout; a binomial's spread. */
import { expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import { bernoulli, dropout, dropoutBy, fillUniform } from "../../src/ops/dropout.ts";
import { sum } from "../../src/ops/reduce.ts";
import { engineOf, f32, f64 } from "./engines.ts";

/** A generator far enough on that its block number needs more than 32 bits. */
const far = () => Rng.from({ key: [0xdeadbeef, 0x12345678], block: 2 ** 32 - 2, left: 0 });

test("kernels draw the words of Rng, across the 32-bit border of the block number and at every length", () => {
  for (const n of [1, 3, 4, 15, 16, 17, 33, 64, 100]) {
    const [a, b] = [far(), far()];
    const t = f64.tensor([n]);
    fillUniform(t, -2, 3, a);
    const due = Array.from({ length: n }, () => -2 + 5 * b.uniform());
    expect([...t.data]).toEqual(due);
    while (b.state.left > 0) b.word();
    expect(a.state.block).toBe(b.state.block);
  }
});

test("a mask is 0 where the word is below p·2³² and scale elsewhere", () => {
  const [a, b] = [far(), far()];
  const mask = bernoulli(f32, [5, 7], { p: 0.3, scale: 2, rng: a });
  const due = Array.from({ length: 35 }, () => (b.word() < Math.round(0.3 * 2 ** 32) ? 0 : 2));
  expect([...mask.data]).toEqual(due);
});

test("dropout drops and scales the same elements forward and backward", () => {
  f64.scope(() => {
    const x = f64.tensor(
      [1000],
      Array.from({ length: 1000 }, (_, i) => i + 1),
      { grad: true },
    );
    let y!: ReturnType<typeof dropoutBy>;
    f64.backward(
      f64.record(() => {
        y = dropoutBy(x, 0.25, new Rng(3));
        return sum({ x: y }).y;
      }),
    );
    let kept = 0;
    for (let i = 0; i < 1000; i++) {
      if (y.data[i] !== 0) kept++;
      expect(y.data[i]).toBe(y.data[i] === 0 ? 0 : (i + 1) * (1 / 0.75));
      expect(x.grad![i]).toBe(y.data[i] === 0 ? 0 : 1 / 0.75);
    }
    expect(Math.abs(kept - 750)).toBeLessThan(5 * Math.sqrt(1000 * 0.25 * 0.75));
  });
});

test("p = 0 is the identity, whatever the draw", () => {
  const x = f32.tensor(
    [50],
    Array.from({ length: 50 }, (_, i) => i - 25),
  );
  expect(dropoutBy(x, 0, new Rng(1)).toArray()).toEqual(x.toArray());
});

test("same seed, same mask on another engine; another block, another mask", () => {
  const x = new Float32Array(64).fill(1);
  const draw = (block: number, e = f32) => [...dropout({ x: e.tensor([64], x) }, { key0: 5, key1: 6, block }).y.data];
  expect(draw(9, engineOf("plain"))).toEqual(draw(9));
  expect(draw(25)).not.toEqual(draw(9));
});

test("a probability of 1 or none at all is refused", () => {
  const x = f32.tensor([2]);
  expect(() => dropoutBy(x, 1, new Rng(1))).toThrow("dropout: p is 1, expected a probability from 0 to below 1");
  expect(() => bernoulli(f32, [2], { p: Number.NaN, rng: new Rng(1) })).toThrow("bernoulli: p is NaN");
});
