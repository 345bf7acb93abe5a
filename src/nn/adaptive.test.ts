/** Adaptive softmax and dropout over time and words. Truth: probabilities that sum to 1, the same loss from them, frequencies of drawn masks. */
import { expect, test } from "vitest";
import { Rng } from "../base/random.ts";
import { createEngine, Engine, wasmBackend } from "../engine/index.ts";
import { code } from "../engine/wasm/plain-f64.embed.ts";
import { AdaptiveSoftmax, Embedding, Init, lockedDropout, parametersOf } from "./index.ts";

const f32 = createEngine({ simd: "plain" });
const f64 = new Engine(wasmBackend("plain-f64", code, 8), { debug: 0 });
const rng = new Rng(14);
const draw = (n: number) => Array.from({ length: n }, () => 2 * rng.uniform() - 1);
const make = (cutoffs: number[], vocabulary = 30) => new AdaptiveSoftmax({ size: 8, vocabulary, cutoffs, divisor: 2 }, new Init(f64, new Rng(2)));

test.each([[[10, 20]], [[1]], [[29]], [[5, 6, 29]]])("cutoffs %j: the words' probabilities sum to 1, and the loss is theirs", (cutoffs) => {
  const softmax = make(cutoffs);
  const x = draw(2 * 3 * 8);
  const target = [0, 29, 7, -100, 12, 25];
  f64.scope(() => {
    const input = f64.tensor([2, 3, 8], x);
    const all = softmax.logProbabilities(input);
    expect(all.shape).toEqual([2, 3, 30]);
    for (let n = 0; n < 6; n++) expect([...all.data.slice(n * 30, (n + 1) * 30)].reduce((s, v) => s + Math.exp(v), 0)).toBeCloseTo(1, 13);
    const due = target.map((t, n) => (t < 0 ? 0 : -all.data[n * 30 + t]!));
    const ids = f64.ints([2, 3], target);
    for (const [n, v] of softmax.nats(input, ids).entries()) expect(v).toBeCloseTo(due[n]!, 13);
    expect(softmax.loss(input, ids).item()).toBeCloseTo(due.reduce((a, b) => a + b) / 5, 13);
  });
});

test("gradients of the loss are central differences, for every parameter and the input", () => {
  const softmax = make([4, 9], 14);
  const values = draw(5 * 8);
  const target = [2, 13, 5, 8, 9];
  const x = f64.param([5, 8], values);
  const loss = () => softmax.loss(x, f64.ints([5], target));
  f64.scope(() => f64.backward(f64.record(loss)));
  for (const [name, p] of [...parametersOf(softmax), ["x", x] as const]) {
    const grad = [...p.grad!];
    for (let i = 0; i < p.size; i += 3) {
      const at = p.data[i]!;
      const value = (step: number) => {
        p.data[i] = at + step;
        const y = f64.scope(() => loss().item());
        p.data[i] = at;
        return y;
      };
      expect((value(1e-5) - value(-1e-5)) / 2e-5, `${name}[${i}]`).toBeCloseTo(grad[i]!, 9);
    }
  }
});

test("a batch without rare words leaves the clusters alone, one without words that count costs nothing", () => {
  const softmax = make([10, 20]);
  f64.scope(() => {
    const x = f64.tensor([2, 8], draw(16));
    f64.backward(f64.record(() => softmax.loss(x, f64.ints([2], [3, 9]))));
    expect(softmax.tails[0]!.up.weight.grad).toBeNull();
    expect(softmax.head.weight.grad!.some((g) => g !== 0)).toBe(true);
    expect(softmax.loss(x, f64.ints([2], [7, 7]), { ignoreIndex: 7 }).item()).toBe(0);
  });
});

test("lockedDropout drops the same units at every step, others elsewhere, and nothing without an rng", () => {
  f32.scope(() => {
    const x = f32.tensor([7, 40, 50], new Float32Array(14_000).fill(1));
    const y = lockedDropout(x, 0.25, new Rng(3));
    const first = [...y.at(0).data];
    for (let l = 1; l < 7; l++) expect([...y.at(l).data]).toEqual(first);
    expect(new Set(first)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    expect(first.filter((v) => v === 0).length / 2000).toBeCloseTo(0.25, 1);
    expect(first.slice(0, 50)).not.toEqual(first.slice(50, 100));
    expect(lockedDropout(x, 0.25, undefined)).toBe(x);
    expect(lockedDropout(x, 0, new Rng(1))).toBe(x);
    expect(() => lockedDropout(x, 1, new Rng(1))).toThrow("p is 1, expected a probability from 0 to below 1");
  });
});

test("dropout of an embedding drops a word wherever it stands", () => {
  const layer = new Embedding({ vocabulary: 400, size: 3 }, new Init(f32, new Rng(5)));
  f32.scope(() => {
    const words = Array.from({ length: 800 }, (_, i) => i % 400);
    const ids = f32.ints([2, 400], words);
    const [plain, y] = [layer.forward(ids), layer.forward(ids, { dropout: 0.3, rng: new Rng(6) })];
    expect(y.shape).toEqual([2, 400, 3]);
    expect([...y.at(1).data]).toEqual([...y.at(0).data]);
    let dropped = 0;
    for (let i = 0; i < 1200; i++) {
      if (y.data[i] === 0) dropped++;
      else expect(y.data[i]).toBeCloseTo(plain.data[i]! / 0.7, 5);
    }
    expect(dropped / 1200).toBeCloseTo(0.3, 1);
    expect([...layer.forward(ids, { dropout: 0.3 }).data]).toEqual([...plain.data]);
  });
});

test("what can not be meant is refused", () => {
  for (const cutoffs of [[], [0], [30], [9, 9], [9, 5], [2.5]]) expect(() => make(cutoffs)).toThrow(`adaptive softmax: cutoffs are [${cutoffs.join(", ")}], expected one or more whole numbers, rising`);
  expect(() => new AdaptiveSoftmax({ size: 8, vocabulary: 30, cutoffs: [3], divisor: 0 }, new Init(f64, null))).toThrow("adaptive softmax: divisor is 0");
  f64.scope(() => {
    const loss = (word: number) => () => make([10]).loss(f64.tensor([1, 8]), f64.ints([1], [word]));
    expect(loss(30)).toThrow("adaptive softmax: target is 30 at place 0, expected 0 to 29 or -100 (ignored)");
    expect(loss(-1)).toThrow("adaptive softmax: target is -1 at place 0");
  });
});
