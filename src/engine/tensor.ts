/** @file A tensor: an address, a shape and, when asked for, a gradient. It owns nothing; the scope or the engine does. */
import { sizeOf } from "../base/axes.ts";
import { SluiceError, showShape } from "../base/errors.ts";
import type { Ptr } from "./abi.gen.ts";
import type { Engine } from "./engine.ts";

/** What gives a tensor's memory back: open while the scope's function runs. */
export interface Scope {
  open: boolean;
}

export type RealArray = Float32Array | Float64Array;

/** Numbers in engine memory, row-major, without gaps. Made by an engine or an op, never by `new` in user code. */
export class Tensor {
  /** Address of the gradient, 0 while none has been asked for. Views share their base's. */
  gradPtr: Ptr = 0;

  constructor(
    readonly engine: Engine,
    readonly ptr: Ptr,
    readonly shape: readonly number[],
    readonly kind: "real" | "int",
    readonly needsGrad: boolean,
    readonly scope: Scope | null,
    /** The tensor that this one is a part of. */
    readonly base: Tensor | null = null,
  ) {}

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /**
   * The elements themselves, not a copy: valid until the engine next allocates.
   * @throws state: the scope that made this tensor has ended
   */
  get data(): RealArray | Int32Array {
    this.assertAlive("data");
    return this.kind === "int" ? this.engine.ints32(this.ptr, this.size) : this.engine.reals(this.ptr, this.size);
  }

  /** A copy of the elements that stays. */
  toArray(): RealArray | Int32Array {
    return this.data.slice();
  }

  /** The single element of a tensor of size 1. */
  item(): number {
    if (this.size !== 1) throw new SluiceError("shape", `item: tensor is ${showShape(this.shape)}, expected one element; use toArray()`);
    return this.data[0]!;
  }

  /** The gradient's elements (not a copy), or null when backward has not reached this tensor. */
  get grad(): RealArray | null {
    const ptr = this.base ? (this.base.gradPtr ? this.engine.gradOf(this) : 0) : this.gradPtr;
    return ptr ? this.engine.reals(ptr, this.size) : null;
  }

  /** The same elements under another shape; one axis may be -1 and is computed. No copy. */
  reshape(...shape: number[]): Tensor {
    const known = sizeOf(shape.filter((d) => d !== -1));
    const full = shape.map((d) => (d === -1 ? this.size / known : d));
    if (sizeOf(full) !== this.size || !full.every((d) => Number.isInteger(d) && d >= 0)) {
      throw new SluiceError("shape", `reshape: ${showShape(this.shape)} to ${showShape(shape)} does not keep the ${this.size} elements`);
    }
    return this.#view(this.ptr, full);
  }

  /** Entries `from` (included) to `to` (excluded) of the first axis. No copy. */
  slice(from: number, to: number): Tensor {
    const [n = 0, ...rest] = this.shape;
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= n && this.shape.length > 0)) {
      throw new SluiceError("range", `slice: ${from} to ${to} of ${showShape(this.shape)}, expected 0 ≤ from ≤ to ≤ ${n}`);
    }
    return this.#view(this.ptr + from * sizeOf(rest) * this.bytesPerElement, [to - from, ...rest]);
  }

  /** Entry `index` of the first axis, which it loses; negative counts from the end. No copy. */
  at(index: number): Tensor {
    const [n = 0, ...rest] = this.shape;
    const i = index < 0 ? index + n : index;
    return this.slice(i, i + 1).reshape(...rest);
  }

  get bytesPerElement(): number {
    return this.kind === "int" ? 4 : this.engine.bytes;
  }

  /** @throws state: the memory behind this tensor has been given back */
  assertAlive(where: string): void {
    if (this.scope !== null && !this.scope.open) {
      throw new SluiceError(
        "state",
        `${where}: a tensor ${showShape(this.shape)} is used after the scope that made it ended; return numbers (toArray) from a scope, or engine.keep(tensor)`,
      );
    }
  }

  #view(ptr: Ptr, shape: readonly number[]): Tensor {
    return new Tensor(this.engine, ptr, shape, this.kind, this.needsGrad, this.scope, this.base ?? this);
  }
}

/** A tensor that is trained: it lives on the heap, keeps its gradient between steps, and has a name. */
export class Param extends Tensor {
  /** Its path in the model (`encoder.weight_ih_l0`): in the checkpoint, in an error, in a report. */
  name = "";
  /** Frozen parameters get no gradient and no update. */
  frozen = false;

  constructor(engine: Engine, ptr: Ptr, shape: readonly number[]) {
    super(engine, ptr, shape, "real", true, null);
  }
}
