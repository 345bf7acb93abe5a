/** @file What multiply-adds on registers reach in this process, on the cores that it is on: what our own figures are a share of. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { runInThisContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { type EngineOptions, nativeStatus } from "../../src/engine/index.ts";

/** Of multiply-adds, some 4 ms on any width of vectors. */
const ROUNDS = 2_000_000;
/** ROUNDS at a time. */
const SPANS = 4;

/** Where the multiply-adds are: the addon's file, or the module whose rounds are of four numbers. */
type Means = { readonly file: string; readonly isa: string } | { readonly module: WebAssembly.Module };

/** The program of a thread, as text for all of them: GFLOP/s over SPANS times ROUNDS with a backend's vectors, by wall time. */
const program = `(means, require) => {
  const probe = means.module && new WebAssembly.Instance(means.module, { env: { memory: new WebAssembly.Memory({ initial: 64, maximum: 64 }) } }).exports.probe_peak;
  const once = probe ? () => (probe(${ROUNDS}), ${24 * 4 * ROUNDS}) : () => require(means.file).peak(means.isa, ${ROUNDS});
  return () => {
    const start = performance.now();
    let operations = 0;
    for (let i = 0; i < ${SPANS}; i++) operations += once();
    return operations / (performance.now() - start) / 1e6;
  };
}`;
/** One of several threads beside the first: waits for the next job, leaves its rate, says so. */
const helper = `const { means, jobs, rates, index } = require("node:worker_threads").workerData;
const rate = (${program})(means, require);
for (let seen = 0; ; seen++) {
  Atomics.wait(jobs, 0, seen);
  rates[index] = rate();
  Atomics.add(jobs, 1, 1);
  Atomics.notify(jobs, 1);
}`;

/** What measures them on so many threads at the same time. */
function meter({ backend, isa, threads = 1 }: EngineOptions): () => number {
  const means: Means = backend === "native" ? { file: nativeStatus().why, isa: isa! } : { module: new WebAssembly.Module(readFileSync("kernels/bin/probe.wasm")) };
  const rate = (runInThisContext(program) as (means: Means, require: NodeJS.Require) => () => number)(means, createRequire(import.meta.url));
  const jobs = new Int32Array(new SharedArrayBuffer(8)); // begun, done by helpers
  const rates = new Float64Array(new SharedArrayBuffer(8 * threads));
  for (let index = 1; index < threads; index++) new Worker(helper, { eval: true, workerData: { means, jobs, rates, index } }).unref();
  return () => {
    const due = Atomics.load(jobs, 1) + threads - 1;
    Atomics.add(jobs, 0, 1);
    Atomics.notify(jobs, 0);
    rates[0] = rate();
    for (let done = Atomics.load(jobs, 1); done < due; done = Atomics.load(jobs, 1)) Atomics.wait(jobs, 1, done);
    return rates.reduce((sum, v) => sum + v, 0);
  };
}

let measure: (() => number) | undefined;

/**
 * GFLOP/s over some 15 ms: of one thread by wall time or processor time, whichever is less, as a turn is timed; of several at the same time
 * their sum, each by its own wall time.
 * @param options the same in every call: a process has one backend
 */
export function peak(options: EngineOptions): number {
  if (measure === undefined) {
    measure = meter(options);
    measure(); // V8 compiles it again after the first; helpers come
  }
  const [start, before] = [performance.now(), process.cpuUsage()];
  const rate = measure();
  const { user, system } = process.cpuUsage(before);
  return (options.threads ?? 1) > 1 ? rate : rate * Math.max(1, (performance.now() - start) / ((user + system) / 1000));
}
