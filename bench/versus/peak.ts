/** @file What multiply-adds on registers reach in this process, on the core that it is on: what our own figures are a share of. */
import { readFileSync } from "node:fs";
import { type EngineOptions, nativeStatus } from "../../src/engine/index.ts";

/** Of multiply-adds, some 4 ms on any width of vectors. */
const ROUNDS = 2_000_000;
/** ROUNDS at a time. */
const SPANS = 4;

/** Runs ROUNDS rounds with a backend's vectors and returns how many operations those were. */
function probeOf({ backend, isa }: EngineOptions): () => number {
  if (backend === "native") {
    const { addon } = nativeStatus();
    return () => addon!.peak(isa!, ROUNDS);
  }
  const module = new WebAssembly.Module(readFileSync("kernels/bin/probe.wasm"));
  const { exports } = new WebAssembly.Instance(module, { env: { memory: new WebAssembly.Memory({ initial: 64, maximum: 64 }) } });
  const probe = exports["probe_peak"] as (n: number) => number;
  return () => {
    probe(ROUNDS);
    return 24 * 4 * ROUNDS;
  };
}

let probe: (() => number) | undefined;

/**
 * GFLOP/s of one thread over some 15 ms, by wall time or processor time, whichever is less, as a turn is timed.
 * @param options the same in every call: a process has one backend
 */
export function peak(options: EngineOptions): number {
  if (probe === undefined) {
    probe = probeOf(options);
    for (let i = 0; i < SPANS; i++) probe(); // V8 compiles it again after the first
  }
  const [start, before] = [performance.now(), process.cpuUsage()];
  let operations = 0;
  for (let i = 0; i < SPANS; i++) operations += probe();
  const { user, system } = process.cpuUsage(before);
  return operations / Math.min(performance.now() - start, (user + system) / 1000) / 1e6;
}
