/** Streams on several threads. Truth: the same stream on one, to the last bit; what one gives is tested beside this file. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Rng } from "../base/random.ts";
import { createEngine, Engine, nativeBackend, nativeStatus } from "../engine/index.ts";
import { wasmWorkers } from "../engine/threads-wasm.ts";
import { code } from "../engine/wasm/plain-threads.embed.ts";
import { Init, Linear, Recurrent, type RecurrentConfig, type StreamOptions } from "./index.ts";
import { StreamPlan } from "./stream-plan.ts";

const THREADS = 3;
const { addon } = nativeStatus();

/** On engines that share out whatever there is. */
function workers(): Engine {
  const e = new Engine(wasmWorkers("wasm-plain", code, THREADS, Infinity, 1), { debug: 0 });
  const { team_ready } = e.kernels as unknown as { team_ready(): number };
  new Recurrent({ inputSize: 1, hiddenSize: 8 }, new Init(e, null)).stream({ threads: THREADS }).push([1]); // calls for them
  const wait = new Int32Array(new SharedArrayBuffer(4));
  for (const until = Date.now() + 20_000; team_ready() < THREADS - 1; Atomics.wait(wait, 0, 0, 2)) {
    if (Date.now() > until) throw new Error("the workers do not come"); // a test that runs on one thread tests nothing
  }
  return e;
}
const engines: readonly (readonly [string, Engine])[] = [
  ["wasm-plain", workers()],
  ...(addon?.isas ?? []).map((isa) => [`native-${isa}`, new Engine(nativeBackend(addon!, isa, "", THREADS, 1), { debug: 0 })] as const),
];

const kinds: readonly Partial<RecurrentConfig>[] = [
  { cell: "gru" },
  { cell: "gru", resetAfter: false, zoneout: 0.3 },
  { cell: "lstm", projectionSize: 4, peepholes: true, zoneout: 0.2 },
  { cell: "lstm", bias: false },
  { cell: "rnn", nonlinearity: "relu" },
];
const numbers = (n: number, seed: number) => {
  const rng = new Rng(seed);
  return Float32Array.from({ length: n }, () => rng.normal());
};

/** The results of a few steps of the same network, by number of threads. */
function results(e: Engine, config: RecurrentConfig, sessions: number, weights: StreamOptions["weights"], outputSize: number): string[] {
  const init = new Init(e, new Rng(7), "pytorch");
  const net = new Recurrent(config, init);
  const head = [new Linear({ inputSize: net.outputSize, outputSize }, init)];
  return [1, 2, THREADS].map((threads) => {
    const stream = sessions === 1 ? net.stream({ head, weights, threads }) : net.streams(sessions, { head, weights, threads });
    const size = sessions * config.inputSize;
    return Array.from({ length: 4 }, (_, t) => Buffer.from(stream.push(numbers(size, t)).slice().buffer).toString("hex")).join(" ");
  });
}
function compare(e: Engine, config: RecurrentConfig, sessions: number, weights: StreamOptions["weights"], outputSize: number): void {
  const [due, ...got] = results(e, config, sessions, weights, outputSize);
  for (const [i, bits] of got.entries()) {
    // Not expect(): these are long, and equal thousands of times.
    if (bits !== due) throw new Error(`${i + 2} threads: other bytes than one, ${sessions} sessions, ${weights}, ${JSON.stringify(config)}`);
  }
}

test.each(engines)("%s: whatever the network, the sessions and the weights, the bits of one thread", (_, e) => {
  const cases = fc.record({
    kind: fc.constantFrom(...kinds),
    sessions: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(7, 70)),
    I: fc.integer({ min: 1, max: 70 }),
    H: fc.oneof(fc.integer({ min: 4, max: 40 }), fc.constantFrom(63, 64, 65, 128, 130)),
    layers: fc.integer({ min: 1, max: 2 }),
    weights: fc.constantFrom("f32" as const, "bf16" as const, "int8" as const),
    outputSize: fc.integer({ min: 1, max: 70 }),
  });
  fc.assert(
    fc.property(cases, ({ kind, sessions, I, H, layers, weights, outputSize }) => compare(e, { ...kind, inputSize: I, hiddenSize: H, layers }, sessions, weights, outputSize)),
    { numRuns: 40, seed: 5 },
  );
});

test.each(engines)("%s: weights beyond the cache, read from both sides in turn, in strips that fit together and that do not", (_, e) => {
  for (const [kind, I, H] of [[0, 256, 256], [0, 384, 384], [0, 70, 230], [1, 256, 256], [2, 200, 256], [3, 192, 192], [3, 256, 256], [4, 512, 512], [0, 64, 64], [0, 64, 70]] as const) {
    compare(e, { ...kinds[kind]!, inputSize: I, hiddenSize: H }, 1, "f32", 300);
  }
});

test("snapshots and forks go from a stream on several threads to one on one", () => {
  const e = engines.at(-1)![1];
  const net = new Recurrent({ inputSize: 9, hiddenSize: 33 }, new Init(e, new Rng(3)));
  const [one, several] = [net.stream(), net.stream({ threads: THREADS })];
  const x = numbers(9, 1);
  several.push(x);
  one.restore(several.snapshot());
  const fork = several.fork();
  const due = Array.from(one.push(x));
  expect([several, fork].map((stream) => Array.from(stream.push(x)))).toEqual([due, due]);
});

test("a step changes nothing outside of its own block, whoever makes it", () => {
  for (const [, e] of engines) {
    for (const [weights, sessions] of [["f32", 1], ["f32", 3], ["f32", 70], ["bf16", 2], ["int8", 5]] as const) {
      const init = new Init(e, new Rng(2));
      const net = new Recurrent({ cell: "lstm", inputSize: 3, hiddenSize: 33, projectionSize: 5, residual: true, layers: 2 }, init);
      const plan = new StreamPlan(net, [new Linear({ inputSize: net.outputSize, outputSize: 7 }, init)], weights, sessions, THREADS);
      const block = plan.block();
      e.reals(block.ptr + plan.input, sessions * 3).set(numbers(sessions * 3, 4));
      const end = block.ptr + plan.blockBytes;
      const memory = () => new Uint8Array(e.memory.wasm.buffer);
      // The stacks of WebAssembly and its workers, and the team itself, lie below everything that the engine deals out.
      const low = Math.min(...Object.values(net.parameters()).map(({ ptr }) => ptr), block.ptr);
      const before = memory().slice();
      expect(e.kernels.stream_step(block.ptr)).toBe(0);
      expect(Buffer.compare(memory().subarray(low, block.ptr), before.subarray(low, block.ptr))).toBe(0);
      expect(Buffer.compare(memory().subarray(end), before.subarray(end))).toBe(0);
      expect(Buffer.compare(memory().subarray(block.ptr, end), before.subarray(block.ptr, end))).not.toBe(0);
    }
  }
});

test("more threads than the engine has, or no number of them, are refused", () => {
  const net = new Recurrent({ inputSize: 2, hiddenSize: 3 }, new Init(createEngine({ threads: 2, debug: 0 }), new Rng(1)));
  for (const threads of [0, 3, 1.5, Number.NaN, -1]) {
    expect(() => net.stream({ threads })).toThrow(`stream: threads is ${threads}, expected a whole number from 1 to 2, the engine's`);
    expect(() => net.streams(5, { threads })).toThrow(`threads is ${threads}, expected a whole number from 1 to 2`);
  }
  const alone = new Recurrent({ inputSize: 2, hiddenSize: 3 }, new Init(createEngine({ threads: 1, debug: 0 }), new Rng(1)));
  expect(() => alone.stream({ threads: 2 })).toThrow("expected a whole number from 1 to 1");
});
