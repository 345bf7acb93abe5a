/** Attention layers. Truth: laws (a whole sequence of reads = read by read; an item = itself in a batch; padding is nothing) and what must be learnable. */
import { expect, test } from "vitest";
import { Rng } from "../base/random.ts";
import { createEngine, Engine, type Tensor, wasmBackend } from "../engine/index.ts";
import { mse } from "../ops/loss.ts";
import { sliceLast } from "../ops/shape.ts";
import { code } from "../engine/wasm/plain-f64.embed.ts";
import { Attention, type AttentionKind, AttentionPool } from "./attention.ts";
import { Init } from "./init.ts";
import { parametersOf } from "./module.ts";

const f32 = createEngine({ simd: "plain" });
const f64 = new Engine(wasmBackend("plain-f64", code, 8), { debug: 0 });
const lastColumn = (x: Tensor): Tensor => sliceLast({ x }, { from: x.shape.at(-1)! - 1 }).y.reshape(...x.shape.slice(0, -1));
const kinds: AttentionKind[] = ["additive", "dot", "general"];
const rng = new Rng(8);
const draw = (n: number) => Array.from({ length: n }, () => 2 * rng.uniform() - 1);
const make = (kind: AttentionKind, keySize = 6) => new Attention({ kind, querySize: 6, keySize, size: 5, scaled: true }, new Init(f64, new Rng(1)));

test.each(kinds)("%s: whole = step by step, batch = items, padded = unpadded", (kind) => {
  const attention = make(kind);
  const [query, memory, lengths] = [draw(4 * 3 * 6), draw(5 * 3 * 6), [5, 2, 3]];
  f64.scope(() => {
    const q = f64.tensor([4, 3, 6], query);
    const prepared = attention.prepare(f64.tensor([5, 3, 6], memory), f64.ints([3], lengths));
    const whole = attention.read(q, prepared);
    expect(whole.context.shape).toEqual([4, 3, 6]);
    for (let t = 0; t < 4; t++) {
      const one = attention.read(q.at(t), prepared);
      expect(one.weights.shape).toEqual([3, 5]);
      expect([...one.context.data]).toEqual([...whole.context.at(t).data]);
    }
    for (const [b, n] of lengths.entries()) {
      const item = (values: number[], steps: number, from: number) => Array.from({ length: steps }, (_, s) => values.slice((s * 3 + from) * 6, (s * 3 + from + 1) * 6)).flat();
      const alone = attention.read(f64.tensor([4, 1, 6], item(query, 4, b)), attention.prepare(f64.tensor([n, 1, 6], item(memory, n, b))));
      const here = Array.from({ length: 4 }, (_, t) => [...whole.context.data.slice((t * 3 + b) * 6, (t * 3 + b + 1) * 6)]).flat();
      expect([...alone.context.data]).toEqual(here);
    }
  });
});

/** Adam (Kingma and Ba 2015) on the mean squared error of `forward`, in float32; the last error. */
function descend(model: object, steps: number, rate: number, forward: () => Tensor, target: Tensor): number {
  const moments = [...parametersOf(model).values()].map((p) => ({ p, m: new Float64Array(p.size), v: new Float64Array(p.size) }));
  let error = Number.NaN;
  for (let i = 1; i <= steps; i++) {
    f32.scope(() => {
      for (const { p } of moments) p.grad?.fill(0);
      const loss = f32.record(() => mse({ pred: forward(), target }).y);
      f32.backward(loss);
      for (const { p, m, v } of moments) {
        for (const [j, g] of p.grad!.entries()) {
          m[j] = 0.9 * m[j]! + 0.1 * g;
          v[j] = 0.99 * v[j]! + 0.01 * g * g;
          p.data[j]! -= (rate * (m[j]! / (1 - 0.9 ** i))) / (Math.sqrt(v[j]! / (1 - 0.99 ** i)) + 1e-8);
        }
      }
      error = loss.item();
    });
  }
  return error;
}

test.each(["additive", "general"] as const)("%s learns to look up the value whose key is asked for", (kind) => {
  // A memory step is a one-hot key and a number; the query is the key in another code.
  const [L, B] = [4, 24];
  const random = new Rng(2);
  const order = Array.from({ length: B }, () => [0, 1, 2, 3].map((k) => ({ k, at: random.uniform() })).sort((a, b) => a.at - b.at).map(({ k }) => k));
  const numbers = Array.from({ length: B * L }, () => 2 * random.uniform() - 1);
  const memory = f32.hold([L, B, L + 1]);
  const query = f32.hold([1, B, L]);
  const target = f32.hold([1, B]);
  const [m, q, t] = [memory.data.fill(0), query.data.fill(0), target.data];
  for (let b = 0; b < B; b++) {
    for (let s = 0; s < L; s++) {
      m[(s * B + b) * (L + 1) + order[b]![s]!] = 1;
      m[(s * B + b) * (L + 1) + L] = numbers[b * L + s]!;
    }
    const asked = b % L;
    q[b * L + ((asked + 1) % L)] = 1;
    t[b] = numbers[b * L + order[b]!.indexOf(asked)]!;
  }
  const attention = new Attention({ kind, querySize: L, keySize: L + 1, size: 16 }, new Init(f32, new Rng(4)));
  const pick = () => {
    const { context } = attention.read(query, attention.prepare(memory));
    return lastColumn(context);
  };
  const first = descend(attention, 1, 0, pick, target);
  const last = descend(attention, 500, 0.02, pick, target);
  expect(last).toBeLessThan(first / 20); // some seeds end in a local minimum at first / 35, the others go on to 0
});

test("AttentionPool: weights are shares of the real steps, and padding is nothing", () => {
  const pool = new AttentionPool({ inputSize: 6, size: 4 }, new Init(f64, new Rng(6)));
  expect([...parametersOf(pool).keys()]).toEqual(["key.weight", "key.bias", "v"]);
  const x = draw(5 * 2 * 6);
  f64.scope(() => {
    const { y, weights } = pool.forward(f64.tensor([5, 2, 6], x), f64.ints([2], [3, 0]));
    expect([y.shape, weights.shape]).toEqual([[2, 6], [2, 5]]);
    const w = [...weights.data];
    expect(w.slice(0, 3).reduce((a, b) => a + b)).toBeCloseTo(1, 14);
    expect(w.slice(3)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect([...y.at(1).data]).toEqual([0, 0, 0, 0, 0, 0]);
    const shorter = pool.forward(f64.tensor([3, 2, 6], x.slice(0, 36)), f64.ints([2], [3, 0]));
    expect([...shorter.y.data]).toEqual([...y.data]);
  });
});

test("what can not be meant is refused", () => {
  const init = new Init(f64, null);
  expect(() => new Attention({ kind: "dot", querySize: 4, keySize: 8 }, init)).toThrow("attention: keySize is 8, expected 4; dot compares keys with queries");
  expect(() => new Attention({ kind: "loud" as never, querySize: 4, keySize: 4 }, init)).toThrow('attention: kind is "loud", expected additive, dot or general');
  expect(() => new Attention({ kind: "additive", querySize: 4, keySize: 0 }, init)).toThrow("attention: keySize is 0, expected a whole number from 1");
});
