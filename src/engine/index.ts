/** @file The engine as the floors above use it, and the choice of what it runs on. */
import { SluiceError } from "../base/errors.ts";
import { type Backend, Engine } from "./engine.ts";
import { type Isa, nativeBackend, nativeStatus } from "./native.ts";
import { chooseThreads } from "./threads.ts";
import { noSharedMemory, wasmWorkers } from "./threads-wasm.ts";
import { code as plain } from "./wasm/plain.embed.ts";
import { code as plainThreads } from "./wasm/plain-threads.embed.ts";
import { code as relaxed } from "./wasm/relaxed.embed.ts";
import { code as relaxedThreads } from "./wasm/relaxed-threads.embed.ts";
import { hasRelaxedSimd, wasmBackend } from "./wasm.ts";

export { type Backend, Engine } from "./engine.ts";
export { type Isa, nativeBackend, nativeStatus } from "./native.ts";
export { cores } from "./threads.ts";
export { Param, type RealArray, type Scope, Tensor } from "./tensor.ts";
export { hasRelaxedSimd, wasmBackend } from "./wasm.ts";

export interface EngineOptions {
  /** The most memory to use, in bytes; WebAssembly gives at most 4 GiB. */
  maxBytes?: number;
  /** 0–4, otherwise what the DEBUG environment variable says. */
  debug?: number;
  /**
   * `auto`: the native addon where there is one, otherwise WebAssembly. `native` and `wasm` insist. Left out: what the SLUICE_BACKEND
   * environment variable says, otherwise `auto`.
   */
  backend?: "auto" | "native" | "wasm";
  /** WebAssembly only. `plain` gives the same bits everywhere; `relaxed` fuses multiply-adds; left out: the fastest that this JavaScript engine has. */
  simd?: "plain" | "relaxed";
  /**
   * Native only: the instruction set. Left out: what SLUICE_ISA says, otherwise the fastest that this processor has. `avx512bf16` trains up to
   * 1.8 times as fast as `avx512` and rounds what goes into matrix products to bfloat16 (docs/numerics.md says what that costs).
   */
  isa?: Isa;
  /**
   * The most threads that a kernel runs on, the caller's included. Left out: what SLUICE_THREADS says, otherwise one per core that this process
   * may use. Results have the same bytes on any number. WebAssembly needs shared memory for more than one (a page: cross-origin isolation),
   * and runs on one where there is none.
   */
  threads?: number;
}

/** An environment variable, or undefined where it is not set or there is no environment. */
const environment = (name: string): string | undefined =>
  (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.[name] || undefined;

/** `value`, if it is one of `due`. */
function oneOf<V extends string>(value: string | undefined, due: readonly V[], what: string, who: string): V | undefined {
  if (value === undefined || due.includes(value as V)) return value as V | undefined;
  throw new SluiceError("range", `createEngine: ${what} is "${value}", expected ${due.map((d) => `"${d}"`).join(", ")}; ${who}`);
}

const backends = ["auto", "native", "wasm"] as const;
const isas = ["avx512", "avx512bf16", "avx2", "sse2", "neon"] as const;

function choose(options: EngineOptions): Backend {
  const threads = chooseThreads(options.threads, environment("SLUICE_THREADS"));
  const isa = oneOf(options.isa, isas, "isa", "from the options") ?? oneOf(environment("SLUICE_ISA"), isas, "isa", "SLUICE_ISA decides");
  const asked = oneOf(options.backend, backends, "backend", "from the options");
  if (options.simd !== undefined && (asked === "native" || options.isa !== undefined)) {
    throw new SluiceError("range", `createEngine: simd is "${options.simd}", expected none with the native backend; leave out simd, or backend and isa`);
  }
  const set = oneOf(environment("SLUICE_BACKEND"), backends, "backend", "SLUICE_BACKEND decides");
  const backend = options.simd !== undefined ? "wasm" : (asked ?? (options.isa !== undefined ? "native" : (set ?? "auto")));
  let why = backend === "wasm" ? (options.simd !== undefined || asked === "wasm" ? "asked for" : "SLUICE_BACKEND=wasm") : "";
  if (backend !== "wasm") {
    const { addon, why: found } = nativeStatus();
    if (addon !== null) {
      const because = isa ? `isa ${isa} asked for; ${found}` : `fastest of ${addon.isas.join(", ")}; ${found}`;
      return { ...nativeBackend(addon, isa, because, threads.count), threadsWhy: threads.why };
    }
    if (backend === "native") {
      throw new SluiceError("state", `createEngine: backend "native" is not there, ${found}; run "npm run native" in the repository, install @sluice/native-<platform>-<arch>, or leave the choice to "auto"`);
    }
    why = found;
  }
  const simd = options.simd ?? (hasRelaxedSimd() ? "relaxed" : "plain");
  let alone = threads.count > 1 ? noSharedMemory() : null;
  if (threads.count > 1 && alone === null) {
    try {
      return { ...wasmWorkers(`wasm-${simd}`, simd === "relaxed" ? relaxedThreads : plainThreads, threads.count, options.maxBytes), why, threadsWhy: threads.why };
    } catch (cause) {
      alone = `shared memory is refused here (${cause instanceof Error ? cause.message : String(cause)})`;
    }
  }
  if (alone !== null && threads.asked) console.error(`sluice: threads are ${threads.count} (${threads.why}), but ${alone}: one thread runs`);
  return { ...wasmBackend(`wasm-${simd}`, simd === "relaxed" ? relaxed : plain), why, threadsWhy: alone ?? threads.why };
}

/** An engine with the fastest float32 kernels that run here, with a memory of its own. */
export function createEngine(options: EngineOptions = {}): Engine {
  return new Engine(choose(options), options);
}
