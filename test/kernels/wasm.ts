/**
 * @file Calls kernels straight from kernels/bin, or from the native addon, with canaries around every buffer: a write outside one
 * fails the test.
 */
import { readFileSync } from "node:fs";
import { type Isa, nativeBackend, nativeStatus } from "../../src/engine/native.ts";
import { wasmWorkers } from "../../src/engine/threads-wasm.ts";

/** What `put` and the kernels' pointers accept: numbers to copy in, or 0 for "absent". */
export type Data = ArrayLike<number>;

const CANARY = 12345.678;
const PAD = 16; // bytes 0 mod 16 stay so, and an unaligned start is tried below
const modules = new Map<string, WebAssembly.Module>();

/** What `load` takes for the addon's kernels: one name per instruction set that this processor has, none without an addon. */
export const natives: readonly string[] = (nativeStatus().addon?.isas ?? []).map((isa) => `native-${isa}`);

interface Opened {
  kernels: Record<string, CallableFunction>;
  memory: WebAssembly.Memory;
  heap: number;
}

/** One set of kernels on several threads, kept: it has workers. Nothing is too little for them to share. */
const shared = new Map<string, Opened>();
function openShared(name: string, threads: number): Opened {
  const key = `${name} ${threads}`;
  let opened = shared.get(key);
  if (opened) return opened;
  const native = name.startsWith("native-");
  const { kernels, memory, heapBase } = native
    ? nativeBackend(nativeStatus().addon!, name.slice("native-".length) as Isa, "", threads, 1)
    : wasmWorkers(name, readFileSync(new URL(`../../kernels/bin/${name}-threads.wasm`, import.meta.url)), threads, Infinity, 1);
  opened = { kernels: kernels as unknown as Record<string, CallableFunction>, memory, heap: heapBase };
  shared.set(key, opened);
  if (!native) {
    // Enough to call for the workers, and then they have to come: a test that runs on one thread tests nothing.
    opened.kernels["linear_forward"]!(heapBase, heapBase, heapBase, 0, 0, heapBase + 8192, 8, 1, 1);
    const wait = new Int32Array(new SharedArrayBuffer(4));
    const until = Date.now() + 20_000;
    while (opened.kernels["team_ready"]!() < threads - 1) {
      if (Date.now() > until) throw new Error(`${key}: the workers do not come`);
      Atomics.wait(wait, 0, 0, 2);
    }
  }
  return opened;
}

/** Kernels and the memory that they work in. */
function open(name: string): Opened {
  if (name.startsWith("native-")) {
    const { kernels, memory, heapBase } = nativeBackend(nativeStatus().addon!, name.slice("native-".length) as Isa);
    const named = kernels as unknown as Record<string, CallableFunction>;
    const functions = Object.fromEntries(["exp", "sigmoid", "tanh"].map((f) => [`probe_${f}`, named[`${f}_forward`]!]));
    return { kernels: { ...named, ...functions }, memory, heap: heapBase };
  }
  let module = modules.get(name);
  if (!module) {
    module = new WebAssembly.Module(readFileSync(new URL(`../../kernels/bin/${name}.wasm`, import.meta.url)));
    modules.set(name, module);
  }
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 65536 });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return {
    kernels: exports as Record<string, CallableFunction>,
    memory,
    heap: (exports["__heap_base"] as WebAssembly.Global).value as number,
  };
}

/**
 * One instance of `kernels/bin/<name>.wasm`, or of one of `natives`, with a memory of its own. Buffers live until `reset`.
 * @param threads more than one: on shared memory, which all who ask for as many use after one another
 */
export function load(name: string, threads = 1) {
  const { kernels, memory, heap } = threads > 1 ? openShared(name, threads) : open(name);
  const real = name.endsWith("f64") ? Float64Array : Float32Array;
  const size = real.BYTES_PER_ELEMENT;
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
    /** Puts other numbers where some are. */
    write: (ptr: number, data: Data): void => reals(ptr, data.length).set(data),
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
