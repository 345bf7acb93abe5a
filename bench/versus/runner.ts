/** @file One library in a process of its own: started only where it is installed, spoken to in lines of JSON (bench/peers/host.mjs). */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Case } from "./cases.ts";

/** How to start one library. */
export interface Contestant {
  /** What `--only` calls it: `wasm`, `avx512`, `pytorch`, `onnxruntime-node`, … */
  readonly key: string;
  readonly ours: boolean;
  readonly command: string;
  readonly args: readonly string[];
  /** Why it is not here, if it is not. */
  readonly absent?: string;
}

const peers = "bench/peers";
const python = "/usr/bin/python3"; // Debian's own interpreter, which its python3-torch belongs to

/** Our backends, then the peers. @param ours file of our adapter, ready to run */
export function contestants(ours: string, isas: readonly string[], threads: number): Contestant[] {
  const host = (file: string, options: object) => [join(peers, "host.mjs"), file, JSON.stringify({ ...options, threads })];
  const node = { command: process.execPath };
  const peer = (key: string, file: string, needs: string, options: object = {}): Contestant => ({
    ...{ key, ours: false, ...node, args: host(join(peers, file), options) },
    ...(existsSync(join(peers, "node_modules", needs)) ? {} : { absent: `${needs} is not installed; npm ci --ignore-scripts --prefix ${peers}` }),
  });
  const torch = spawnSync(python, ["-c", "import torch"], { stdio: "ignore" }).status === 0;
  return [
    { key: "wasm", ours: true, ...node, args: host(ours, { backend: "wasm", simd: "plain" }) },
    ...isas.map((isa) => ({ key: isa, ours: true, ...node, args: host(ours, { backend: "native", isa }) })),
    { key: "pytorch", ours: false, command: python, args: [join(peers, "pytorch.py"), JSON.stringify({ threads })], ...(torch ? {} : { absent: `${python} has no torch; Debian's package is python3-torch` }) },
    peer("onnxruntime-node", "onnxruntime-node.mjs", "onnxruntime-node"),
    peer("onnxruntime-web", "onnxruntime-web.mjs", "onnxruntime-web"),
    peer("jax-js", "jax-js.mjs", "@jax-js/jax"),
    peer("tfjs-wasm", "tfjs.mjs", "@tensorflow/tfjs-backend-wasm", { backend: "wasm" }),
    peer("tfjs-cpu", "tfjs.mjs", "@tensorflow/tfjs", { backend: "cpu" }),
    peer("brain", "brain.mjs", "brain.js"),
  ];
}

/** A library that has no such function, or is too slow to wait for: said in the report, no failure. */
export class CannotDo extends Error {}

export interface Spent {
  readonly wall: number;
  readonly cpu: number;
}

/** Settings that some shells export and that slow OpenBLAS down. */
const { OPENBLAS_CORETYPE: _1, OPENBLAS_L2_SIZE: _2, ...environment } = process.env;

/** A started library. Requests one at a time. */
export class Runner {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  readonly #spawned = performance.now();
  #said = "";

  constructor(
    readonly who: Contestant,
    threads: number,
  ) {
    const one = String(threads);
    this.#child = spawn(who.command, who.args, { env: { ...environment, OMP_NUM_THREADS: one, OPENBLAS_NUM_THREADS: one, MKL_NUM_THREADS: one } });
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
    if (done) throw new Error(`${this.who.key}: ended without an answer; it said: ${this.#said || "nothing"}`);
    const answer = JSON.parse(value) as A & { error?: string; cannot?: string };
    if (answer.cannot !== undefined) throw new CannotDo(answer.cannot);
    if (answer.error !== undefined) throw new Error(`${this.who.key}: ${answer.error}`);
    return answer;
  }

  /** @param sizes how many numbers of each name stand in the file, in order */
  prepare(c: Case, file: string, sizes: Readonly<Record<string, number>>): Promise<{ name: string; version: string }> {
    const { kind, form, L, B, I, H, O } = c;
    return this.#ask({ do: "prepare", kind, form, L, B, I, H, O, file, sizes });
  }
  /** The computation once; what came of it, by name. Gives up after 20 seconds. */
  async check(out: string, steps: number): Promise<Record<string, Float32Array>> {
    const { sizes } = await this.#ask<{ sizes: Record<string, number> }>({ do: "check", out, steps }, 20_000);
    const bytes = readFileSync(out);
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
  usage(): Promise<{ megabytes: number }> {
    return this.#ask({ do: "usage" });
  }

  end(): void {
    this.#lines.close();
    this.#child.kill();
  }
}
