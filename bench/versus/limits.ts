/** @file What this machine can do at most: multiply-adds on registers, and reading memory of each level. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nativeStatus } from "../../src/engine/index.ts";
import { median } from "./measure.ts";
import { compile } from "./runner.ts";

export interface Limits {
  /** GFLOP/s of multiply-adds on registers, one thread, by our backend's key. */
  readonly peaks: Readonly<Record<string, number>>;
  /** GB/s read from each level by one thread and, where there are more, by all; or why that was not measured. */
  readonly bandwidth: Readonly<Record<string, Level>> | string;
}

export interface Level {
  /** Size of what was read again and again. */
  readonly bytes: number;
  readonly speeds: readonly number[];
}

/** Of WebAssembly's vectors and of each instruction set. Processor time counts, so that a busy machine disturbs little. */
function peaksOf(isas: readonly string[]): Record<string, number> {
  const { addon } = nativeStatus();
  const module = new WebAssembly.Module(readFileSync("kernels/bin/probe.wasm"));
  const { exports } = new WebAssembly.Instance(module, { env: { memory: new WebAssembly.Memory({ initial: 64, maximum: 64 }) } });
  const probe = exports["probe_peak"] as (n: number) => number;
  const n = 2_000_000;
  const typical = (operations: () => number) => {
    const speeds = Array.from({ length: 9 }, () => {
      const before = process.cpuUsage();
      const done = operations();
      const { user, system } = process.cpuUsage(before);
      return done / (user + system) / 1000;
    });
    return median(speeds.slice(1));
  };
  const wasmOperations = () => {
    probe(n);
    return 24 * 4 * n;
  };
  return { wasm: typical(wasmOperations), ...Object.fromEntries(isas.map((isa) => [isa, typical(() => addon!.peak(isa as "sse2", n))])) };
}

function bandwidthOf(threads: number, scratch: string): Limits["bandwidth"] {
  const program = join(scratch, "bandwidth");
  const built = compile("bench/versus/bandwidth.cpp", program, ["-pthread"]);
  if ("absent" in built) return built.absent;
  const { status, stdout } = spawnSync(built.program, [String(threads)], { encoding: "utf8" });
  return status === 0 ? (JSON.parse(stdout) as Record<string, Level>) : `${program} ended with ${status}`;
}

/** @param threads the most that somebody gets */
export const limitsOf = (isas: readonly string[], threads: number, scratch: string): Limits => ({ peaks: peaksOf(isas), bandwidth: bandwidthOf(threads, scratch) });
