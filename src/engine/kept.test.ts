/** Packed weights beside parameters. Truth: the same op on a tensor, beside which nothing is kept; what the heap holds. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Rng } from "../base/random.ts";
import { linear } from "../ops/linear.ts";
import { mse } from "../ops/loss.ts";
import { gru } from "../ops/recurrent.ts";
import { adam } from "../train/index.ts";
import { createEngine, type Engine, nativeStatus } from "./index.ts";

const here = nativeStatus().addon !== null;
if (!here) console.log("kept weights: tests skipped, there is no addon");
const native = () => createEngine({ backend: "native" });
const numbers = (seed: number, n: number): Float32Array => {
  const rng = new Rng(seed);
  return Float32Array.from({ length: n }, () => rng.normal() / 4);
};
const [I, H] = [5, 40];
const weights = (e: Engine) => ({
  wx: e.param([3 * H, I], numbers(1, 3 * H * I)),
  wh: e.param([3 * H, H], numbers(2, 3 * H * H)),
});

test.skipIf(!here)("weights written through a view that is held, by an optimizer, or swapped: always those of now", () => {
  const e = native();
  const { wx, wh } = weights(e);
  const x = e.tensor([2, 3, I], numbers(3, 6 * I));
  const target = e.tensor([2, 3, H]);
  const y = (given: { wx: typeof wx; wh: typeof wh }) => [...gru({ x, ...given }).y.data];
  const check = () => {
    const apart = { wx: e.tensor(wx.shape, wx.data), wh: e.tensor(wh.shape, wh.data) };
    expect(y({ wx, wh })).toEqual([...gru({ x, ...apart }).y.data]);
  };
  check();
  check();
  const held = wh.data;
  for (let i = 0; i < 9; i++) {
    held[i * 37] = 0.5 - i;
    check();
  }
  const optimizer = adam();
  for (let i = 0; i < 3; i++) {
    e.backward(e.record(() => mse({ pred: gru({ x, wx, wh }).y, target }).y));
    optimizer.step([wx, wh], 0.1);
    check();
  }
  const other = e.param(wh.shape, numbers(4, 3 * H * H));
  const first = y({ wx, wh });
  expect(y({ wx, wh: other })).not.toEqual(first);
  expect(y({ wx, wh })).toEqual(first);
});

test.skipIf(!here)("one block per parameter and form, at the first call of a few rows", () => {
  const e = native();
  const { wx, wh } = weights(e);
  const call = (L: number, B: number, resetAfter = true) =>
    e.scope(() => void gru({ x: e.tensor([L, B, I]), wx, wh }, { resetAfter }));
  const heap = () => e.memory.usage.heap;
  const before = heap();
  call(1, 1); // met as they stand
  call(100, 64); // packed anew
  expect(heap()).toBe(before);
  call(1, 64);
  const one = heap();
  expect(one - before).toBeGreaterThan(4 * 3 * H * (I + H));
  for (const [L, B] of [
    [2, 64],
    [7, 1],
    [1, 3],
  ] as const)
    call(L, B);
  expect(heap()).toBe(one);
  call(1, 64, false);
  const two = heap();
  expect(two).toBeGreaterThan(one);
  call(1, 64);
  call(1, 64, false);
  expect(heap()).toBe(two);
});

test.skipIf(!here)("nothing beside a view of a parameter, or a tensor", () => {
  const e = native();
  const w = e.param([2, 8, 8], numbers(1, 128));
  const x = e.tensor([4, 8], numbers(2, 32));
  const before = e.memory.usage.heap;
  e.scope(() => {
    linear({ x, w: w.at(1) });
    linear({ x, w: e.tensor([8, 8]) });
  });
  expect(e.memory.usage.heap).toBe(before);
});

test.skipIf(!here)("where memory is short it is done without", () => {
  const y = (e: Engine) => {
    const w = e.param([512, 512], numbers(1, 512 * 512)); // 1 MB, and as much packed, in scratch or beside it
    return e.scope(() => linear({ x: e.tensor([3, 512], numbers(2, 3 * 512)), w }).y.toArray());
  };
  const [short, wide] = [3.5, 5].map((mb) => createEngine({ backend: "native", maxBytes: mb * 2 ** 20 })) as [Engine, Engine];
  expect(y(short)).toEqual(y(wide));
  expect(wide.memory.usage.heap - short.memory.usage.heap).toBeGreaterThan(2 ** 20);
});

test.skipIf(!here)("it is given back with its parameter", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const e = native();
  const before = e.memory.usage.heap;
  for (let i = 0; i < 20; i++) e.scope(() => void linear({ x: e.tensor([3, 100]), w: e.param([100, 100]) }));
  expect(e.memory.usage.heap).toBeGreaterThan(before + 20 * 40_000);
  for (let i = 0; i < 5; i++) {
    gc();
    await new Promise((done) => setTimeout(done, 5));
  }
  expect(e.memory.usage.heap).toBeLessThan(before + 200_000);
});
