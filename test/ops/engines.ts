/**
 * @file Engines straight from kernels/bin, so that these tests need no build step. Float32 is what runs, float64 what gradients
 * are checked with.
 */
import { readFileSync } from "node:fs";
import type { Kernels } from "../../src/engine/abi.gen.ts";
import { Engine } from "../../src/engine/engine.ts";

export function engineOf(build: "plain" | "plain-f64" | "plain-infer"): Engine {
  const code = readFileSync(new URL(`../../kernels/bin/${build}.wasm`, import.meta.url));
  const memory = new WebAssembly.Memory({ initial: 32, maximum: 65536 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } });
  const heapBase = (exports["__heap_base"] as WebAssembly.Global).value as number;
  return new Engine(
    { name: build, kernels: exports as unknown as Kernels, memory, heapBase, bytes: build === "plain-f64" ? 8 : 4 },
    { debug: 0 },
  );
}
export const f32 = engineOf("plain");
export const f64 = engineOf("plain-f64");
