/**
 * @file Streaming: samples in, results out, one kernel call for the whole network and nothing allocated on the way. State is the caller's
 * through snapshots: plain bytes that a session of the same network takes up again, here or elsewhere.
 */
import { SluiceError } from "../base/errors.ts";
import { fingerprint } from "../base/hash.ts";
import type { Kernels } from "../engine/abi.gen.ts";
import type { Tensor } from "../engine/tensor.ts";
import { checkSize } from "./cell.ts";
import type { Linear } from "./linear.ts";
import type { Recurrent } from "./stack.ts";
import { StreamPlan, type StreamWeights } from "./stream-plan.ts";

export interface StreamOptions {
  /** Affine layers behind the stack, in their order. */
  head?: Linear | readonly Linear[];
  /** How the weights are kept: `f32` (default: the same bits as `sequence`), `bf16` (half the memory) or `int8` (a quarter, and the fastest from some 64 units on), which round them. */
  weights?: StreamWeights;
  /**
   * Threads of a step, at most as many as the engine's: the same bits in less time where the network is large (from some 150 units on) or the
   * sessions are many, and samples follow one another closely. Default 1: no other core is kept busy.
   */
  threads?: number;
}

/** One session. */
export interface Stream {
  /** Numbers of a sample. */
  readonly inputSize: number;
  /** Numbers of a result. */
  readonly outputSize: number;
  /**
   * The result after one more sample: always the same array, overwritten by the next push; copy what must stay. (Only when the
   * engine's memory has grown in between is it another one, and the old one is empty.)
   * @param sample inputSize finite numbers
   * @throws shape: a sample of another size; data: NaN or infinite numbers. The state is then unchanged.
   */
  push(sample: ArrayLike<number>): Float32Array;
  /** Back to the state before the first sample. */
  reset(): void;
  /** The state as bytes, to be kept or sent anywhere. */
  snapshot(): Uint8Array<ArrayBuffer>;
  /**
   * Takes up the state of a snapshot, from whatever session of the same network with the same weights.
   * @throws format: cut or damaged bytes; state: another network's. The state is then unchanged.
   */
  restore(snapshot: Uint8Array): void;
  /** A session of its own that goes on from this one's state and shares its weights. */
  fork(): Stream;
}

/** Many sessions, stepped together. */
export interface Streams {
  /** n. */
  readonly count: number;
  readonly inputSize: number;
  readonly outputSize: number;
  /**
   * Results [n, outputSize] after one more sample of every session; as `Stream.push`.
   * @param samples [n, inputSize], session by session
   */
  push(samples: ArrayLike<number>): Float32Array;
  /** Session `session`, or all of them, back to the state before the first sample. */
  reset(session?: number): void;
  snapshot(session: number): Uint8Array<ArrayBuffer>;
  restore(session: number, snapshot: Uint8Array): void;
}

export function openStream(stack: Recurrent, options: StreamOptions & { batch?: number }): Stream {
  if (options.batch !== undefined && options.batch !== 1) {
    throw new SluiceError("range", `stream: batch is ${options.batch}, expected 1; use streams(${options.batch}) to step several sessions together`);
  }
  return new One(new Sessions(planFor(stack, 1, options)));
}

export function openStreams(stack: Recurrent, count: number, options: StreamOptions): Streams {
  checkSize("streams: count", count);
  return new Sessions(planFor(stack, count, options));
}

const planFor = (stack: Recurrent, sessions: number, { head = [], weights = "f32", threads }: StreamOptions): StreamPlan =>
  new StreamPlan(stack, [head].flat() as Linear[], weights, sessions, threads);

/** Bytes of a snapshot before the state: magic, version, the network's fingerprint, the state's fingerprint. */
const HEADER = 40;
const MAGIC = 0x53534c53; // "SLSS"
const VERSION = 1;

class Sessions implements Streams {
  readonly count: number;
  readonly inputSize: number;
  readonly outputSize: number;
  readonly plan: StreamPlan;
  readonly #block: Tensor;
  readonly #step: Kernels["stream_step"];
  readonly #program: number;
  #input: Float32Array;
  #output: Float32Array;

  constructor(plan: StreamPlan) {
    this.plan = plan;
    this.count = plan.sessions;
    this.inputSize = plan.inputSize;
    this.outputSize = plan.outputSize;
    this.#block = plan.block();
    this.#program = this.#block.ptr;
    this.#step = plan.engine.kernels.stream_step;
    this.#input = this.#view(plan.input, plan.inputSize);
    this.#output = this.#view(plan.output, plan.outputSize);
  }

  push(samples: ArrayLike<number>): Float32Array {
    let input = this.#input;
    if (input.length === 0) input = this.#retake();
    const n = input.length;
    if (samples.length !== n) throw this.#wrongSize(samples.length);
    if (samples instanceof Float32Array) input.set(samples);
    else for (let i = 0; i < n; i++) input[i] = samples[i]!;
    const bad = this.#step(this.#program);
    if (bad !== 0) throw this.#notFinite(samples, bad - 1);
    return this.#output;
  }

  reset(session?: number): void {
    for (const part of this.#parts(session, "reset")) part.fill(0);
  }

  snapshot(session: number): Uint8Array<ArrayBuffer> {
    const parts = this.#parts(session, "snapshot").map((p) => new Uint8Array(p.buffer, p.byteOffset, p.byteLength));
    const bytes = new Uint8Array(HEADER + parts.reduce((sum, p) => sum + p.length, 0));
    let at = HEADER;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const head = new DataView(bytes.buffer);
    head.setUint32(0, MAGIC, true);
    head.setUint32(4, VERSION, true);
    putText(bytes, 8, this.plan.fingerprint);
    putText(bytes, 24, fingerprint(bytes.subarray(HEADER)));
    return bytes;
  }

  restore(session: number, snapshot: Uint8Array): void {
    const parts = this.#parts(session, "restore");
    checkSnapshot(snapshot, this.plan.fingerprint, HEADER + parts.reduce((sum, p) => sum + p.byteLength, 0));
    let at = HEADER;
    for (const part of parts) {
      new Uint8Array(part.buffer, part.byteOffset, part.byteLength).set(snapshot.subarray(at, at + part.byteLength));
      at += part.byteLength;
    }
  }

  /** Sessions of the same network in the same states. */
  fork(): Sessions {
    const other = new Sessions(this.plan);
    const theirs = other.#parts(undefined, "fork");
    for (const [i, part] of this.#parts(undefined, "fork").entries()) theirs[i]!.set(part);
    return other;
  }

  /** Each part of a session's state, or of all sessions', where it stands. */
  #parts(session: number | undefined, where: string): Float32Array[] {
    if (session !== undefined && !(Number.isInteger(session) && session >= 0 && session < this.count)) {
      throw new SluiceError("range", `streams: ${where}: session is ${session}, expected a whole number from 0 to ${this.count - 1}`);
    }
    const { engine, states } = this.plan;
    return states.map(({ offset, size }) => {
      const all = engine.reals(this.#program + offset, size * this.count) as Float32Array;
      return session === undefined ? all : all.subarray(session * size, (session + 1) * size);
    });
  }

  #view(offset: number, size: number): Float32Array {
    return this.plan.engine.reals(this.#program + offset, this.count * size) as Float32Array;
  }

  /** Growing memory empties the views of before. */
  #retake(): Float32Array {
    this.#output = this.#view(this.plan.output, this.outputSize);
    this.#input = this.#view(this.plan.input, this.inputSize);
    return this.#input;
  }

  #wrongSize(got: number): SluiceError {
    const due = this.count === 1 ? `${this.inputSize}` : `${this.count * this.inputSize}, ${this.inputSize} for each of the ${this.count} sessions`;
    return new SluiceError("shape", `stream: the sample has ${got} numbers, expected ${due}; nothing was taken in`, { got, expected: this.count * this.inputSize });
  }

  #notFinite(samples: ArrayLike<number>, index: number): SluiceError {
    const session = Math.floor(index / this.inputSize);
    const place = this.count === 1 ? `number ${index}` : `number ${index % this.inputSize} of session ${session}`;
    return new SluiceError("data", `stream: ${place} of the sample is ${samples[index]}, expected a finite float32; nothing was taken in: fill or leave out what was not measured`, { index, session });
  }
}

class One implements Stream {
  readonly inputSize: number;
  readonly outputSize: number;
  readonly #all: Sessions;

  constructor(all: Sessions) {
    this.#all = all;
    this.inputSize = all.inputSize;
    this.outputSize = all.outputSize;
  }
  push(sample: ArrayLike<number>): Float32Array {
    return this.#all.push(sample);
  }
  reset(): void {
    this.#all.reset();
  }
  snapshot(): Uint8Array<ArrayBuffer> {
    return this.#all.snapshot(0);
  }
  restore(snapshot: Uint8Array): void {
    this.#all.restore(0, snapshot);
  }
  fork(): Stream {
    return new One(this.#all.fork());
  }
}

function putText(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

/** @throws type: no bytes; format: cut, damaged or of another version; state: of another network */
function checkSnapshot(bytes: Uint8Array, network: string, length: number): void {
  if (!(bytes instanceof Uint8Array)) throw new SluiceError("type", `restore: the snapshot is ${typeof bytes}, expected the Uint8Array that snapshot() gave`);
  const unchanged = "the state is as it was";
  const damaged = (what: string, due: string) => new SluiceError("format", `restore: the snapshot ${what}, expected ${due}; it is cut or damaged, ${unchanged}`);
  if (bytes.length < HEADER) throw damaged(`has ${bytes.length} bytes`, `${length}`);
  const head = new DataView(bytes.buffer, bytes.byteOffset);
  if (head.getUint32(0, true) !== MAGIC) throw damaged(`begins with ${head.getUint32(0, true).toString(16)}`, MAGIC.toString(16));
  const version = head.getUint32(4, true);
  if (version !== VERSION) throw new SluiceError("format", `restore: the snapshot is of version ${version}, expected ${VERSION}; ${unchanged}`);
  const text = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 16));
  if (text(8) !== network) {
    throw new SluiceError("state", `restore: the snapshot is of the network ${text(8)}, expected ${network}; structure and weights must be those it was taken with, ${unchanged}`, { got: text(8), expected: network });
  }
  if (bytes.length !== length) throw damaged(`has ${bytes.length} bytes`, `${length}`);
  if (text(24) !== fingerprint(bytes.subarray(HEADER))) throw damaged("does not match its check sum", "the bytes that snapshot() gave");
}
