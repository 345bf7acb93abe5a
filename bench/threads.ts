/**
 * @file What a second thread brings: recurrent and linear layers, forward and training step (forward, then all gradients), the same operations
 * on 1 and on more threads taking turns in one process. Wall time, because that is what threads are for: the best of many short turns, as other
 * work on the machine takes a core from one side or the other, and the median, which says how much of that there was. Beside each round: how long
 * a number takes from one core to another and back. A virtual machine's cores move, and cores that share a cache are several times nearer.
 *
 *     npm run bench -- threads [--threads 2] [--backend native|wasm] [--rounds 200] [gru:20,64,128 …]      cell:L,B,H or linear:N,I,O
 */
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { createEngine, type Engine, type Tensor } from "../src/engine/index.ts";
import { gru, linear, lstm, rnn, sum } from "../src/ops/index.ts";

const { values: options, positionals } = parseArgs({
  options: { threads: { type: "string", default: "2" }, backend: { type: "string", default: "auto" }, rounds: { type: "string", default: "200" } },
  allowPositionals: true,
});
const cases = positionals.length > 0 ? positionals : ["gru:20,64,128", "gru:10,64,256", "gru:8,32,512", "lstm:10,64,128", "lstm:10,64,256", "rnn:20,64,256", "linear:2000,256,256"];

/** One layer on an engine: a forward pass, or a training step, in milliseconds. */
function layer(e: Engine, name: string): (train: boolean) => number {
  const [cell, sizes] = name.split(":") as [string, string];
  const [a, b, c] = sizes.split(",").map(Number) as [number, number, number];
  const numbers = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 7.1) / 8);
  const param = (...shape: number[]) => e.param(shape, numbers(shape.reduce((x, y) => x * y)));
  const gates = { gru: 3, lstm: 4, rnn: 1 }[cell] ?? 0;
  const x = cell === "linear" ? param(a, b) : param(a, b, c);
  const [w, wh] = cell === "linear" ? [param(c, b)] : [param(gates * c, c), param(gates * c, c)];
  const run = { gru: () => gru({ x, wx: w, wh: wh! }).y, lstm: () => lstm({ x, wx: w, wh: wh! }).y, rnn: () => rnn({ x, wx: w, wh: wh! }).y, linear: () => linear({ x, w }).y }[cell];
  if (!run) throw new Error(`bench: ${name} is no case, expected gru, lstm, rnn or linear`);
  const timed = (f: () => unknown): number => {
    const from = performance.now();
    f();
    return performance.now() - from;
  };
  return (train) =>
    e.scope(() => {
      if (!train) return timed(run);
      let y: Tensor;
      const forward = timed(() => e.record(() => (y = sum({ x: run() }).y)));
      return forward + timed(() => e.backward(y));
    });
}

/** Nanoseconds that a number takes to another thread and back, both looking out for it. */
function distance(): () => number {
  const EXCHANGES = 300;
  const words = new Int32Array(new SharedArrayBuffer(8)); // the number; rounds begun
  const answer = `const { words } = require("node:worker_threads").workerData;
for (let round = 0; ; round++) {
  Atomics.wait(words, 1, round);
  for (let i = 1; i < ${2 * EXCHANGES}; i += 2) {
    while (Atomics.load(words, 0) !== i);
    Atomics.store(words, 0, i + 1);
  }
}`;
  new Worker(answer, { eval: true, workerData: { words } }).unref();
  return () => {
    Atomics.store(words, 0, 0);
    Atomics.add(words, 1, 1);
    Atomics.notify(words, 1);
    let from = 0;
    for (let i = 1; i < 2 * EXCHANGES; i += 2) {
      if (i === EXCHANGES + 1) from = performance.now(); // the other has woken up
      Atomics.store(words, 0, i);
      while (Atomics.load(words, 0) !== i + 1);
    }
    return ((performance.now() - from) / (EXCHANGES / 2)) * 1e6;
  };
}

const median = (times: number[]) => times.toSorted((a, b) => a - b)[times.length >> 1]!;
const counts = [1, ...options.threads.split(",").map(Number)];
const far = distance();
console.log("case                  threads    forward best, median (ms)   training best, median (ms)   times as fast: forward, training (best; median; medians of the rounds in which cores were nearest, farthest: a quarter each)");
for (const name of cases) {
  const runs = counts.map((threads) => ({ threads, run: layer(createEngine({ threads, debug: 0, backend: options.backend as "auto" }), name), forward: [] as number[], train: [] as number[] }));
  const distances: number[] = [];
  for (let round = -20; round < Number(options.rounds); round++) {
    const ns = far();
    if (round >= 0) distances.push(ns);
    for (const r of runs) {
      const [forward, train] = [r.run(false), r.run(true)];
      if (round < 0) continue; // warm-up
      r.forward.push(forward);
      r.train.push(train);
    }
  }
  const [one] = runs;
  for (const r of runs) {
    const ratio = (pick: (times: number[]) => number) => `${(pick(one!.forward) / pick(r.forward)).toFixed(2)}, ${(pick(one!.train) / pick(r.train)).toFixed(2)}`;
    const best = (times: number[]) => Math.min(...times);
    const both = (times: number[]) => `${best(times).toFixed(3)}, ${median(times).toFixed(3)}`;
    /** Of the rounds from one share to another, the nearest first. */
    const among = (from: number, to: number) => {
      const rounds = distances.map((ns, i) => ({ ns, i })).toSorted((a, b) => a.ns - b.ns).slice(from * distances.length, to * distances.length);
      return `${median(rounds.map(({ ns }) => ns)).toFixed(0)} ns: ${ratio((times) => median(rounds.map(({ i }) => times[i]!)))}`;
    };
    console.log(`${name.padEnd(22)}${String(r.threads).padEnd(11)}${both(r.forward).padEnd(28)}${both(r.train).padEnd(29)}${r === one ? "" : `${ratio(best)}; ${ratio(median)}; ${among(0, 0.25)}; ${among(0.75, 1)}`}`);
  }
}
