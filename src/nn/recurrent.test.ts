/** Layers. Truth: laws that every recurrent network obeys, whatever its weights. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rng } from "../base/random.ts";
import { createEngine, Engine, type Tensor, wasmBackend } from "../engine/index.ts";
import { code as f64 } from "../engine/wasm/plain-f64.embed.ts";
import { add } from "../ops/elementwise.ts";
import { mse } from "../ops/loss.ts";
import { Init, parametersOf, Recurrent, type RecurrentConfig, type StackState } from "./index.ts";

const engine = createEngine({ simd: "plain" });
const numbers = (n: number, rng: Rng) => Float32Array.from({ length: n }, () => rng.normal());
const values = (t: Tensor) => Array.from(t.data as Float32Array);
const flat = (state: StackState) => state.flatMap((cell) => cell.flatMap(values));

const kinds: Record<string, Partial<RecurrentConfig>> = {
  gru: { cell: "gru" },
  "gru, reset before": { cell: "gru", resetAfter: false },
  "gru without bias": { cell: "gru", bias: false },
  lstm: { cell: "lstm" },
  "lstm, peepholes": { cell: "lstm", peepholes: true },
  "lstm, projection": { cell: "lstm", projectionSize: 3 },
  rnn: { cell: "rnn" },
  "rnn, relu": { cell: "rnn", nonlinearity: "relu" },
  "gru, zoneout": { cell: "gru", zoneout: 0.3 },
  "lstm, zoneout": { cell: "lstm", zoneout: 0.3 },
  "two layers, residual": { cell: "gru", layers: 2, residual: true, dropout: 0.4 },
};
const build = (kind: Partial<RecurrentConfig>, inputSize: number, hiddenSize: number, seed = 1) =>
  new Recurrent({ ...kind, inputSize, hiddenSize }, new Init(engine, new Rng(seed), "pytorch"));

describe.each(Object.entries(kinds))("%s", (_, kind) => {
  test("whole = in chunks = step by step, to the last bit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 9 }), fc.nat(1000), (L, B, I, H, seed) => {
        engine.scope(() => {
          const net = build(kind, I, H, seed);
          const x = engine.tensor([L, B, I], numbers(L * B * I, new Rng(seed)));
          const whole = net.sequence(x);
          const cut = seed % (L + 1);
          const head = net.sequence(x.slice(0, cut));
          const tail = net.sequence(x.slice(cut, L), { state: cut === 0 ? net.initialState(B) : head.state });
          expect([...(cut > 0 ? values(head.y) : []), ...(cut < L ? values(tail.y) : [])]).toEqual(values(whole.y));
          if (cut < L) expect(flat(tail.state)).toEqual(flat(whole.state));
          let state = net.initialState(B);
          for (let t = 0; t < L; t++) {
            const step = net.step(x.at(t), state);
            state = step.state;
            expect(values(step.y)).toEqual(values(whole.y.at(t)));
          }
          expect(flat(state)).toEqual(flat(whole.state));
        });
      }),
      { numRuns: 25 },
    );
  });

  test.each([false, "concat", "sum"] as const)("padded = unpadded, each item by itself (bidirectional %s)", (bidirectional) => {
    engine.scope(() => {
      const net = build({ ...kind, bidirectional }, 3, 5);
      const [L, lengths] = [6, [6, 3, 1, 4]] as const;
      const B = lengths.length;
      const x = engine.tensor([L, B, 3], numbers(L * B * 3, new Rng(7)));
      const batch = net.sequence(x, { lengths: engine.ints([B], lengths) });
      for (const [b, n] of lengths.entries()) {
        const own = engine.tensor([n, 1, 3]);
        for (let t = 0; t < n; t++) for (let i = 0; i < 3; i++) own.data[t * 3 + i] = x.data[(t * B + b) * 3 + i]!;
        const single = net.sequence(own);
        const width = net.outputSize;
        for (let t = 0; t < L; t++) {
          const row = values(batch.y).slice((t * B + b) * width, (t * B + b + 1) * width);
          // A residual connection adds the (unpadded) input after the recurrence, so only real steps can be compared there.
          if (t < n) expect(row).toEqual(values(single.y.at(t)));
          else if (!kind.residual) expect(row).toEqual(new Array(width).fill(0));
        }
        for (const [k, cell] of single.state.entries()) {
          for (const [j, t] of cell.entries()) {
            const w = t.shape[1]!;
            expect(values(batch.state[k]![j]!).slice(b * w, (b + 1) * w)).toEqual(values(t));
          }
        }
      }
    });
  });
});

test("reverse of the reversed input is the forward run, reversed", () => {
  engine.scope(() => {
    const net = build({ bidirectional: false }, 2, 4);
    const cell = net.cells[0]![0]!;
    const [L, B] = [5, 3];
    const x = engine.tensor([L, B, 2], numbers(L * B * 2, new Rng(3)));
    const turned = engine.tensor([L, B, 2]);
    for (let t = 0; t < L; t++) turned.data.set(x.at(L - 1 - t).data as Float32Array, t * B * 2);
    const forward = cell.sequence(x);
    const backward = cell.sequence(turned, { reverse: true });
    for (let t = 0; t < L; t++) expect(values(backward.y.at(L - 1 - t))).toEqual(values(forward.y.at(t)));
    expect(values(backward.state[0]!)).toEqual(values(forward.state[0]!));
  });
});

test("gates come back and explain the output: h' = (1 − z)∘n + z∘h", () => {
  engine.scope(() => {
    const net = build({ layers: 2 }, 2, 4);
    const [L, B, H] = [4, 2, 4];
    const { y, gates } = net.sequence(engine.tensor([L, B, 2], numbers(L * B * 2, new Rng(5))), { gates: true });
    expect(Object.keys(gates!)).toEqual(["l0.r", "l0.z", "l0.n", "l1.r", "l1.z", "l1.n"]);
    const [z, n, h] = [values(gates!["l1.z"]!), values(gates!["l1.n"]!), values(y)];
    for (let i = B * H; i < L * B * H; i++) expect((1 - z[i]!) * n[i]! + z[i]! * h[i - B * H]!).toBeCloseTo(h[i]!, 6);
  });
  engine.scope(() => {
    const net = build({ cell: "lstm" }, 2, 3);
    expect(Object.keys(net.sequence(engine.tensor([2, 1, 2]), { gates: true }).gates!)).toEqual(["l0.i", "l0.f", "l0.g", "l0.o"]);
  });
});

test("parameters carry PyTorch's names, and counts add up", () => {
  const net = new Recurrent({ cell: "lstm", inputSize: 3, hiddenSize: 4, layers: 2, bidirectional: "concat", projectionSize: 2 }, new Init(engine, new Rng(1)));
  const names = [...parametersOf({ encoder: net }).keys()];
  expect(names.slice(0, 5)).toEqual(["encoder.weight_ih_l0", "encoder.weight_hh_l0", "encoder.bias_ih_l0", "encoder.bias_hh_l0", "encoder.weight_hr_l0"]);
  expect(names).toContain("encoder.weight_hr_l1_reverse");
  expect(names).toHaveLength(20);
  expect(net.cells[1]![0]!.inputSize).toBe(4);
});

test("dropout, zoneout and recurrent dropout act only with a generator, and the same seed draws the same", () => {
  const net = build({ layers: 2, dropout: 0.5, recurrentDropout: 0.3, zoneout: 0.2 }, 3, 6);
  const run = (rng?: Rng) => engine.scope(() => values(net.sequence(engine.tensor([5, 2, 3], numbers(30, new Rng(2))), { rng }).y));
  expect(run()).toEqual(run());
  expect(run(new Rng(9))).toEqual(run(new Rng(9)));
  expect(run(new Rng(9))).not.toEqual(run(new Rng(8)));
  expect(run(new Rng(9))).not.toEqual(run());
});

test("recurrent dropout hides the same units at every step", () => {
  engine.scope(() => {
    const H = 64;
    const net = build({ recurrentDropout: 0.5, bias: false, cell: "rnn" }, 1, H);
    // With identity recurrence and one input pulse, a hidden unit forgets at once and the others double at every step (tanh stays near linear).
    const cell = net.cells[0]![0]! as unknown as { wx: Tensor; wh: Tensor };
    cell.wx.data.fill(1e-6);
    cell.wh.data.fill(0);
    for (let i = 0; i < H; i++) cell.wh.data[i * H + i] = 1;
    const x = engine.tensor([4, 1, 1], [1, 0, 0, 0]);
    const y = net.sequence(x, { rng: new Rng(4) }).y;
    const kept = values(y.at(1)).map((v) => v > 0);
    expect(kept.filter(Boolean).length).toBeGreaterThan(16);
    expect(kept.filter(Boolean).length).toBeLessThan(48);
    for (const t of [2, 3]) expect(values(y.at(t)).map((v) => v > 0)).toEqual(kept);
    values(y.at(3)).forEach((v, i) => expect(v).toBeCloseTo(kept[i] ? 8e-6 : 0, 9));
  });
});

test("first values: orthogonal per gate, forget bias 1, chrono, PyTorch's bounds, and nothing drawn before loading", () => {
  const H = 8;
  const lstm = new Recurrent({ cell: "lstm", inputSize: 3, hiddenSize: H }, new Init(engine, new Rng(1)));
  const p = parametersOf(lstm);
  const wh = p.get("weight_hh_l0")!.data;
  for (let gate = 0; gate < 4; gate++) {
    for (let i = 0; i < H; i++) {
      for (let j = 0; j <= i; j++) {
        let dot = 0;
        for (let k = 0; k < H; k++) dot += wh[(gate * H + i) * H + k]! * wh[(gate * H + j) * H + k]!;
        expect(dot).toBeCloseTo(i === j ? 1 : 0, 5);
      }
    }
  }
  expect(Array.from(p.get("bias_ih_l0")!.data.slice(0, 3 * H))).toEqual([...new Array(H).fill(0), ...new Array(H).fill(1), ...new Array(H).fill(0)]);
  const chrono = parametersOf(new Recurrent({ cell: "gru", inputSize: 1, hiddenSize: H, chrono: 100 }, new Init(engine, new Rng(1)))).get("bias_ih_l0")!.data;
  for (let j = H; j < 2 * H; j++) expect(chrono[j]!).toBeGreaterThanOrEqual(0);
  for (let j = H; j < 2 * H; j++) expect(chrono[j]!).toBeLessThanOrEqual(Math.log(99));
  const torch = parametersOf(new Recurrent({ inputSize: 3, hiddenSize: H }, new Init(engine, new Rng(1), "pytorch")));
  for (const t of torch.values()) for (const v of t.data) expect(Math.abs(v)).toBeLessThanOrEqual(1 / Math.sqrt(H));
  for (const t of parametersOf(new Recurrent({ inputSize: 3, hiddenSize: H }, new Init(engine, null))).values()) expect(t.data.every((v) => v === 0)).toBe(true);
});

test("gradients of a deep bidirectional stack with dropout match central differences", () => {
  const e = new Engine(wasmBackend("f64", f64, 8));
  for (const cell of ["gru", "lstm", "rnn"] as const) {
    const net = new Recurrent({ cell, inputSize: 2, hiddenSize: 3, layers: 2, bidirectional: "concat", dropout: 0.3, residual: true, recurrentDropout: 0.2, zoneout: 0.1 }, new Init(e, new Rng(1), "pytorch"));
    const params = [...parametersOf(net).values()];
    const x = e.tensor([4, 2, 2], numbers(16, new Rng(2)));
    const lengths = e.ints([2], [4, 2]);
    const target = e.tensor([4, 2, 6], numbers(48, new Rng(3)));
    const loss = () => {
      const { y, state } = net.sequence(x, { rng: new Rng(5), lengths });
      const tail = state.flat()[0]!;
      return add({ a: mse({ pred: y, target }).y, b: mse({ pred: tail, target: e.tensor(tail.shape) }).y }).y;
    };
    e.scope(() => e.backward(e.record(loss)));
    for (const p of params) {
      const grad = Array.from(p.grad!);
      for (let i = 0; i < p.size; i += 3) {
        const held = p.data[i]!;
        const at = (v: number) => {
          p.data[i] = v;
          return e.scope(() => loss().item());
        };
        const numeric = (at(held + 1e-5) - at(held - 1e-5)) / 2e-5;
        p.data[i] = held;
        expect(Math.abs(numeric - grad[i]!), `${cell} ${p.name}[${i}]`).toBeLessThan(1e-8);
      }
    }
  }
});

test("what can't be meant is refused with the way out", () => {
  const init = new Init(engine, new Rng(1));
  expect(() => new Recurrent({ inputSize: 0, hiddenSize: 4 }, init)).toThrow(/inputSize is 0, expected a whole number from 1/);
  expect(() => new Recurrent({ inputSize: 1, hiddenSize: 4, zoneout: 1 }, init)).toThrow(/zoneout is 1, expected a probability/);
  expect(() => new Recurrent({ inputSize: 1, hiddenSize: 4, cell: "gur" as "gru" }, init)).toThrow(/cell is "gur", expected gru, lstm or rnn/);
  const both = build({ bidirectional: "concat" }, 2, 3);
  expect(() => both.step(engine.tensor([1, 2]), both.initialState(1))).toThrow(/bidirectional stack has no step/);
  const net = build({}, 2, 3);
  expect(() => net.sequence(engine.tensor([4, 1, 5]))).toThrow("gru: wx is [9, 2], expected [3H, I]; I is 5 (from x)");
  expect(() => net.sequence(engine.tensor([4, 1, 2]), { state: [] })).toThrow(/state has 0 cell states, expected 1/);
});
