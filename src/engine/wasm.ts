/** @file The WebAssembly backend: one module, one memory, ready at once (no await, no download). */
import { SluiceError } from "../base/errors.ts";
import type { Kernels } from "./abi.gen.ts";
import type { Backend } from "./engine.ts";

/**
 * A module of nothing but one relaxed multiply-add: valid only where relaxed SIMD is.
 * (func (result v128) (f32x4.relaxed_madd (v128.const 0) (v128.const 0) (v128.const 0)))
 */
const relaxedProbe = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 61, 1, 59, 0,
  ...[1, 2, 3].flatMap(() => [253, 12, ...new Array<number>(16).fill(0)]),
  253, 133, 2, 11,
]);

/** Whether this JavaScript engine runs fused multiply-adds in WebAssembly. */
export const hasRelaxedSimd = (): boolean => WebAssembly.validate(relaxedProbe);

/** The bytes of an embedded module. */
function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * A kernel module, compiled and running on a memory.
 * @param code the module, or base64 of it
 * @throws state: this JavaScript engine has no WebAssembly SIMD
 */
export function runModule(name: string, code: string | Uint8Array<ArrayBuffer>, env: WebAssembly.ModuleImports): { module: WebAssembly.Module; exports: WebAssembly.Exports } {
  try {
    const module = new WebAssembly.Module(typeof code === "string" ? decode(code) : code);
    return { module, exports: new WebAssembly.Instance(module, { env }).exports };
  } catch (cause) {
    throw new SluiceError("state", `${name}: this JavaScript engine refuses the kernels, expected WebAssembly with SIMD (Node 16.4, Chrome 91, Firefox 89, Safari 16.4 or later)`, {}, { cause });
  }
}

/** First byte of memory that a module's own data does not use. */
export const heapBaseOf = (exports: WebAssembly.Exports): number => (exports["__heap_base"] as WebAssembly.Global).value as number;

/**
 * A backend of its own memory from a kernel module.
 * @param code the module, or base64 of it
 * @throws state: this JavaScript engine has no WebAssembly SIMD
 */
export function wasmBackend(name: string, code: string | Uint8Array<ArrayBuffer>, bytes: 4 | 8 = 4): Backend {
  const memory = new WebAssembly.Memory({ initial: 32, maximum: 65536 });
  const { exports } = runModule(name, code, { memory });
  return { name, kernels: exports as unknown as Kernels, memory, heapBase: heapBaseOf(exports), bytes, threads: 1 };
}
