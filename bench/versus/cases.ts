/** @file What is compared: the workloads, their sizes, and the numbers that every library is given. */
import { type CellKind, Rng } from "../../src/index.ts";

/**
 * `step`: one sample of each of B sessions at a time, states carried. `forward`: a whole sequence. `train`: forward and all gradients.
 * `forecaster`, `language`: a whole training step of such a model.
 */
export type Kind = "step" | "forward" | "train" | "forecaster" | "language";

/** Where a GRU's reset gate acts. PyTorch has `after` only, brain.js `before` only; ONNX, oneDNN and we have both. Other cells: `after`. */
export type Form = "after" | "before";

/** L steps, B batch, I inputs (of a language model: the embedding's width), H hidden, O outputs of the head (0 where there is none). */
export interface Case {
  readonly workload: string;
  readonly kind: Kind;
  readonly cell: CellKind;
  readonly layers: number;
  readonly form: Form;
  readonly L: number;
  readonly B: number;
  readonly I: number;
  readonly H: number;
  readonly O: number;
  /** Stays in a quick run. */
  readonly quick: boolean;
}

export type Values = Readonly<Record<string, Float32Array>>;

/** Rows of a cell's matrices for each hidden unit. */
export const gatesOf: Readonly<Record<CellKind, number>> = { gru: 3, lstm: 4, rnn: 1 };

type Sizes = readonly [L: number, B: number, H: number];
type Rest = Partial<Pick<Case, "cell" | "layers" | "form" | "I" | "O" | "quick">>;

const one = (workload: string, kind: Kind, [L, B, H]: Sizes, rest: Rest = {}): Case => ({
  ...{ workload, kind, cell: "gru", layers: 1, form: "after", L, B, I: H, H, O: 0, quick: false },
  ...rest,
});

/** Samples of a `step` series, fed again and again; the check compares the state after all of them. */
const SERIES = 64;
const step = (H: number, rest?: Rest) => one("S", "step", [SERIES, 1, H], rest);
const quick = { quick: true };
const before = { form: "before" } as const;

export const workloads: Readonly<Record<string, { title: string; cases: readonly Case[] }>> = {
  S: {
    title: "Streaming: one step, µs",
    cases: [
      ...[16, 32, 64, 128, 256, 512].map((H) => step(H, { quick: H === 64 })),
      step(256, { layers: 2 }),
      one("S", "step", [8, 1000, 64], quick),
      ...[16, 64, 256].map((H) => step(H, before)),
    ],
  },
  F: {
    title: "Forward over a whole sequence, ms",
    cases: [
      one("F", "forward", [100, 64, 128], quick),
      one("F", "forward", [100, 64, 256]),
      one("F", "forward", [128, 32, 512]),
      one("F", "forward", [50, 1, 64], quick),
      one("F", "forward", [1000, 1, 128]),
      one("F", "forward", [100, 64, 256], { cell: "lstm" }),
      one("F", "forward", [100, 64, 256], { cell: "rnn" }),
      one("F", "forward", [100, 64, 128], before),
      one("F", "forward", [50, 1, 64], before),
    ],
  },
  TR: {
    title: "Forward and all gradients (inputs, first state, weights), ms",
    cases: [
      one("TR", "train", [100, 64, 128], quick),
      one("TR", "train", [100, 64, 256]),
      one("TR", "train", [128, 32, 512]),
      one("TR", "train", [100, 64, 256], { layers: 2 }),
      one("TR", "train", [100, 64, 256], { cell: "lstm" }),
      one("TR", "train", [100, 64, 256], { cell: "rnn" }),
      one("TR", "train", [100, 64, 128], before),
    ],
  },
  LM: {
    title: "Whole training step of a character model (embedding, two GRUs, cross entropy, clipping at 5, Adam), ms",
    cases: [one("LM", "language", [128, 64, 256], { layers: 2, I: 64, O: 65, ...quick })],
  },
  FC: {
    title: "Whole training step of a forecaster (GRU, linear head, MSE, Adam), ms",
    cases: [one("FC", "forecaster", [96, 32, 64], { I: 7, O: 24, ...quick }), one("FC", "forecaster", [96, 32, 64], { I: 7, O: 24, ...before })],
  },
};

/** `GRU, reset before`, `2 layers of LSTM`. */
export function cellOf({ cell, layers, form }: Pick<Case, "cell" | "layers" | "form">): string {
  const name = `${cell.toUpperCase()}${form === "before" ? ", reset before" : ""}`;
  return layers > 1 ? `${layers} layers of ${name}` : name;
}

/** The sizes that matter, in words. */
export function sizesOf({ kind, L, B, I, H, O }: Case): string {
  if (kind === "step") return `${B > 1 ? `${B} sessions ` : ""}I=H=${H}`;
  return O > 0 ? `L=${L} B=${B} I=${I} H=${H} O=${O}` : `L=${L} B=${B} I=H=${H}`;
}

/** `S GRU, reset before I=H=64`: unique. */
export const idOf = (c: Case): string => `${c.workload} ${cellOf(c)} ${sizesOf(c)}`;

/** Operations of the matrix products of one run, multiplications and additions counted; a training step has three times those of the forward pass. */
export function flopsOf({ kind, cell, layers, L, B, I, H, O }: Case): number {
  const inputs = I + H + (layers - 1) * 2 * H;
  const samples = (kind === "step" ? 1 : L) * B;
  const head = O * H * (kind === "forecaster" ? B : samples);
  const passes = kind === "step" || kind === "forward" ? 1 : 3;
  return passes * 2 * (samples * inputs * gatesOf[cell] * H + head);
}

/** Bytes of the matrices of all layers: what a step reads, at least. */
export const weightBytesOf = ({ cell, layers, I, H }: Case): number => 4 * gatesOf[cell] * H * (I + H + (layers - 1) * 2 * H);

/**
 * Inputs, targets and weights of a case: uniform, weights as PyTorch draws them, the same on every machine. The weights of layer 1 are `wx1`, …
 * The reset-before form has one bias (`bh` is zeros and is not trained): the libraries that have that form only know one.
 */
export function valuesOf({ kind, cell, layers, form, L, B, I, H, O }: Case): Values {
  const rng = new Rng(20);
  const draw = (n: number, bound: number) => Float32Array.from({ length: n }, () => bound * (2 * rng.uniform() - 1));
  const tokens = () => Float32Array.from({ length: L * B }, () => rng.below(O));
  const w = 1 / Math.sqrt(H);
  const rows = gatesOf[cell] * H;
  const weights: Record<string, Float32Array> = {};
  for (let n = 0; n < layers; n++) {
    const end = n === 0 ? "" : n;
    weights[`wx${end}`] = draw(rows * (n === 0 ? I : H), w);
    weights[`wh${end}`] = draw(rows * H, w);
    weights[`bx${end}`] = draw(rows, w);
    weights[`bh${end}`] = draw(rows, form === "after" ? w : 0);
  }
  const head = () => ({ lw: draw(O * H, w), lb: draw(O, w) });
  if (kind === "language") return { x: tokens(), target: tokens(), ...weights, table: draw(O * I, 1), ...head() };
  return {
    x: draw(L * B * I, 1),
    ...weights,
    ...(kind === "train" ? { target: draw(L * B * H, 1) } : {}),
    ...(kind === "forecaster" ? { target: draw(B * O, 1), ...head() } : {}),
  };
}
