/** @file One library in a process of its own: started only where it is installed, spoken to in lines of JSON (bench/peers/host.mjs). */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Case } from "./cases.ts";

/** How to start one library on a number of threads. */
export interface Contestant {
  /** What `--only` calls it: `wasm`, `avx512`, `pytorch`, `onnxruntime-node`, … */
  readonly key: string;
  readonly ours: boolean;
  readonly threads: number;
  readonly command: string;
  readonly args: readonly string[];
  /** Compiled while it runs, be it only the JavaScript around native code: needs longer until it has its speed. */
  readonly jit: boolean;
  /** Why it is not here, if it is not. */
  readonly absent?: string;
  /** How far its numbers may be from the float64 ones; left out: as far as everybody's. */
  readonly tolerance?: number;
  /** Workloads that it takes part in; left out: all. */
  readonly workloads?: readonly string[];
}

/** Who has a share of the multiply-add peak: our backends, but for what rounds, whose products are other instructions. */
export const hasPeak = ({ ours, tolerance }: Contestant): boolean => ours && tolerance === undefined;

const peers = "bench/peers";
const python = "/usr/bin/python3"; // Debian's own interpreter, which its python3-torch belongs to

/** What streams with rounded weights may be off after 64 steps: they compute something else, by as much as src/nn/stream.test.ts allows. */
const rounded = { bf16: 0.007, int8: 0.017 } as const;

/** Instruction sets that round what goes into matrix products, and how far that may take gradients (docs/numerics.md). */
const rounding: Readonly<Record<string, number>> = { avx512bf16: 0.01 };

/** Builds oneDNN's side, once. @returns the program, or why there is none */
export function buildOneDnn(scratch: string): { program: string } | { absent: string } {
  const source = join(peers, "onednn.cpp");
  const program = join(scratch, "onednn");
  const header = ["/usr/include/oneapi/dnnl/dnnl.hpp", "/usr/local/include/oneapi/dnnl/dnnl.hpp"].some((file) => existsSync(file));
  if (!header) return { absent: "oneDNN's headers are not installed; Debian's package is libdnnl-dev" };
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return { program };
  return compile(source, program, ["-ldnnl"]);
}

/** Compiles one C++ file with what CXX says, otherwise g++. @returns the program, or why there is none */
export function compile(source: string, program: string, more: readonly string[] = []): { program: string } | { absent: string } {
  mkdirSync(dirname(program), { recursive: true });
  const cxx = process.env["CXX"] || "g++";
  const { status, error, stderr } = spawnSync(cxx, ["-O3", "-std=c++17", "-march=native", source, ...more, "-o", `${program}.new`], { encoding: "utf8" });
  if (error) return { absent: `no C++ compiler: ${cxx} cannot be started` };
  if (status !== 0) return { absent: `${source} does not compile: ${stderr.split("\n").find((line) => line.includes("error")) ?? `${cxx} ended with ${status}`}` };
  renameSync(`${program}.new`, program);
  return { program };
}

/** Who could take part, installed or not: our backends, then the peers. */
export class Field {
  readonly #torch = spawnSync(python, ["-c", "import torch"], { stdio: "ignore" }).status === 0;
  readonly #oneDnn: ReturnType<typeof buildOneDnn>;
  /**
   * @param adapter file of our adapter, ready to run
   * @param isas instruction sets that the addon has here, the fastest first
   * @param onRequest those that run only where they are asked for
   * @param scratch folder for a program that is built
   */
  constructor(
    readonly adapter: string,
    readonly isas: readonly string[],
    readonly onRequest: readonly string[],
    scratch: string,
  ) {
    this.#oneDnn = buildOneDnn(scratch);
  }

  /** Everybody on so many threads each. */
  on(threads: number): Contestant[] {
    const host = (file: string, options: object) => ({ command: process.execPath, args: [join(peers, "host.mjs"), file, JSON.stringify({ ...options, threads })] });
    const mine = (key: string, options: object, rest: Partial<Contestant> = {}): Contestant => ({ key, threads, ours: true, jit: true, ...host(this.adapter, options), ...rest });
    const peer = (key: string, file: string, needs: string, options: object = {}): Contestant => ({
      ...{ key, threads, ours: false, jit: true, ...host(join(peers, file), options) },
      ...(existsSync(join(peers, "node_modules", needs)) ? {} : { absent: `${needs} is not installed; npm ci --ignore-scripts --prefix ${peers}` }),
    });
    const best = this.isas[0];
    /** The slowest set and those that round are compared in part, where there is a better one. */
    const rest = (isa: string): Partial<Contestant> => {
      if (rounding[isa] !== undefined) return { tolerance: rounding[isa], workloads: ["F", "TR"] };
      return isa === this.isas.at(-1) && isa !== best ? { workloads: threads === 1 ? ["S", "F", "TR"] : [] } : {};
    };
    const smaller = (weights: "bf16" | "int8") => mine(`${best}-${weights}`, { backend: "native", isa: best, weights }, { tolerance: rounded[weights], workloads: ["S"] });
    return [
      mine("wasm", { backend: "wasm", simd: "plain" }),
      ...[...this.isas, ...this.onRequest].map((isa) => mine(isa, { backend: "native", isa }, rest(isa))),
      ...(best === undefined ? [] : [smaller("bf16"), smaller("int8")]),
      { ...{ key: "onednn", ours: false, jit: false, threads, args: [], command: "" }, ...("program" in this.#oneDnn ? { command: this.#oneDnn.program } : this.#oneDnn) },
      {
        ...{ key: "pytorch", ours: false, jit: false, threads, command: python, args: [join(peers, "pytorch.py"), JSON.stringify({ threads })] },
        ...(this.#torch ? {} : { absent: `${python} has no torch; Debian's package is python3-torch` }),
      },
      peer("onnxruntime-node", "onnxruntime-node.mjs", "onnxruntime-node"),
      peer("onnxruntime-web", "onnxruntime-web.mjs", "onnxruntime-web"),
      peer("jax-js", "jax-js.mjs", "@jax-js/jax"),
      peer("tfjs-wasm", "tfjs.mjs", "@tensorflow/tfjs-backend-wasm", { backend: "wasm" }),
      peer("tfjs-cpu", "tfjs.mjs", "@tensorflow/tfjs", { backend: "cpu" }),
      peer("brain", "brain.mjs", "brain.js"),
    ];
  }
}

/** A library that has no such function, or is too slow to wait for: said in the report, no failure. */
export class CannotDo extends Error {}

export interface Spent {
  readonly wall: number;
  readonly cpu: number;
}

/** Settings that some shells export and that slow OpenBLAS down. */
const { OPENBLAS_CORETYPE: _1, OPENBLAS_L2_SIZE: _2, ...environment } = process.env;

/** The cores that this process may use, at most the last eight: Linux's list as in `0-2,5`. */
function coresHere(): number[] {
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  const ranges = list.split(",").map((range) => range.split("-").map(Number));
  return ranges.flatMap(([from, to = from]) => Array.from({ length: to! - from! + 1 }, (_, i) => from! + i)).slice(-8);
}

/** What a core is tried with: half a megabyte in four sums, which whoever shares the core slows down; the median in ms. */
const trial = `const x = new Float64Array(1 << 16).fill(1), times = []; let a = 0, b = 0, c = 0, d = 0;
for (let n = 0; n < 101; n++) {
  const start = performance.now();
  for (let k = 0; k < 20; k++) for (let i = 0; i < x.length; i += 4) a += x[i], b += x[i + 1], c += x[i + 2], d += x[i + 3];
  times.push(performance.now() - start);
}
console.log(a + b + c + d > 0 ? times.sort((p, q) => p - q)[50] : 0);`;

let chosen: readonly string[] | undefined;
/**
 * What starts a program on one core, the fastest that is tried; nothing where that cannot be chosen. Cores need not be equally fast (a virtual
 * machine's are shared with somebody), and who runs on one thread would stay on whichever he was started on.
 */
export function onOneCore(): readonly string[] {
  if (chosen) return chosen;
  chosen = [];
  if (process.platform === "linux" && spawnSync("taskset", ["--version"], { stdio: "ignore" }).status === 0) {
    const tried = coresHere().map((core) => ({ core, ms: Number(spawnSync("taskset", ["-c", String(core), process.execPath, "-e", trial], { encoding: "utf8" }).stdout) }));
    const best = tried.filter(({ ms }) => ms > 0).sort((p, q) => p.ms - q.ms)[0];
    if (best) chosen = ["taskset", "-c", String(best.core)];
  }
  return chosen;
}

/** Longest waits, ms: for a library to be loaded, which a disk may hold up, and for its first result. */
const LOADING = 60_000;
const PATIENCE = 20_000;

/** A started library. Requests one at a time. */
export class Runner {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  readonly #spawned = performance.now();
  /** All that it says has been read. */
  readonly #closed: Promise<unknown>;
  #said = "";

  constructor(readonly who: Contestant) {
    const threads = String(who.threads);
    const [command, ...args] = [...(who.threads === 1 ? onOneCore() : []), who.command, ...who.args];
    this.#child = spawn(command!, args, { env: { ...environment, OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads, MKL_NUM_THREADS: threads } });
    this.#closed = new Promise((done) => this.#child.on("close", done));
    this.#child.on("error", (error) => {
      this.#said += error.message;
    });
    this.#child.stderr.on("data", (text) => {
      this.#said = (this.#said + text).slice(-2000);
    });
    this.#child.stdin.on("error", () => {}); // a child that died is told by the answer that does not come
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** Milliseconds since the process was started. */
  get age(): number {
    return performance.now() - this.#spawned;
  }

  /** @param limit ms to wait for the answer */
  async #ask<A>(request: object, limit?: number): Promise<A> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    let late = false;
    const giveUp = () => {
      late = true;
      this.#child.kill();
    };
    const timer = limit === undefined ? undefined : setTimeout(giveUp, limit);
    const { value, done } = await this.#answers.next();
    clearTimeout(timer);
    if (late) throw new CannotDo(`left out: no result within ${limit! / 1000} s`);
    if (done) {
      await this.#closed; // its last words may come after its last answer
      throw new Error(`${this.who.key}: ended without an answer; it said: ${this.#said || "nothing"}`);
    }
    const answer = JSON.parse(value) as A & { error?: string; cannot?: string };
    if (answer.cannot !== undefined) throw new CannotDo(answer.cannot);
    if (answer.error !== undefined) throw new Error(`${this.who.key}: ${answer.error}`);
    return answer;
  }

  /** @param sizes how many numbers of each name stand in the file, in order */
  prepare(c: Case, file: string, sizes: Readonly<Record<string, number>>): Promise<{ name: string; version: string }> {
    const { kind, cell, layers, form, L, B, I, H, O } = c;
    return this.#ask({ do: "prepare", kind, cell, layers, form, L, B, I, H, O, file, sizes }, LOADING);
  }
  /** The computation once; what came of it, by name. */
  async check(out: string, steps: number, limit = PATIENCE): Promise<Record<string, Float32Array>> {
    const { sizes } = await this.#ask<{ sizes: Record<string, number> }>({ do: "check", out, steps }, limit);
    const bytes = readFileSync(out);
    rmSync(out);
    let at = 0;
    return Object.fromEntries(
      Object.entries(sizes).map(([name, n]) => {
        const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + 4 * n));
        at += 4 * n;
        return [name, values];
      }),
    );
  }
  run(calls: number): Promise<Spent> {
    return this.#ask({ do: "run", calls });
  }
  steps(blocks: number, block: number, singles: number): Promise<Spent & { p50: number; p99: number }> {
    return this.#ask({ do: "steps", blocks, block, singles });
  }
  /** GFLOP/s of multiply-adds on registers, all threads together; of our backends. */
  async peak(): Promise<number> {
    return (await this.#ask<{ peak: number }>({ do: "peak" })).peak;
  }
  usage(): Promise<{ megabytes: number }> {
    return this.#ask({ do: "usage" });
  }

  end(): void {
    this.#lines.close();
    this.#child.kill();
  }
}
