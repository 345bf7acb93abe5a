/**
 * @file Truncated back-propagation through time: long sequences cut into parallel streams and chunks, and the state that is carried
 * from one chunk to the next as plain numbers, so that no gradient crosses the border.
 */
import { SluiceError, showShape } from "../base/errors.ts";
import type { Engine, Tensor } from "../engine/index.ts";
import type { SavedTensor } from "./optimizer.ts";

/** What a task keeps from batch to batch; the loop saves it in checkpoints. */
export interface Carried {
  /** The live values by name; not copies. */
  save(): Record<string, Tensor>;
  /** Makes these values, and no others, the carried ones. */
  load(saved: Readonly<Record<string, SavedTensor>>): void;
}

/**
 * Recurrent state that outlives a step, in one heap buffer per name which is used again and again.
 * ```ts
 * const { y, hn } = gru({ x, h0: state.read("h", [B, H]), … });   // inside loss()
 * state.write("h", hn);
 * ```
 */
export class CarriedState implements Carried {
  readonly #buffers = new Map<string, Tensor>();
  /** Names that hold a value; the buffers of the others only wait to be used again. */
  readonly #live = new Set<string>();
  constructor(readonly engine: Engine) {}

  /**
   * The carried value (zeros when there is none) as a constant of the current step: a copy, so that `write` can't change
   * what backward is still going to read.
   * @throws shape: it was written with another shape; `reset()` when the batch size changes
   */
  read(name: string, shape: readonly number[]): Tensor {
    const held = this.#live.has(name) ? this.#buffers.get(name) : undefined;
    if (held === undefined) return this.engine.tensor(shape);
    if (showShape(held.shape) !== showShape(shape)) {
      throw new SluiceError(
        "shape",
        `carried state: "${name}" is ${showShape(held.shape)}, expected ${showShape(shape)}; call reset() when the batch changes its size`,
        { name },
      );
    }
    const copy = this.engine.make(shape);
    this.engine.kernels.copy(copy.ptr, held.ptr, held.size);
    return copy;
  }

  /** Takes over the values of `t`; its history stays behind. */
  write(name: string, t: Tensor): void {
    const held = this.#buffers.get(name);
    if (held && showShape(held.shape) === showShape(t.shape)) this.engine.kernels.copy(held.ptr, t.ptr, t.size);
    else this.#buffers.set(name, this.engine.keep(t));
    this.#live.add(name);
  }

  /** Forgets everything: the next `read` gives zeros. At the start of an epoch, of a new text. */
  reset(): void {
    this.#live.clear();
  }

  save(): Record<string, Tensor> {
    return Object.fromEntries([...this.#buffers].filter(([name]) => this.#live.has(name)));
  }

  load(saved: Readonly<Record<string, SavedTensor>>): void {
    this.reset();
    for (const [name, { shape, data }] of Object.entries(saved))
      this.engine.scope(() => this.write(name, this.engine.tensor(shape, data)));
  }
}

export interface StreamOptions {
  /** Steps of the long sequence. */
  length: number;
  /** Parallel streams: the batch size B. */
  streams: number;
  /** Steps per chunk: how far the gradient reaches back. */
  chunk: number;
  /** How far a target may lie ahead of its input: 1 to predict the next step. Default 1. */
  ahead?: number;
}

/**
 * One sequence of `length` steps as B streams side by side: stream b takes the rows b·S … b·S + S − 1, and chunk i of every stream
 * follows its chunk i − 1, so that state can be carried. S = ⌊(length − ahead) / B⌋; up to B − 1 + ahead steps at the end are targets at most.
 */
export class Streams {
  /** Steps of one stream. */
  readonly steps: number;
  /** Chunks in one epoch; the last may be shorter. */
  readonly chunks: number;
  readonly streams: number;
  readonly chunk: number;

  /** @throws range: a size that is no whole number from 1; data: fewer steps than streams */
  constructor({ length, streams, chunk, ahead = 1 }: StreamOptions) {
    for (const [name, n, least] of [
      ["streams", streams, 1],
      ["chunk", chunk, 1],
      ["length", length, 0],
      ["ahead", ahead, 0],
    ] as const) {
      if (!Number.isInteger(n) || n < least)
        throw new SluiceError("range", `streams: ${name} is ${n}, expected a whole number from ${least}`, { [name]: n });
    }
    this.steps = Math.floor((length - ahead) / streams);
    if (this.steps < 1) {
      throw new SluiceError(
        "data",
        `streams: length is ${length}, expected at least ${streams + ahead} for ${streams} streams with targets ${ahead} ahead; use fewer streams`,
      );
    }
    this.streams = streams;
    this.chunk = chunk;
    this.chunks = Math.ceil(this.steps / chunk);
  }

  /** Number of steps L in chunk `index`. */
  lengthOf(index: number): number {
    return Math.min(this.chunk, this.steps - index * this.chunk);
  }

  /**
   * The rows of chunk `index`, time first: element t·B + b is the row of step t of stream b. Targets are these rows plus `ahead`.
   * @param out room for L·B numbers, to be used again; made when left out
   */
  rows(index: number, out = new Int32Array(this.lengthOf(index) * this.streams)): Int32Array {
    if (!(Number.isInteger(index) && index >= 0 && index < this.chunks)) {
      throw new SluiceError("range", `streams: chunk is ${index}, expected 0 to ${this.chunks - 1}`, { index });
    }
    const n = this.lengthOf(index);
    for (let t = 0; t < n; t++)
      for (let b = 0; b < this.streams; b++) out[t * this.streams + b] = b * this.steps + index * this.chunk + t;
    return out;
  }
}
