/**
 * @file One WebAssembly.Memory, dealt out in two ways: a heap for what lives long (parameters, optimizer state, series) and an
 * arena for what one step makes, taken by moving a mark and given back all at once.
 */
import { SluiceError, showBytes } from "../base/errors.ts";
import type { Ptr } from "./abi.gen.ts";

const PAGE = 65536;
/** A cache line, so that no two tensors share one and vector loads are aligned. */
const ALIGN = 64;

/** A place in the arena to come back to. */
export interface Mark {
  segment: number;
  offset: number;
}

/** Rounds up to one of four sizes per power of two, so that freed blocks fit later requests of about their size. */
function heapClass(bytes: number): number {
  const n = Math.max(bytes, ALIGN);
  const step = Math.max(ALIGN, 2 ** Math.floor(Math.log2(n)) / 4);
  return Math.ceil(n / step) * step;
}

export class Memory {
  #brk: number;
  readonly #free = new Map<number, Ptr[]>();
  readonly #sizes = new Map<Ptr, number>();
  readonly #segments: { ptr: Ptr; size: number }[] = [];
  #segment = 0;
  #offset = 0;
  #heapBytes = 0;
  #arenaBytes = 0;

  /**
   * @param base first byte that the kernels' own data does not use
   * @param maxBytes the most that this memory may grow to, at most 4 GiB
   */
  constructor(
    readonly wasm: WebAssembly.Memory,
    base: number,
    readonly maxBytes: number,
  ) {
    this.#brk = Math.ceil(base / ALIGN) * ALIGN;
  }

  /** Bytes in use: by the heap, the largest arena so far, and the memory as a whole. */
  get usage(): { heap: number; arenaPeak: number; total: number } {
    return { heap: this.#heapBytes, arenaPeak: this.#arenaBytes, total: this.wasm.buffer.byteLength };
  }

  /**
   * Moves the end of the used memory up, growing it where needed.
   * @throws memory: more than `maxBytes`, or the host has no more; nothing has changed then
   */
  #reserve(bytes: number): Ptr {
    const ptr = this.#brk;
    const end = ptr + bytes;
    const missing = end - this.wasm.buffer.byteLength;
    const refuse = (cause?: unknown) =>
      new SluiceError(
        "memory",
        `memory: ${showBytes(bytes)} (${bytes} bytes) more are needed with ${showBytes(ptr)} in use, expected at most ${showBytes(this.maxBytes)} in all; make the batch, the sequence or the hidden size smaller`,
        { bytes, used: ptr, limit: this.maxBytes },
        { cause },
      );
    if (!(end <= this.maxBytes)) throw refuse();
    if (missing > 0) {
      try {
        this.wasm.grow(Math.ceil(missing / PAGE));
      } catch (cause) {
        throw refuse(cause);
      }
    }
    this.#brk = Math.ceil(end / ALIGN) * ALIGN;
    return ptr;
  }

  /**
   * Takes `bytes` of the heap; the content is whatever was there.
   * @throws memory: more than `maxBytes`, or the host has no more; nothing has changed then
   */
  alloc(bytes: number): Ptr {
    const size = heapClass(bytes);
    const ptr = this.#free.get(size)?.pop() ?? this.#reserve(size);
    this.#sizes.set(ptr, size);
    this.#heapBytes += size;
    return ptr;
  }

  /** Gives a heap block back. */
  free(ptr: Ptr): void {
    const size = this.#sizes.get(ptr);
    if (size === undefined) throw new SluiceError("state", `memory: ${ptr} is no heap block in use, expected one from alloc`);
    this.#sizes.delete(ptr);
    this.#heapBytes -= size;
    const list = this.#free.get(size);
    if (list) list.push(ptr);
    else this.#free.set(size, [ptr]);
  }

  /** Where the arena stands now. */
  mark(): Mark {
    return { segment: this.#segment, offset: this.#offset };
  }

  /** Gives back everything taken from the arena since `mark`. */
  release(mark: Mark): void {
    this.#segment = mark.segment;
    this.#offset = mark.offset;
  }

  /**
   * Takes `bytes` of the arena; the content is whatever was there.
   * @throws memory: as for `alloc`; the arena stands where it stood
   */
  take(bytes: number): Ptr {
    const need = Math.ceil(bytes / ALIGN) * ALIGN;
    let at = this.#segment;
    let offset = this.#offset;
    for (; at < this.#segments.length; at++, offset = 0) {
      const segment = this.#segments[at]!;
      const missing = offset + need - segment.size;
      if (missing > 0) {
        if (at < this.#segments.length - 1 || segment.ptr + segment.size !== this.#brk) continue;
        // Nothing lies behind the last segment: let it grow where it is.
        segment.size += this.#grow(Math.max(missing, Math.min(segment.size / 4, 64 * 2 ** 20)), missing);
      }
      return this.#stand(at, offset, need);
    }
    const size = this.#grow(Math.max(need, 2 ** 20), need);
    this.#segments.push({ ptr: this.#brk - size, size });
    return this.#stand(at, 0, need);
  }

  /** Puts the mark behind `need` bytes of a segment that has them, and returns where they begin. */
  #stand(segment: number, offset: number, need: number): Ptr {
    this.#segment = segment;
    this.#offset = offset + need;
    return this.#segments[segment]!.ptr + offset;
  }

  /** Reserves `wish` bytes for the arena, or just `need` where so much is not to be had. */
  #grow(wish: number, need: number): number {
    const size = Math.ceil((this.#brk + wish <= this.maxBytes ? wish : need) / ALIGN) * ALIGN;
    this.#reserve(size);
    this.#arenaBytes += size;
    return size;
  }
}
