/** @file What is compared: the workloads, their sizes, and the numbers that every library is given. */
import { Rng } from "../../src/index.ts";

/** `step`: one sample at a time, state carried. `forward`: a whole sequence. `train`: forward and all gradients. `forecaster`: a whole training step. */
export type Kind = "step" | "forward" | "train" | "forecaster";

/** Where the reset gate acts: PyTorch, ONNX and we have `after` (and ONNX and we both), TensorFlow.js and brain.js have `before` only. */
export type Form = "after" | "before";

/** L steps, B batch, I inputs, H hidden, O outputs of the forecaster's head (0 elsewhere). */
export interface Case {
  readonly workload: string;
  readonly kind: Kind;
  readonly form: Form;
  readonly L: number;
  readonly B: number;
  readonly I: number;
  readonly H: number;
  readonly O: number;
}

export type Values = Readonly<Record<string, Float32Array>>;

const forms: readonly Form[] = ["after", "before"];
const square = (workload: string, kind: Kind, sizes: readonly (readonly [number, number, number])[]): Case[] =>
  sizes.flatMap(([L, B, H]) => forms.map((form) => ({ workload, kind, form, L, B, I: H, H, O: 0 })));

/** Samples of a `step` series, fed again and again; the check compares the state after all of them. */
const SERIES = 64;

export const workloads: Readonly<Record<string, { title: string; cases: readonly Case[] }>> = {
  S: { title: "Streaming: one step of batch 1, µs", cases: square("S", "step", [16, 64, 128, 256].map((H) => [SERIES, 1, H] as const)) },
  F: { title: "Forward over a whole sequence, ms", cases: square("F", "forward", [[100, 64, 128], [100, 64, 256], [50, 1, 64], [1000, 1, 128]]) },
  TR: { title: "Forward and all gradients (inputs, first state, weights), ms", cases: square("TR", "train", [[100, 64, 128], [100, 64, 256]]) },
  FC: {
    title: "Whole training step of a forecaster (GRU, linear head, MSE, Adam), ms",
    cases: forms.map((form) => ({ workload: "FC", kind: "forecaster", form, L: 96, B: 32, I: 7, H: 64, O: 24 })),
  },
};

/** `S before H=64`: unique. */
export const idOf = (c: Case): string => `${c.workload} ${c.form} ${sizesOf(c)}`;

/** The sizes that matter, in words. */
export const sizesOf = ({ kind, L, B, I, H, O }: Case): string =>
  kind === "step" ? `I=H=${H}` : kind === "forecaster" ? `L=${L} B=${B} I=${I} H=${H} O=${O}` : `L=${L} B=${B} I=H=${H}`;

/**
 * Inputs, targets and weights of a case: uniform, weights as PyTorch draws them, the same on every machine. The reset-before form has one
 * bias (`bh` is zeros and is not trained): the libraries that have that form only know one.
 */
export function valuesOf({ kind, form, L, B, I, H, O }: Case): Values {
  const rng = new Rng(20);
  const draw = (n: number, bound: number) => Float32Array.from({ length: n }, () => bound * (2 * rng.uniform() - 1));
  const w = 1 / Math.sqrt(H);
  return {
    x: draw(L * B * I, 1),
    wx: draw(3 * H * I, w),
    wh: draw(3 * H * H, w),
    bx: draw(3 * H, w),
    bh: draw(3 * H, form === "after" ? w : 0),
    ...(kind === "train" ? { target: draw(L * B * H, 1) } : {}),
    ...(kind === "forecaster" ? { target: draw(B * O, 1), lw: draw(O * H, w), lb: draw(O, w) } : {}),
  };
}
