/** Streaming. Truth: `sequence` on the same weights, to the last bit; for rounded weights the same network with its weights rounded. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rng } from "../base/random.ts";
import { createEngine, Engine, nativeStatus, type Tensor, wasmBackend } from "../engine/index.ts";
import { code as f64 } from "../engine/wasm/plain-f64.embed.ts";
import { code as infer } from "../engine/wasm/plain-infer.embed.ts";
import { Init, Linear, Recurrent, type RecurrentConfig } from "./index.ts";
import { StreamPlan } from "./stream-plan.ts";

const engine = createEngine({ simd: "plain" });
const gunzip = async (base64: string) =>
  new Uint8Array(await new Response(new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
const engines: Record<string, Engine> = {
  "wasm-plain": engine,
  "wasm-plain-infer": new Engine(wasmBackend("wasm-plain-infer", await gunzip(infer))),
  float64: new Engine(wasmBackend("wasm-plain-f64", f64, 8)),
  // Every instruction set of the addon, where there is one.
  ...Object.fromEntries((nativeStatus().addon?.isas ?? []).map((isa) => [`native-${isa}`, createEngine({ isa })])),
};

const kinds: Record<string, Partial<RecurrentConfig>> = {
  gru: { cell: "gru" },
  "gru, reset before": { cell: "gru", resetAfter: false },
  "gru without bias": { cell: "gru", bias: false },
  lstm: { cell: "lstm" },
  "lstm, peepholes": { cell: "lstm", peepholes: true },
  "lstm, projection": { cell: "lstm", projectionSize: 3 },
  "lstm, everything": { cell: "lstm", projectionSize: 4, peepholes: true, zoneout: 0.2 },
  rnn: { cell: "rnn" },
  "rnn, relu": { cell: "rnn", nonlinearity: "relu" },
  "gru, zoneout": { cell: "gru", zoneout: 0.3 },
  "gru reset before, zoneout": { cell: "gru", resetAfter: false, zoneout: 0.3 },
  "rnn, zoneout": { cell: "rnn", zoneout: 0.3 },
};

const numbers = (n: number, rng: Rng) => Float32Array.from({ length: n }, () => rng.normal());
/** Every parameter drawn, peepholes and biases too. */
function build(e: Engine, config: RecurrentConfig, heads: readonly number[], seed: number): { net: Recurrent; head: Linear[] } {
  const init = new Init(e, new Rng(seed), "pytorch");
  const net = new Recurrent(config, init);
  for (const p of Object.values(net.parameters())) if (p.shape[0] === 3) p.data.set(numbers(p.size, new Rng(seed + 1)));
  let inputSize = net.outputSize;
  const head = heads.map((outputSize, i) => {
    const layer = new Linear({ inputSize, outputSize, bias: i % 2 === 0 }, init);
    inputSize = outputSize;
    return layer;
  });
  return { net, head };
}
/** What sequence() and the heads give: [L, B, O]. */
function whole(net: Recurrent, head: readonly Linear[], x: Tensor): number[] {
  const { y } = net.sequence(x);
  return Array.from(head.reduce((h, layer) => layer.forward(h), y).data as Float32Array);
}
/** All results of a stream, one after the other. */
const run = (s: { push(x: ArrayLike<number>): Float32Array }, data: Float32Array, width: number) =>
  Array.from({ length: data.length / width }, (_, t) => Array.from(s.push(data.subarray(t * width, (t + 1) * width)))).flat();

const shape = fc.record({
  L: fc.integer({ min: 1, max: 5 }),
  B: fc.integer({ min: 1, max: 6 }),
  I: fc.integer({ min: 1, max: 9 }),
  H: fc.oneof(fc.integer({ min: 1, max: 19 }), fc.constantFrom(31, 32, 33, 48, 70)),
  layers: fc.integer({ min: 1, max: 3 }),
  residual: fc.boolean(),
  heads: fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 2 }),
  seed: fc.nat(1000),
});

describe.each(Object.entries(engines))("%s", (_, e) => {
  test.each(Object.entries(kinds))("%s: streamed = sequence, alone and beside others, to the last bit", (__, kind) => {
    fc.assert(
      fc.property(shape, ({ L, B, I, H, layers, residual, heads, seed }) => {
        e.scope(() => {
          const { net, head } = build(e, { ...kind, inputSize: I, hiddenSize: H, layers, residual }, heads, seed);
          const data = numbers(L * B * I, new Rng(seed + 2));
          const due = whole(net, head, e.tensor([L, B, I], data));
          const O = due.length / (L * B);
          const many = net.streams(B, { head });
          const alone = net.stream({ head });
          expect([many.inputSize, many.outputSize, alone.inputSize, alone.outputSize]).toEqual([I, O, I, O]);
          for (let t = 0; t < L; t++) {
            expect(Array.from(many.push(data.subarray(t * B * I, (t + 1) * B * I)))).toEqual(due.slice(t * B * O, (t + 1) * B * O));
          }
          for (let b = 0; b < B; b++) {
            alone.reset();
            for (let t = 0; t < L; t++) {
              const y = alone.push(data.subarray((t * B + b) * I, (t * B + b + 1) * I));
              expect(Array.from(y)).toEqual(due.slice((t * B + b) * O, (t * B + b + 1) * O));
            }
            expect(alone.snapshot()).toEqual(many.snapshot(b));
          }
        });
      }),
      { numRuns: e === engine ? 15 : 5 },
    );
  });

  test("weights beyond the cache, read from both sides in turn: streamed = sequence, to the last bit", () => {
    for (const [kind, I, H] of [["gru", 70, 230], ["gru, reset before", 260, 230], ["lstm", 192, 192], ["lstm, projection", 200, 256]] as const) {
      e.scope(() => {
        const { net, head } = build(e, { ...kinds[kind], inputSize: I, hiddenSize: H, ...(kind === "lstm, projection" ? { projectionSize: 150 } : {}) }, [300], H);
        const [L, B] = [4, 3];
        const data = numbers(L * B * I, new Rng(I));
        const due = whole(net, head, e.tensor([L, B, I], data));
        expect(run(net.streams(B, { head }), data, B * I)).toEqual(due); // an odd number of rows, one after the other
        const first = Float32Array.from({ length: L * I }, (_, i) => data[Math.floor(i / I) * B * I + (i % I)]!);
        expect(run(net.stream({ head }), first, I)).toEqual(due.filter((_, i) => i % (B * 300) < 300));
      });
    }
  });

  test.runIf(e.bytes === 4)("rounded weights are the same numbers as on wasm-plain, but for the last bits", () => {
    for (const weights of ["bf16", "int8"] as const) {
      for (const H of [3, 17, 64]) {
        const results = [engine, e].map((one) => {
          const { net, head } = build(one, { cell: "lstm", inputSize: 7, hiddenSize: H, projectionSize: 5 }, [2], H);
          return run(net.stream({ head, weights }), numbers(30 * 7, new Rng(H)), 7);
        });
        for (const [i, y] of results[0]!.entries()) expect(results[1]![i]).toBeCloseTo(y, 5);
      }
    }
  });
});

test("large sizes: several blocks of a product and of sessions", () => {
  engine.scope(() => {
    const { net, head } = build(engine, { cell: "lstm", inputSize: 300, hiddenSize: 270, projectionSize: 260 }, [5], 3);
    const [L, B] = [2, 130];
    const data = numbers(L * B * 300, new Rng(9));
    const due = whole(net, head, engine.tensor([L, B, 300], data));
    const many = net.streams(B, { head });
    const got = [0, 1].flatMap((t) => Array.from(many.push(data.subarray(t * B * 300, (t + 1) * B * 300))));
    expect(got).toEqual(due);
  });
});

/** To the nearest bfloat16, ties to even, written down independently of the kernel: the upper half of a float, rounded as a whole number. */
function bfloat(x: number): number {
  const bits = new Uint32Array(Float32Array.of(x).buffer)[0]!;
  const [low, high] = [bits % 65536, Math.floor(bits / 65536)];
  const up = low > 32768 || (low === 32768 && high % 2 === 1);
  return new Float32Array(Uint32Array.of((high + (up ? 1 : 0)) * 65536).buffer)[0]!;
}
const big: RecurrentConfig = { cell: "gru", inputSize: 24, hiddenSize: 40, layers: 2 };

describe("rounded weights", () => {
  test.each(Object.entries(kinds))("%s: bf16 gives the bits of the network whose matrices are rounded", (_, kind) => {
    engine.scope(() => {
      const config = { ...kind, inputSize: 6, hiddenSize: 37, layers: 2 };
      const [exact, rounded] = [build(engine, config, [5], 4), build(engine, config, [5], 4)];
      for (const layer of [rounded.net.parameters(), ...rounded.head.map((h) => ({ weight_head: h.weight }))]) {
        for (const [name, p] of Object.entries(layer)) if (/weight_(ih|hh|hr|head)/.test(name)) p.data.set(p.data.map(bfloat));
      }
      const data = numbers(12 * 6, new Rng(5));
      const due = whole(rounded.net, rounded.head, engine.tensor([12, 1, 6], data));
      expect(run(exact.net.stream({ head: exact.head, weights: "bf16" }), data, 6)).toEqual(due);
      expect(due).not.toEqual(whole(exact.net, exact.head, engine.tensor([12, 1, 6], data)));
    });
  });

  // docs/streaming.md states what was measured over 8 seeds and 1,000 steps; the bounds here are twice that.
  test.each([
    ["gru", "bf16", 0.007],
    ["gru", "int8", 0.017],
    ["lstm", "bf16", 0.009],
    ["lstm", "int8", 0.026],
    ["rnn", "bf16", 0.031],
    ["rnn", "int8", 0.09],
  ] as const)("%s, %s: off by less than %d over 200 steps", (cell, weights, bound) => {
    const net = new Recurrent({ ...big, cell, hiddenSize: 128 }, new Init(engine, new Rng(6)));
    const data = numbers(200 * 24, new Rng(7));
    const [due, got] = [run(net.stream(), data, 24), run(net.stream({ weights }), data, 24)];
    const worst = Math.max(...due.map((y, i) => Math.abs(y - got[i]!)));
    expect(worst).toBeGreaterThan(bound / 50);
    expect(worst).toBeLessThan(bound);
  });

  describe.each(Object.entries(engines).filter(([, e]) => e.bytes === 4))("int8, %s", (_, e) => {
    /** The sums of an RNN without state, written down independently: rows in 16-bit whole numbers, weights in 8, one scale each, sums exact. */
    function expected(x: Float32Array, w: Float32Array, columns: number): number[] {
      const scaled = (xs: Float32Array, most: number) => {
        const unit = Math.max(...xs.map(Math.abs)) / most;
        return { unit, whole: Array.from(xs, (v) => (unit > 0 ? Math.round(v / unit) : 0)) };
      };
      const row = scaled(x, 32767);
      return Array.from({ length: columns }, (_, n) => {
        const weights = scaled(w.subarray(n * x.length, (n + 1) * x.length), 127);
        return Math.max(0, row.unit * weights.unit * row.whole.reduce((sum, v, k) => sum + v * weights.whole[k]!, 0));
      });
    }
    const layer = (inputSize: number, hiddenSize: number, fill: (p: Float32Array) => void) => {
      const net = new Recurrent({ cell: "rnn", nonlinearity: "relu", bias: false, inputSize, hiddenSize, layers: 1 }, new Init(e, new Rng(1)));
      for (const [name, p] of Object.entries(net.parameters())) {
        if (/weight_ih/.test(name)) fill(p.data as Float32Array);
        else p.data.fill(0);
      }
      return net;
    };

    test.each([[1, 3], [5, 17], [64, 70], [513, 20], [1300, 9]])("%d inputs, %d columns: exact sums of rounded numbers", (I, H) => {
      const w = numbers(I * H, new Rng(3));
      const stream = layer(I, H, (p) => p.set(w)).stream({ weights: "int8" });
      for (const scale of [1, 1e-4, 1e6]) {
        const x = numbers(I, new Rng(4)).map((v) => v * scale);
        stream.reset();
        const due = expected(x, w, H);
        const most = Math.max(...due);
        for (const [n, y] of Array.from(stream.push(x)).entries()) expect(Math.abs(y - due[n]!)).toBeLessThan(3e-5 * most + 1e-12); // a tie here or there
      }
    });

    test("the largest sums there can be, a row of zeros, and one that is all but zero", () => {
      const stream = layer(1300, 5, (p) => p.fill(1)).stream({ weights: "int8" });
      for (const [x, due] of [[1, 1300], [-1, 0], [0, 0], [1e-38, 0], [3e38, Number.POSITIVE_INFINITY]] as const) {
        stream.reset();
        for (const y of stream.push(new Float32Array(1300).fill(x))) {
          if (Number.isFinite(due)) expect(Math.abs(y - due)).toBeLessThan(1e-3);
          else expect(y).toBe(due);
        }
      }
    });

    test("a state that is infinite shows", () => {
      const net = new Recurrent({ cell: "rnn", nonlinearity: "relu", bias: false, inputSize: 1, hiddenSize: 5, layers: 1 }, new Init(e, new Rng(1)));
      for (const p of Object.values(net.parameters())) p.data.fill(3e38);
      const stream = net.stream({ weights: "int8" });
      stream.push([3]);
      for (const y of stream.push([3])) expect(Number.isFinite(y)).toBe(false);
    });
  });

  test.each([
    ["bf16", 1 / 2],
    ["int8", 1 / 4],
  ] as const)("%s: about %d of the memory", (weights, share) => {
    const net = new Recurrent({ ...big, hiddenSize: 128 }, new Init(engine, new Rng(6)));
    const bytes = (w: "f32" | "bf16" | "int8") => 4 * new StreamPlan(net, [], w, 1).packed.reduce((sum, { size }) => sum + size, 0);
    expect(bytes(weights) / bytes("f32")).toBeCloseTo(share, 1);
  });

  test("sessions together give the bits of one alone", () => {
    const { net, head } = build(engine, big, [3], 8);
    for (const weights of ["bf16", "int8"] as const) {
      const data = numbers(6 * 24, new Rng(9));
      const one = net.stream({ head, weights });
      const due = Array.from({ length: 6 }, (_, b) => {
        one.reset();
        return Array.from(one.push(data.subarray(b * 24, (b + 1) * 24)));
      }).flat();
      expect(Array.from(net.streams(6, { head, weights }).push(data))).toEqual(due);
    }
  });

  test("a float64 engine refuses them", () => {
    const { net } = build(engines["float64"]!, big, [], 1);
    expect(() => net.stream({ weights: "int8" })).toThrow(/weights are int8 on a float64 engine, expected f32/);
  });
});

describe("state", () => {
  const { net, head } = build(engine, { ...big, cell: "lstm", projectionSize: 24, residual: true }, [3], 10);
  const data = numbers(20 * 24, new Rng(11));
  const all = run(net.stream({ head }), data, 24);
  const tail = data.subarray(8 * 24);

  test("a fork goes on alone; reset begins anew", () => {
    const s = net.stream({ head });
    run(s, data.subarray(0, 8 * 24), 24);
    const other = s.fork();
    expect(run(other, tail, 24)).toEqual(all.slice(8 * 3));
    expect(run(s, tail, 24)).toEqual(all.slice(8 * 3));
    s.reset();
    expect(run(s, data, 24)).toEqual(all);
  });

  test("a snapshot goes on in another stream of the same network, rounded or one of many", () => {
    const s = net.stream({ head });
    run(s, data.subarray(0, 8 * 24), 24);
    const snapshot = s.snapshot();
    run(s, tail, 24);
    const later = net.stream({ head });
    later.restore(snapshot);
    expect(run(later, tail, 24)).toEqual(all.slice(8 * 3));
    const many = net.streams(5, { head });
    many.restore(3, snapshot);
    const samples = new Float32Array(5 * 24);
    samples.set(tail.subarray(0, 24), 3 * 24);
    expect(Array.from(many.push(samples).slice(9, 12))).toEqual(all.slice(24, 27));
    many.restore(3, snapshot);
    expect(many.snapshot(3)).toEqual(snapshot);
    many.reset(3);
    expect(many.snapshot(3)).toEqual(net.stream({ head }).snapshot());
    expect(many.snapshot(2)).not.toEqual(many.snapshot(3));
    expect(() => net.stream({ head, weights: "int8" }).restore(snapshot)).not.toThrow();
  });

  test("what does not fit is refused and changes nothing", () => {
    const s = net.stream({ head });
    run(s, data.subarray(0, 8 * 24), 24);
    const before = s.snapshot();
    const flipped = before.slice();
    flipped[60]! ^= 1;
    const newer = before.slice();
    newer[4] = 9;
    const bare = net.stream().snapshot();
    const odd: [Uint8Array | string, RegExp][] = [
      [before.subarray(0, 20), /has 20 bytes, expected 552; it is cut or damaged, the state is as it was/],
      [before.subarray(0, before.length - 1), /has 551 bytes, expected 552/],
      [Uint8Array.of(...before, 0), /has 553 bytes, expected 552/],
      [flipped, /does not match its check sum/],
      [newer, /is of version 9, expected 1/],
      [new Uint8Array(552), /begins with 0, expected 53534c53/],
      [bare, /is of the network [0-9a-f]{16}, expected [0-9a-f]{16}; structure and weights/],
      [build(engine, { ...big, cell: "lstm", projectionSize: 24, residual: true }, [3], 12).net.stream().snapshot(), /is of the network/],
      ["text", /the snapshot is string, expected the Uint8Array/],
    ];
    for (const [snapshot, message] of odd) expect(() => s.restore(snapshot as Uint8Array)).toThrow(message);
    const sample = data.slice(0, 24);
    expect(() => s.push(sample.subarray(1))).toThrow("stream: the sample has 23 numbers, expected 24; nothing was taken in");
    expect(() => s.push(new Float32Array(25))).toThrow(/has 25 numbers, expected 24/);
    for (const [value, said] of [[Number.NaN, "NaN"], [Infinity, "Infinity"], [-Infinity, "-Infinity"], [1e39, "1e\\+39"], [undefined, "undefined"]] as const) {
      const bad: unknown[] = [...sample];
      bad[23] = value;
      expect(() => s.push(bad as number[])).toThrow(new RegExp(`number 23 of the sample is ${said}, expected a finite float32; nothing was taken in`));
    }
    expect(s.snapshot()).toEqual(before);
    expect(run(s, tail, 24)).toEqual(all.slice(8 * 3));

    const many = net.streams(3, { head });
    const block = new Float32Array(3 * 24);
    block[2 * 24 + 5] = Number.NaN;
    expect(() => many.push(block)).toThrow(/number 5 of session 2 of the sample is NaN/);
    expect(() => many.push(sample)).toThrow(/has 24 numbers, expected 72, 24 for each of the 3 sessions/);
    expect(() => many.snapshot(3)).toThrow(/snapshot: session is 3, expected a whole number from 0 to 2/);
    expect(many.snapshot(0)).toEqual(net.stream({ head }).snapshot());
  });

  test.each([1, 2])("the same array comes back, also after memory has grown, and plain numbers do as well (threads: %i)", (threads) => {
    const e = createEngine({ simd: "plain", threads });
    const { net: own, head: last } = build(e, { ...big, cell: "lstm", projectionSize: 24, residual: true }, [3], 10);
    const s = own.stream({ head: last });
    const first = s.push(Array.from(data.subarray(0, 24)));
    expect(Array.from(first)).toEqual(all.slice(0, 3));
    expect(s.push(data.subarray(24, 48))).toBe(first);
    const held = e.hold([8 << 20]);
    // Memory that threads share grows without taking its views away.
    expect(first.length).toBe(e.memory.wasm.buffer instanceof ArrayBuffer ? 0 : 3);
    const again = s.push(Float64Array.from(data.subarray(48, 72)));
    expect(Array.from(again)).toEqual(all.slice(6, 9));
    expect(s.push(data.subarray(72, 96))).toBe(again);
    expect(held.size).toBe(8 << 20);
  });

  test("a stream keeps the weights that it was opened with", () => {
    const { net: own } = build(engine, big, [], 13);
    const s = own.stream();
    const due = Array.from(own.stream().push(data.subarray(0, 24)));
    own.parameters()["weight_hh_l0"]!.data.fill(1);
    own.parameters()["bias_ih_l0"]!.data.fill(1);
    expect(Array.from(s.push(data.subarray(0, 24)))).toEqual(due);
    expect(() => own.stream().restore(s.snapshot())).toThrow(/is of the network/);
  });
});

test("what cannot be streamed is refused with the reason", () => {
  const init = new Init(engine, new Rng(1));
  const net = new Recurrent(big, init);
  expect(() => new Recurrent({ ...big, bidirectional: "concat" }, init).stream()).toThrow(/the stack is bidirectional, expected one direction; its backward direction starts at the sequence's end/);
  expect(() => net.stream({ batch: 2 as 1 })).toThrow(/batch is 2, expected 1; use streams\(2\)/);
  expect(() => net.streams(0)).toThrow(/count is 0, expected a whole number from 1/);
  expect(() => net.stream({ weights: "int4" as "int8" })).toThrow(/weights are "int4", expected f32, bf16 or int8/);
  expect(() => net.stream({ head: new Linear({ inputSize: 39, outputSize: 1 }, init) })).toThrow(/head 0 reads 39 numbers, expected 40; the layer before it gives so many/);
  const elsewhere = new Linear({ inputSize: 40, outputSize: 1 }, new Init(engines["float64"]!, new Rng(1)));
  expect(() => net.stream({ head: elsewhere })).toThrow(/head 0 belongs to another engine/);
});

test("a step changes nothing outside of its own block", () => {
  for (const e of Object.values(engines).filter((one) => one.bytes === 4)) {
    for (const [weights, sessions] of [["f32", 1], ["f32", 3], ["f32", 70], ["bf16", 1], ["int8", 3]] as const) {
      for (const H of [1, 15, 17, 33]) {
        const { net, head } = build(e, { cell: "lstm", inputSize: 3, hiddenSize: H, projectionSize: 5, residual: true, layers: 2 }, [7, 1], H);
        const plan = new StreamPlan(net, head, weights, sessions);
        const block = plan.block();
        e.reals(block.ptr + plan.input, sessions * 3).set(numbers(sessions * 3, new Rng(H)));
        const memory = () => new Uint8Array(e.memory.wasm.buffer);
        const before = memory().slice();
        expect(e.kernels.stream_step(block.ptr)).toBe(0);
        const end = block.ptr + plan.blockBytes;
        // WebAssembly's own stack lies below everything that the engine deals out.
        const low = e.backend.startsWith("native") ? 0 : 65536;
        expect(Buffer.compare(memory().subarray(low, block.ptr), before.subarray(low, block.ptr))).toBe(0);
        expect(Buffer.compare(memory().subarray(end), before.subarray(end))).toBe(0);
        expect(Buffer.compare(memory().subarray(block.ptr, end), before.subarray(block.ptr, end))).not.toBe(0);
      }
    }
  }
});

test("a million steps: memory as it was", () => {
  const net = new Recurrent({ inputSize: 2, hiddenSize: 3 }, new Init(engine, new Rng(1)));
  const s = net.stream();
  const before = { ...engine.memory.usage };
  const sample = Float32Array.of(0.5, -0.25);
  for (let t = 0; t < 1e6; t++) s.push(sample);
  expect(engine.memory.usage).toEqual(before);
  expect(Array.from(s.push(sample)).every(Number.isFinite)).toBe(true);
});
