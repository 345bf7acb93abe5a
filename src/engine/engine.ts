/** @file Memory, kernels and the tape: everything an op needs, and nothing about any op. */
import { sizeOf } from "../base/axes.ts";
import { SluiceError, showShape } from "../base/errors.ts";
import { debugLevel } from "../base/log.ts";
import type { Kernels, Ptr } from "./abi.gen.ts";
import { Memory } from "./memory.ts";
import { Param, type RealArray, type Scope, Tensor } from "./tensor.ts";

/** Kernels bound to a memory of their own: what a backend hands to an engine. */
export interface Backend {
  /** `wasm-plain`, `wasm-relaxed`, … */
  readonly name: string;
  readonly kernels: Kernels;
  readonly memory: WebAssembly.Memory;
  /** First byte of memory that the kernels' own data does not use. */
  readonly heapBase: number;
  /** Bytes of a real number: 4 to run, 8 to check gradients. */
  readonly bytes: 4 | 8;
  /** Why it was chosen, for DEBUG=1. */
  readonly why?: string;
  /** The most threads that a kernel runs on, the caller's included; 1 when left out. The results have the same bytes on any number. */
  readonly threads?: number;
  /** Why so many. */
  readonly threadsWhy?: string;
  /** The most that its memory can grow to, where that is less than 4 GiB. */
  readonly maxBytes?: number;
}

/** What an op leaves behind on the tape. */
export interface Recorded {
  /** Adds into the gradients of the op's inputs, if any gradient reached its outputs. */
  backward(): void;
}

/** What an op keeps beside parameters from one call to the next: addresses by parameter and size. */
export type Kept = WeakMap<Tensor, Map<number, Ptr>>;

/** One memory, one set of kernels, one tape. Engines share nothing, so each may run in a worker of its own. */
export class Engine {
  readonly kernels: Kernels;
  readonly memory: Memory;
  readonly bytes: 4 | 8;
  readonly backend: string;
  /** Why this backend was chosen. */
  readonly why: string;
  /** The most threads that a kernel runs on. Small calls run on one, and steps of a stream unless it is opened with more. */
  readonly threads: number;
  /** Why so many. */
  readonly threadsWhy: string;
  /** 0 silent; 1 device and sizes; 2 time and bytes of each op; 3 shapes; 4 stop at the first non-finite value. */
  debug: number;
  /** Stop at the first non-finite value as level 4 does, printing nothing: how the training loop explains a loss that is NaN. */
  watch = false;
  /** Said in front of numeric errors: which training step is running. */
  where = "";
  #tape: Recorded[] | null = null;
  /** The tape of the `record` that is running. */
  #filling: Recorded[] | null = null;
  #scope: Scope | null = null;
  #f32: Float32Array | null = null;
  #f64: Float64Array | null = null;
  #i32: Int32Array | null = null;
  /** Gives heap blocks back, a tensor's and its gradient's, once nobody holds the tensor. */
  readonly #collected = new FinalizationRegistry<Ptr>((ptr) => this.memory.free(ptr));

  /** @param options.maxBytes the most memory this engine may use; 4 GiB is the most that WebAssembly gives */
  constructor(backend: Backend, options: { maxBytes?: number; debug?: number } = {}) {
    this.kernels = backend.kernels;
    this.bytes = backend.bytes;
    this.backend = backend.name;
    this.why = backend.why ?? "";
    this.threads = backend.threads ?? 1;
    this.threadsWhy = backend.threadsWhy ?? "";
    this.memory = new Memory(backend.memory, backend.heapBase, Math.min(options.maxBytes ?? Infinity, backend.maxBytes ?? Infinity, 65536 * 65536 - 65536));
    this.debug = options.debug ?? debugLevel();
    if (this.debug >= 1) {
      const because = (why: string) => (why ? ` (${why})` : "");
      console.error(`sluice: backend ${this.backend}${because(this.why)}, ${this.threads} thread${this.threads > 1 ? "s" : ""}${because(this.threadsWhy)}, ${this.bytes * 8}-bit reals, at most ${this.memory.maxBytes} bytes`);
    }
  }

  /** `n` reals at `ptr`; a view that the next allocation may detach. */
  reals(ptr: Ptr, n: number): RealArray {
    const buffer = this.memory.wasm.buffer;
    if (this.bytes === 4) {
      if (this.#f32?.buffer !== buffer) this.#f32 = new Float32Array(buffer);
      return this.#f32!.subarray(ptr >>> 2, (ptr >>> 2) + n);
    }
    if (this.#f64?.buffer !== buffer) this.#f64 = new Float64Array(buffer);
    return this.#f64!.subarray(ptr >>> 3, (ptr >>> 3) + n);
  }

  /** `n` 32-bit integers at `ptr`; a view that the next allocation may detach. */
  ints32(ptr: Ptr, n: number): Int32Array {
    const buffer = this.memory.wasm.buffer;
    if (this.#i32?.buffer !== buffer) this.#i32 = new Int32Array(buffer);
    return this.#i32!.subarray(ptr >>> 2, (ptr >>> 2) + n);
  }

  /** Runs `f`; whatever is made inside is given back at its end, so return numbers, not tensors. */
  scope<R>(f: () => R): R {
    const mark = this.memory.mark();
    const outer = this.#scope;
    const tape = this.#tape;
    const scope = { open: true };
    this.#scope = scope;
    this.#tape = null; // what is made in here does not outlive it, so an outer tape must not remember it
    try {
      return f();
    } finally {
      scope.open = false;
      this.#scope = outer;
      this.#tape = tape;
      this.memory.release(mark);
    }
  }

  /**
   * Runs `f` and remembers its ops, so that `backward` can be called on what it returns.
   * @throws state: called inside another recording (a scope of its own may have one)
   */
  record<R>(f: () => R): R {
    const outer = this.#filling;
    if (this.#tape !== null && this.#tape === outer) {
      throw new SluiceError("state", "record: it is called inside another record, expected one at a time; record the whole computation once, or put the inner one into engine.scope(() => …)");
    }
    const tape: Recorded[] = [];
    this.#tape = tape;
    this.#filling = tape;
    try {
      return f();
    } catch (error) {
      if (this.#tape === tape) this.#tape = null;
      throw error;
    } finally {
      this.#filling = outer;
    }
  }

  /** Runs `f` without remembering its ops. */
  noGrad<R>(f: () => R): R {
    const tape = this.#tape;
    this.#tape = null;
    try {
      return f();
    } finally {
      this.#tape = tape;
    }
  }

  get recording(): boolean {
    return this.#tape !== null;
  }

  /** Puts an op on the tape. */
  remember(op: Recorded): void {
    this.#tape?.push(op);
  }

  /**
   * Adds d(loss)/d(t) into the gradient of every tensor that the recorded loss depends on, and clears the tape.
   * @param loss one element
   * @param scale what the gradients are multiplied by, 1 unless accumulating over several batches
   */
  backward(loss: Tensor, scale = 1): void {
    const tape = this.#tape;
    if (tape === null || !loss.needsGrad) {
      throw new SluiceError("state", "backward: nothing has been recorded for this loss; make it inside engine.record(() => …) from parameters");
    }
    if (loss.size !== 1) throw new SluiceError("shape", `backward: loss is ${showShape(loss.shape)}, expected one element`);
    this.#tape = null;
    this.reals(this.gradOf(loss), 1)[0] = scale;
    for (let i = tape.length - 1; i >= 0; i--) tape[i]!.backward();
  }

  /** The address of a tensor's gradient, zeros when first asked for. */
  gradOf(t: Tensor): Ptr {
    if (t.base) return this.gradOf(t.base) + (t.ptr - t.base.ptr);
    if (t.gradPtr === 0) {
      const bytes = t.size * this.bytes;
      // The arena's next bytes last as long as the scope that is open now, which may end before the tensor's own.
      if (t.scope !== null && t.scope === this.#scope) t.gradPtr = this.memory.take(bytes);
      else {
        t.gradPtr = this.memory.alloc(bytes);
        this.#collected.register(t, t.gradPtr);
      }
      this.reals(t.gradPtr, t.size).fill(0);
    }
    return t.gradPtr;
  }

  /** Room for a tensor: in the scope, or on the heap when none is open. The content is whatever was there. */
  make(shape: readonly number[], kind: "real" | "int" = "real", needsGrad = false): Tensor {
    if (this.#scope !== null) return new Tensor(this, this.memory.take(this.#bytesOf(shape, kind)), shape, kind, needsGrad, this.#scope);
    return this.#owned(new Tensor(this, this.memory.alloc(this.#bytesOf(shape, kind)), shape, kind, needsGrad, null));
  }

  /**
   * A tensor of reals with the given elements, or zeros.
   * @param options.grad ask for its gradient
   */
  tensor(shape: readonly number[], data?: ArrayLike<number>, options: { grad?: boolean } = {}): Tensor {
    const own = this.#apart(data);
    return this.#load(this.make(shape, "real", options.grad ?? false), own);
  }

  /** A tensor of 32-bit integers: token numbers, lengths. */
  ints(shape: readonly number[], data?: ArrayLike<number>): Tensor {
    const own = this.#apart(data);
    return this.#load(this.make(shape, "int"), own);
  }

  /** A parameter on the heap; it is given back when nobody holds it any more. */
  param(shape: readonly number[], data?: ArrayLike<number>): Param {
    const own = this.#apart(data);
    return this.#load(this.#owned(new Param(this, this.memory.alloc(this.#bytesOf(shape, "real")), shape)), own);
  }

  /** A copy of `t` that outlives the scope: state carried from one step to the next. */
  keep(t: Tensor): Tensor {
    const kept = this.hold(t.shape, t.kind);
    kept.data.set(t.data);
    return kept;
  }

  /** Room on the heap whether or not a scope is open, given back when nobody holds the tensor any more. The content is whatever was there. */
  hold(shape: readonly number[], kind: "real" | "int" = "real"): Tensor {
    return this.#owned(new Tensor(this, this.memory.alloc(this.#bytesOf(shape, kind)), shape, kind, false, null));
  }

  /**
   * Room of `bytes` beside a parameter, the same at every call, zeros at first; given back with the parameter. 0 where there is none: for 0
   * bytes, beside other tensors (a view's or a result's numbers come and go), and where memory is short, since it saves time and nothing else.
   */
  keepBeside(t: Tensor, kept: Kept, bytes: number): Ptr {
    if (bytes === 0 || !(t instanceof Param)) return 0;
    let places = kept.get(t);
    if (places === undefined) {
      places = new Map();
      kept.set(t, places);
    }
    let ptr = places.get(bytes);
    if (ptr === undefined) {
      try {
        ptr = this.memory.alloc(bytes);
      } catch {
        return 0;
      }
      this.reals(ptr, bytes / this.bytes).fill(0);
      this.#collected.register(t, ptr);
      places.set(bytes, ptr);
    }
    return ptr;
  }

  /** `t`, whose heap block is given back when nobody holds it any more. */
  #owned<X extends Tensor>(t: X): X {
    this.#collected.register(t, t.ptr);
    return t;
  }

  #bytesOf(shape: readonly number[], kind: "real" | "int"): number {
    const bytes = sizeOf(shape) * (kind === "int" ? 4 : this.bytes);
    if (!Number.isSafeInteger(bytes) || !shape.every((d) => Number.isInteger(d) && d >= 0)) {
      throw new SluiceError("range", `tensor: shape is ${showShape(shape)}, expected whole numbers from 0 whose product fits in memory`);
    }
    return bytes;
  }

  /** `data`, or a copy where it is a view of this engine's memory: making room may move that. */
  #apart(data: ArrayLike<number> | undefined): ArrayLike<number> | undefined {
    return ArrayBuffer.isView(data) && data.buffer === this.memory.wasm.buffer ? Array.from(data) : data;
  }

  #load<X extends Tensor>(t: X, data: ArrayLike<number> | undefined): X {
    if (data === undefined) t.data.fill(0);
    else if (data.length !== t.size) {
      throw new SluiceError("shape", `tensor: ${data.length} numbers given for shape ${showShape(t.shape)}, expected ${t.size}`);
    } else t.data.set(data);
    return t;
  }
}
