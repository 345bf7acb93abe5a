/** @file Calls kernels straight from kernels/bin, with canaries around every buffer: a write outside one fails the test. */
import { readFileSync } from "node:fs";

/** What `put` and the kernels' pointers accept: numbers to copy in, or 0 for "absent". */
export type Data = ArrayLike<number>;

const CANARY = 12345.678;
const PAD = 16; // bytes 0 mod 16 stay so, and an unaligned start is tried below
const modules = new Map<string, WebAssembly.Module>();

/** One instance of `kernels/bin/<name>.wasm` with a memory of its own. Buffers live until `reset`. */
export function load(name: string) {
  let module = modules.get(name);
  if (!module) {
    module = new WebAssembly.Module(readFileSync(new URL(`../../kernels/bin/${name}.wasm`, import.meta.url)));
    modules.set(name, module);
  }
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 65536 });
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<string, CallableFunction> & {
    __heap_base: WebAssembly.Global;
  };
  const real = name.endsWith("f64") ? Float64Array : Float32Array;
  const size = real.BYTES_PER_ELEMENT;
  const heap = kernels.__heap_base.value as number;
  let top = heap;
  let guards: number[] = [];

  const reals = (ptr: number, n: number) => new real(memory.buffer, ptr, n);
  const guard = () => {
    guards.push(top);
    reals(top, PAD).fill(CANARY);
    top += PAD * size;
  };
  function allocate(n: number): number {
    const need = top + (n + 3 * PAD) * size;
    if (need > memory.buffer.byteLength) memory.grow(Math.ceil((need - memory.buffer.byteLength) / 65536));
    top = Math.ceil(top / 16) * 16;
    guard();
    const ptr = top;
    top += n * size; // the next canary follows at once: one element too many is seen
    guard();
    return ptr;
  }

  return {
    /** Forgets all buffers. */
    reset() {
      top = heap;
      guards = [];
    },
    /** A buffer of `n` numbers, all `value`; NaN finds reads of what was never written. */
    fill(n: number, value = Number.NaN): number {
      const ptr = allocate(n);
      reals(ptr, n).fill(value);
      return ptr;
    },
    /** A buffer holding `data`. */
    put(data: Data): number {
      const ptr = allocate(data.length);
      reals(ptr, data.length).set(data);
      return ptr;
    },
    /** A buffer of 32-bit whole numbers. */
    putInts(data: Data): number {
      const ptr = allocate(data.length);
      new Int32Array(memory.buffer, ptr, data.length).set(data);
      return ptr;
    },
    read: (ptr: number, n: number): number[] => Array.from(reals(ptr, n)),
    /** The bits of `n` numbers, for comparisons to the last one. */
    bits: (ptr: number, n: number): string => Buffer.from(memory.buffer, ptr, n * size).toString("hex"),
    call: (kernel: string, ...args: number[]): number => kernels[kernel]!(...args) as number,
    /** Throws if any canary changed. */
    check() {
      for (const at of guards) {
        const bad = reals(at, PAD).findIndex((x) => x !== reals(at, PAD)[0] || Math.abs(x - CANARY) > 0.01);
        if (bad >= 0) throw new Error(`a kernel wrote outside its buffers, at ${at} + ${bad}`);
      }
    },
  };
}

export type Wasm = ReturnType<typeof load>;
