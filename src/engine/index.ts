/** @file The engine as the floors above use it. */
import { type Backend, Engine } from "./engine.ts";
import { code as plain } from "./wasm/plain.embed.ts";
import { code as relaxed } from "./wasm/relaxed.embed.ts";
import { hasRelaxedSimd, wasmBackend } from "./wasm.ts";

export { type Backend, Engine } from "./engine.ts";
export { Param, type RealArray, type Scope, Tensor } from "./tensor.ts";
export { hasRelaxedSimd, wasmBackend } from "./wasm.ts";

export interface EngineOptions {
  /** The most memory to use, in bytes; WebAssembly gives at most 4 GiB. */
  maxBytes?: number;
  /** 0–4, otherwise what the DEBUG environment variable says. */
  debug?: number;
  /** `plain` gives the same bits everywhere; `relaxed` fuses multiply-adds; left out: the fastest that this JavaScript engine has. */
  simd?: "plain" | "relaxed";
}

/** An engine with the fastest float32 kernels that this JavaScript engine runs, with a memory of its own. */
export function createEngine(options: EngineOptions = {}): Engine {
  const simd = options.simd ?? (hasRelaxedSimd() ? "relaxed" : "plain");
  const backend: Backend = simd === "relaxed" ? wasmBackend("wasm-relaxed", relaxed) : wasmBackend("wasm-plain", plain);
  return new Engine(backend, options);
}
