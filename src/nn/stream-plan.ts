/** @file What the sessions of one network share: its weights packed for stepping, and where in a session's block everything stands. */
import { SluiceError } from "../base/errors.ts";
import { fingerprint } from "../base/hash.ts";
import type { Ptr } from "../engine/abi.gen.ts";
import type { Engine } from "../engine/engine.ts";
import type { Param, Tensor } from "../engine/tensor.ts";
import { checkSize, type StreamedKind } from "./cell.ts";
import type { Linear } from "./linear.ts";
import type { Recurrent } from "./stack.ts";

/** How a stream keeps its weights; `bf16` and `int8` need less memory and round the weights. */
export type StreamWeights = "f32" | "bf16" | "int8";

/** In the order of kernels/stream.h: StreamKind, StreamFormat, StreamFlags. */
const KINDS: readonly (StreamedKind | "linear")[] = ["linear", "gru", "gru reset before", "lstm", "rnn", "rnn relu"];
const FORMATS: readonly ("panels" | StreamWeights)[] = ["panels", "f32", "bf16", "int8"];
const [RESIDUAL, PROJECTION, PEEPHOLES, ZONEOUT] = [1, 2, 4, 8];
/** Sessions from which on a product of matrices beats a product per session. */
const MANY = 4;
/** Words of a program's head and of a layer's record. */
const HEAD = 9;
const RECORD = 10;

/** A layer as its kernel knows it: I in, H hidden, P out. */
interface Layer {
  kind: StreamedKind | "linear";
  flags: number;
  I: number;
  H: number;
  P: number;
  keep: number;
  /** Under PyTorch's names. */
  weights: Readonly<Record<string, Param>>;
}

/** One part of a session's state: [sessions, size] at `offset` bytes into the block. */
export interface StatePart {
  offset: number;
  size: number;
}

/** Where a layer reads and writes: offsets in bytes into a block; h and c are 0 where there is none. */
interface Place {
  in: number;
  h: number;
  c: number;
  out: number;
}

/** The layers of a stack and the heads behind it. */
function layersOf(stack: Recurrent, heads: readonly Linear[]): Layer[] {
  if (stack.config.bidirectional) {
    throw new SluiceError("state", "stream: the stack is bidirectional, expected one direction; its backward direction starts at the sequence's end, which a stream has not seen: use sequence, or train without --bidirectional");
  }
  const layers = stack.cells.map(([cell]): Layer => {
    const { streamed: kind, inputSize: I, hiddenSize: H, outputSize: P, keep } = cell!;
    const weights = cell!.parameters();
    const flags =
      (stack.config.residual && I === P ? RESIDUAL : 0) |
      (weights["weight_hr"] ? PROJECTION : 0) |
      (weights["weight_peephole"] ? PEEPHOLES : 0) |
      (keep === 1 ? 0 : ZONEOUT);
    return { kind, flags, I, H, P, keep, weights };
  });
  for (const [i, { weight, bias, config }] of heads.entries()) {
    const before = layers.at(-1)!.P;
    if (config.inputSize !== before) {
      throw new SluiceError("shape", `stream: head ${i} reads ${config.inputSize} numbers, expected ${before}; ${i > 0 ? "the head" : "the layer"} before it gives so many`);
    }
    if (weight.engine !== layers[0]!.weights["weight_ih"]!.engine) throw new SluiceError("state", `stream: head ${i} belongs to another engine than the stack; build both on one`);
    const weights = { weight_ih: weight, ...(bias ? { bias_ih: bias } : {}) };
    layers.push({ kind: "linear", flags: 0, I: before, H: config.outputSize, P: config.outputSize, keep: 1, weights });
  }
  return layers;
}

export class StreamPlan {
  readonly engine: Engine;
  readonly inputSize: number;
  readonly outputSize: number;
  /** Tells this network's snapshots from others': 8 bytes of its structure and unrounded weights. */
  readonly fingerprint: string;
  readonly #layers: readonly Layer[];
  /** The packed weights, layer by layer. */
  readonly packed: readonly Tensor[];
  readonly #format: number;
  readonly #width: number;
  readonly #most: number;
  readonly #places: readonly Place[];
  /** The parts of the state, in the order of a snapshot. */
  readonly states: readonly StatePart[];
  /** Offsets in bytes into a block: samples [sessions, inputSize], results [sessions, outputSize], scratch; and its end. */
  readonly input: number;
  readonly output: number;
  readonly #scratch: number;
  readonly blockBytes: number;

  /** Packs the weights as they are now for blocks of `sessions` sessions. */
  constructor(stack: Recurrent, heads: readonly Linear[], weights: StreamWeights, readonly sessions: number, readonly threads = 1) {
    if (!FORMATS.includes(weights)) throw new SluiceError("range", `stream: weights are "${String(weights)}", expected f32, bf16 or int8`);
    const layers = layersOf(stack, heads);
    const engine = layers[0]!.weights["weight_ih"]!.engine;
    if (engine.bytes !== 4 && weights !== "f32") throw new SluiceError("state", `stream: weights are ${weights} on a float64 engine, expected f32; it computes in full precision`);
    checkSize("stream: threads", threads, engine.threads, ", the engine's");
    this.engine = engine;
    this.inputSize = layers[0]!.I;
    this.outputSize = layers.at(-1)!.P;
    this.#layers = layers;
    this.#format = weights === "f32" && sessions >= MANY ? 0 : FORMATS.indexOf(weights);
    this.#width = Math.max(...layers.map(({ kind, H }) => (kind.startsWith("rnn") || kind === "linear" ? H : 4 * H)));
    this.#most = Math.max(...layers.map(({ I, H, P }) => Math.max(I, H, P)));
    this.packed = layers.map((layer) => this.#pack(layer));

    let end = 4 * (HEAD + RECORD * layers.length);
    const take = (count: number) => {
      const offset = Math.ceil(end / 64) * 64;
      end = offset + count * engine.bytes;
      return offset;
    };
    const state = (size: number): StatePart => ({ offset: take(sessions * size), size });
    const parts = layers.map(({ kind, H, P }) => (kind === "linear" ? [] : kind === "lstm" ? [state(P), state(H)] : [state(P)]));
    this.states = parts.flat();
    this.input = take(sessions * this.inputSize);
    let reads = this.input;
    this.#places = layers.map(({ kind, flags, P }, i) => {
      const [h, c] = parts[i]!;
      const own = kind === "linear" || (flags & RESIDUAL) !== 0 || i === layers.length - 1;
      const place = { in: reads, h: h?.offset ?? 0, c: c?.offset ?? 0, out: own ? take(sessions * P) : h!.offset };
      reads = place.out;
      return place;
    });
    this.output = reads;
    this.#scratch = take(Math.min(sessions, threads) * engine.kernels.stream_work(sessions, this.#width, this.#most, this.#format));
    this.blockBytes = Math.ceil(end / 64) * 64;
    const structure = JSON.stringify([engine.bytes, layers.map(({ weights: _, ...sizes }) => sizes)]);
    this.fingerprint = fingerprint(new TextEncoder().encode(structure), ...layers.flatMap((l) => Object.values(l.weights).map((p) => p.data)));
  }

  #pack({ kind, flags, I, H, P, keep, weights: w }: Layer): Tensor {
    const { engine } = this;
    const k = engine.kernels;
    const code = KINDS.indexOf(kind);
    const packed = engine.hold([k.stream_packed(code, flags, I, H, P, this.#format)]);
    packed.data.fill(0);
    const at = (name: string): Ptr => w[name]?.ptr ?? 0;
    engine.scope(() => {
      const work = engine.make([k.stream_pack_work(H, P)]).ptr;
      // biome-ignore format: the kernel's arguments, in its own order
      k.stream_pack(
        packed.ptr, at("weight_ih"), at("weight_hh"), at("weight_hr"), at("bias_ih"), at("bias_hh"), at("weight_peephole"), work,
        code, flags, I, H, P, this.#format, keep,
      );
    });
    return packed;
  }

  /** A new block, its states zero, and the program in front of it. */
  block(): Tensor {
    const block = this.engine.hold([this.blockBytes / 4], "int");
    const at = (offset: number): Ptr => (offset === 0 ? 0 : block.ptr + offset);
    const words = block.data.fill(0);
    words.set([block.ptr, this.sessions, this.#format, this.#layers.length, this.inputSize, this.#width, this.#most, at(this.#scratch), this.threads]);
    for (const [i, { kind, flags, I, H, P }] of this.#layers.entries()) {
      const { in: input, h, c, out } = this.#places[i]!;
      words.set([KINDS.indexOf(kind), flags, I, H, P, this.packed[i]!.ptr, at(input), at(h), at(c), at(out)], HEAD + RECORD * i);
    }
    return block;
  }
}
