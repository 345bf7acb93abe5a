/** Attention. Truth: the papers' formulas in plain TypeScript, one number at a time; and laws (a sequence of reads is its reads; padding is nothing). */
import { expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import { additiveAttention, dotAttention } from "../../src/ops/index.ts";
import { f32, f64 } from "./engines.ts";

const rng = new Rng(3);
const draw = (n: number) => Array.from({ length: n }, () => 2 * rng.uniform() - 1);
const [Q, L, B, A, H] = [3, 7, 4, 21, 70];
const lengths = [7, 1, 0, 5];
const numbers = { query: draw(Q * B * A), keys: draw(L * B * A), v: draw(A), values: draw(L * B * H) };

/** context [Q, B, H] and weights [Q, B, L] from a score of query row `i` and key row `j`. */
function reference(score: (i: number, j: number) => number) {
  const context: number[] = [];
  const weights: number[] = [];
  for (let q = 0; q < Q; q++) {
    for (let b = 0; b < B; b++) {
      const e = Array.from({ length: lengths[b]! }, (_, s) => Math.exp(score(q * B + b, s * B + b)));
      const sum = e.reduce((x, y) => x + y, 0);
      for (let s = 0; s < L; s++) weights.push(s < e.length ? e[s]! / sum : 0);
      for (let h = 0; h < H; h++) context.push(e.reduce((x, w, s) => x + (w / sum) * numbers.values[(s * B + b) * H + h]!, 0));
    }
  }
  return { context, weights };
}
const additive = (i: number, j: number) =>
  numbers.v.reduce((sum, v, a) => sum + v * Math.tanh(numbers.query[i * A + a]! + numbers.keys[j * A + a]!), 0);
const product = (i: number, j: number) =>
  numbers.v.reduce((sum, _, a) => sum + 0.25 * numbers.query[i * A + a]! * numbers.keys[j * A + a]!, 0);

for (const [name, due, run] of [
  ["additive", reference(additive), additiveAttention],
  ["dot", reference(product), ((x) => dotAttention(x, { scale: 0.25 })) as typeof additiveAttention],
] as const) {
  for (const [engine, limit] of [
    [f64, 1e-14],
    [f32, 1e-6],
  ] as const) {
    test(`${name} against the formula, ${engine.backend}`, () => {
      engine.scope(() => {
        const x = {
          query: engine.tensor([Q, B, A], numbers.query),
          keys: engine.tensor([L, B, A], numbers.keys),
          ...(name === "additive" ? { v: engine.tensor([A], numbers.v) } : {}),
          values: engine.tensor([L, B, H], numbers.values),
          lengths: engine.ints([B], lengths),
        } as Parameters<typeof additiveAttention>[0];
        const got = run(x);
        for (const key of ["context", "weights"] as const) {
          for (const [i, v] of got[key].data.entries()) expect(Math.abs(v - due[key][i]!), `${key}[${i}]`).toBeLessThan(limit);
        }
        for (const [i, w] of due.weights.entries()) if (w === 0) expect(got.weights.data[i]).toBe(0);
        // One read after the other gives the same bits as all at once.
        for (let q = 0; q < Q; q++) {
          const one = run({ ...x, query: x.query.slice(q, q + 1) });
          expect([...one.context.data]).toEqual([...got.context.slice(q, q + 1).data]);
        }
      });
    });
  }

  test(`${name}: what lies beyond an item's length has no effect, even NaN, and gets no gradient`, () => {
    f64.scope(() => {
      const gradients = [0, Number.NaN].map((beyond) => {
        const padded = (n: number, from: readonly number[]) =>
          f64.tensor([L, B, n], from.map((x, i) => (Math.floor(i / (B * n)) < lengths[Math.floor(i / n) % B]! ? x : beyond)), { grad: true });
        const [keys, values] = [padded(A, numbers.keys), padded(H, numbers.values)];
        const query = f64.tensor([Q, B, A], numbers.query, { grad: true });
        const loss = f64.record(() => {
          const x = { query, keys, v: f64.tensor([A], numbers.v), values, lengths: f64.ints([B], lengths) };
          const { context, weights } = run(x);
          return dotAttention({ query: context.reshape(1, 1, Q * B * H), keys: context.reshape(1, 1, Q * B * H), values: weights.reshape(1, 1, Q * B * L) })
            .context.reshape(Q * B * L)
            .slice(0, 1);
        });
        f64.backward(loss);
        return [[...query.grad!], [...keys.grad!], [...values.grad!]];
      });
      expect(gradients[1]).toEqual(gradients[0]);
      const beyond = gradients[0]![1]!.filter((_, i) => Math.floor(i / (B * A)) >= lengths[Math.floor(i / A) % B]!);
      expect(beyond.every((g) => g === 0)).toBe(true);
      expect(gradients[0]![1]!.some((g) => g !== 0)).toBe(true);
    });
  });
}

test("scores of any size leave no NaN behind", () => {
  f32.scope(() => {
    const keys = f32.tensor([2, 1, 1], [3e4, -3e4], { grad: true });
    const query = f32.tensor([1, 1, 1], [3e4]);
    const context = f32.record(() => dotAttention({ query, keys, values: f32.tensor([2, 1, 1], [5, 7]) }).context.reshape(1));
    f32.backward(context);
    expect([context.item(), ...keys.grad!]).toEqual([5, 0, 0]);
  });
});
