/**
 * @file `npm run bench`: our backends beside every other library that is here, and beside what the machine can do, in one run, by the same numbers.
 *
 *     npm ci --ignore-scripts --prefix bench/peers                        once; PyTorch, oneDNN: Debian's python3-torch, libdnnl-dev
 *     npm run bench                                                       S, F, TR, LM, FC, M: about a quarter of an hour
 *     npm run bench -- --quick                                            one or two sizes of each
 *     npm run bench -- versus S F --only wasm,avx512,onnxruntime-node --threads 1 --rounds 3 --sizes 16,64
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { cores, nativeStatus } from "../src/engine/index.ts";
import { SluiceError } from "../src/index.ts";
import { machine, today } from "./shared/machine.ts";
import { type Case, idOf, workloads } from "./versus/cases.ts";
import { footprintsOf, shippedBytes } from "./versus/footprint.ts";
import { limitsOf } from "./versus/limits.ts";
import { type CaseResult, labelOf, measure, median, type Pace } from "./versus/measure.ts";
import { type Overhead, overheadOf } from "./versus/overhead.ts";
import { type Report, writeReport } from "./versus/report.ts";
import { Field } from "./versus/runner.ts";

const { values: options, positionals } = parseArgs({
  options: {
    /** Contestants, by comma; left out: all. */
    only: { type: "string" },
    /** Threads that everybody gets, by comma; left out: one, and as many as there are cores. */
    threads: { type: "string" },
    /** Turns of each contestant in each case; left out: 5, quick: 2. */
    rounds: { type: "string" },
    /** Hidden sizes, by comma; left out: all. */
    sizes: { type: "string" },
    /** Cells, by comma: `gru`, `lstm`, `rnn`; left out: all. */
    cells: { type: "string" },
    /** `after` or `before`; left out: both. */
    form: { type: "string" },
    /** Few sizes, short turns: minutes, and figures to match. */
    quick: { type: "boolean", default: false },
    out: { type: "string", default: "bench/out/versus" },
  },
  allowPositionals: true,
});

/** The entries of a list that the user gave. @throws usage: one that is not among `known` */
function chosen(given: readonly string[] | undefined, known: readonly string[], what: string): readonly string[] {
  const wrong = given?.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new SluiceError("usage", `bench: ${what} is "${wrong}", expected one of ${known.join(", ")}`);
  return given ?? known;
}
/** A list of whole numbers from 1. @throws usage: something else */
function numbers(text: string | undefined, what: string): number[] | undefined {
  const list = text?.split(",").map(Number);
  if (list?.every((n) => Number.isInteger(n) && n >= 1) === false) throw new SluiceError("usage", `bench: ${what} is "${text}", expected whole numbers from 1, by comma`);
  return list;
}

const began = performance.now();
const scratch = options.out;
const [rounds] = numbers(options.rounds, "--rounds") ?? [options.quick ? 2 : 5];
const pace: Pace = options.quick ? { rounds: rounds!, turn: 40, warm: [50, 300], patience: 1500 } : { rounds: rounds!, turn: 50, warm: [100, 500], patience: 3000 };
const sizes = numbers(options.sizes, "--sizes");
const cells = chosen(options.cells?.split(","), ["gru", "lstm", "rnn"], "--cells");
chosen(options.form?.split(","), ["after", "before"], "--form");
const threads = numbers(options.threads, "--threads") ?? [...new Set([1, cores()])];

const adapter = join("bench", "out", "versus-ours.mjs"); // as deep as src/engine: the addon is looked for from there
await build({
  ...{ entryPoints: ["bench/versus/ours.ts"], outfile: adapter, bundle: true, packages: "external", platform: "node", format: "esm", target: "node20" },
  ...{ logLevel: "error" },
});
const { addon } = nativeStatus();
const isas = addon?.isas ?? [];
const field = new Field(adapter, isas, addon?.onRequest ?? [], scratch);
const names = chosen(positionals.length > 0 ? positionals : undefined, [...Object.keys(workloads), "M"], "workload");
const who = chosen(options.only?.split(","), field.on(1).map(({ key }) => key), "--only");
const on = (count: number) => field.on(count).filter(({ key }) => who.includes(key));
const wanted = (c: Case) =>
  (sizes === undefined || sizes.includes(c.H)) && cells.includes(c.cell) && (options.form === undefined || c.form === options.form) && (!options.quick || c.quick);

const cases: CaseResult[] = [];
const overheads: Overhead[] = [];
const minutes = () => (performance.now() - began) / 60_000;
const report = {
  ...{ date: today(), machine: machine(), command: ["npm run bench --", ...process.argv.slice(2)].join(" ").replace(/ --$/, ""), rounds: rounds! },
  ...{ limits: await limitsOf(field.on(1), cores(), scratch), cases, overheads, footprints: [], shipped: [] },
} satisfies Report;
/** Written after each case, so that a run that is cut short leaves what it has. */
const write = (more: Partial<Report> = {}) => writeReport({ ...report, minutes: minutes(), ...more }, scratch);
console.log(`report: ${write()}`);

for (const name of names) {
  for (const c of workloads[name]?.cases.filter(wanted) ?? []) {
    const start = performance.now();
    const result = await measure(c, threads.flatMap(on), pace, scratch);
    cases.push(result);
    write();
    const times = result.results.map((r) => `${labelOf(r)} ${median(r.times).toPrecision(3)}`).join(", ");
    console.log(`${minutes().toFixed(1)} min, ${idOf(c)} (${((performance.now() - start) / 1000).toFixed(0)} s): ${times || "nobody"} ms`);
  }
}
for (const c of cases.flatMap((result) => (["LM", "FC"].includes(result.case.workload) && result.case.form === "after" ? [result.case] : []))) {
  for (const [key, options] of [["wasm", { backend: "wasm", simd: "plain" }], ...isas.slice(0, 1).map((isa) => [isa, { backend: "native", isa }] as const)] as const) {
    if (who.includes(key)) overheads.push(await overheadOf(c, key, options));
  }
}
write();
if (cases.length === 0 && !names.includes("M")) {
  throw new SluiceError("usage", `bench: no case is left by --sizes ${options.sizes ?? "all"}, --cells ${options.cells ?? "all"} and --form ${options.form ?? "both"}`);
}
if (names.includes("M")) write({ footprints: await footprintsOf(on(1), scratch), shipped: await shippedBytes() });
console.log(`done after ${minutes().toFixed(1)} minutes`);
