/**
 * @file `npm run bench -- versus [workload …]`: our backends beside every other library that is here, in one run, by the same numbers.
 *
 *     npm ci --ignore-scripts --prefix bench/peers                        once; PyTorch: Debian's python3-torch
 *     npm run bench -- versus                                             S, F, TR, FC
 *     npm run bench -- versus S --only wasm,avx512,onnxruntime-node --rounds 3 --sizes 16,64
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { nativeStatus } from "../src/engine/index.ts";
import { SluiceError } from "../src/index.ts";
import { machine, today } from "./shared/machine.ts";
import { type Case, workloads } from "./versus/cases.ts";
import { type CaseResult, measure, median } from "./versus/measure.ts";
import { writeReport } from "./versus/report.ts";
import { contestants } from "./versus/runner.ts";

const { values: options, positionals } = parseArgs({
  options: {
    /** Contestants, by comma; left out: all. */
    only: { type: "string" },
    /** Turns of each contestant in each case. */
    rounds: { type: "string", default: "9" },
    /** Hidden sizes, by comma; left out: all. */
    sizes: { type: "string" },
    /** `after` or `before`; left out: both. */
    form: { type: "string" },
    out: { type: "string", default: "bench/out/versus" },
  },
  allowPositionals: true,
});

/** What every library gets; ours has one so far. */
const threads = 1;
const rounds = Number(options.rounds);
if (!(Number.isInteger(rounds) && rounds >= 1)) throw new SluiceError("usage", `bench: --rounds is "${options.rounds}", expected a whole number from 1`);

/** The entries of a list that the user gave. @throws usage: one that is not among `known` */
function chosen(given: readonly string[] | undefined, known: readonly string[], what: string): readonly string[] {
  const wrong = given?.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new SluiceError("usage", `bench: ${what} is "${wrong}", expected one of ${known.join(", ")}`);
  return given ?? known;
}

/** GFLOP/s of multiply-adds on registers: of WebAssembly's vectors and of each instruction set. */
function measurePeaks(isas: readonly string[]): Record<string, number> {
  const { addon } = nativeStatus();
  const module = new WebAssembly.Module(readFileSync("kernels/bin/probe.wasm"));
  const { exports } = new WebAssembly.Instance(module, { env: { memory: new WebAssembly.Memory({ initial: 64, maximum: 64 }) } });
  const probe = exports["probe_peak"] as (n: number) => number;
  const n = 2_000_000;
  const best = (operations: () => number) => {
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
  return { wasm: best(wasmOperations), ...Object.fromEntries(isas.map((isa) => [isa, best(() => addon!.peak(isa as "sse2", n))])) };
}

const adapter = join("bench", "out", "versus-ours.mjs");
await build({
  ...{ entryPoints: ["bench/versus/ours.ts"], outfile: adapter, bundle: true, packages: "external", platform: "node", format: "esm", target: "node20" },
  ...{ logLevel: "error" },
});
const isas = nativeStatus().addon?.isas ?? [];
const everybody = contestants(adapter, isas, threads);
const names = chosen(positionals.length > 0 ? positionals : undefined, Object.keys(workloads), "workload");
const who = chosen(options.only?.split(","), everybody.map(({ key }) => key), "--only");
const sizes = options.sizes?.split(",").map(Number);
const wanted = (c: Case) => (sizes === undefined || sizes.includes(c.H)) && (options.form === undefined || c.form === options.form);

const peaks = measurePeaks(isas);
const cases: CaseResult[] = [];
const command = ["npm run bench -- versus", ...process.argv.slice(2)].join(" ");
for (const c of names.flatMap((name) => workloads[name]!.cases).filter(wanted)) {
  cases.push(await measure(c, everybody.filter(({ key }) => who.includes(key)), rounds, threads));
  // Written after each case, so that a run that is cut short leaves what it has.
  const page = writeReport({ date: today(), machine: machine(), command, threads, rounds, peaks, cases }, options.out);
  if (cases.length === 1) console.log(`report: ${page}`);
}
if (cases.length === 0) throw new SluiceError("usage", `bench: no case is left by --sizes ${options.sizes ?? "all"} and --form ${options.form ?? "both"}`);
