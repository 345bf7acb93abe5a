/** @file What is compared: the workloads, their sizes, and the numbers that every library is given. */
import { Rng } from "../../src/index.ts";

/**
 * `step`: one sample at a time, state carried. `forward`: a whole sequence. `train`: forward and all gradients. `forecaster`, `language`: a
 * whole training step of such a model.
 */
export type Kind = "step" | "forward" | "train" | "forecaster" | "language";

/** Where the reset gate acts. PyTorch has `after` only, brain.js `before` only; ONNX and we have both. */
export type Form = "after" | "before";

/** L steps, B batch, I inputs (of a language model: the embedding's width), H hidden, O outputs of the head (0 where there is none). */
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

const square = (workload: string, kind: Kind, form: Form, sizes: readonly (readonly [L: number, B: number, H: number])[]): Case[] =>
  sizes.map(([L, B, H]) => ({ workload, kind, form, L, B, I: H, H, O: 0 }));

/** Samples of a `step` series, fed again and again; the check compares the state after all of them. */
const SERIES = 64;
const steps = [16, 64, 128, 256].map((H) => [SERIES, 1, H] as const);
const forecaster = { workload: "FC", kind: "forecaster", L: 96, B: 32, I: 7, H: 64, O: 24 } as const;

export const workloads: Readonly<Record<string, { title: string; cases: readonly Case[] }>> = {
  S: { title: "Streaming: one step of batch 1, µs", cases: [...square("S", "step", "after", steps), ...square("S", "step", "before", steps)] },
  F: {
    title: "Forward over a whole sequence, ms",
    cases: [
      ...square("F", "forward", "after", [[100, 64, 128], [100, 64, 256], [128, 32, 512], [50, 1, 64], [1000, 1, 128]]),
      ...square("F", "forward", "before", [[100, 64, 128], [50, 1, 64]]),
    ],
  },
  TR: {
    title: "Forward and all gradients (inputs, first state, weights), ms",
    cases: [...square("TR", "train", "after", [[100, 64, 128], [100, 64, 256], [128, 32, 512]]), ...square("TR", "train", "before", [[100, 64, 128]])],
  },
  FC: { title: "Whole training step of a forecaster (GRU, linear head, MSE, Adam), ms", cases: [{ ...forecaster, form: "after" }, { ...forecaster, form: "before" }] },
  LM: {
    title: "Whole training step of a character model (embedding, two GRUs, cross entropy, clipping at 5, Adam), ms",
    cases: [{ workload: "LM", kind: "language", form: "after", L: 128, B: 64, I: 64, H: 256, O: 65 }],
  },
};

/** `S before I=H=64`: unique. */
export const idOf = (c: Case): string => `${c.workload} ${c.form} ${sizesOf(c)}`;

/** The sizes that matter, in words. */
export const sizesOf = ({ kind, L, B, I, H, O }: Case): string =>
  kind === "step" ? `I=H=${H}` : O > 0 ? `L=${L} B=${B} I=${I} H=${H} O=${O}` : `L=${L} B=${B} I=H=${H}`;

/**
 * Inputs, targets and weights of a case: uniform, weights as PyTorch draws them, the same on every machine. The reset-before form has one
 * bias (`bh` is zeros and is not trained): the libraries that have that form only know one.
 */
export function valuesOf({ kind, form, L, B, I, H, O }: Case): Values {
  const rng = new Rng(20);
  const draw = (n: number, bound: number) => Float32Array.from({ length: n }, () => bound * (2 * rng.uniform() - 1));
  const tokens = () => Float32Array.from({ length: L * B }, () => rng.below(O));
  const w = 1 / Math.sqrt(H);
  const gru = { wx: draw(3 * H * I, w), wh: draw(3 * H * H, w), bx: draw(3 * H, w), bh: draw(3 * H, form === "after" ? w : 0) };
  if (kind === "language") {
    const second = { wx1: draw(3 * H * H, w), wh1: draw(3 * H * H, w), bx1: draw(3 * H, w), bh1: draw(3 * H, w) };
    return { x: tokens(), target: tokens(), ...gru, ...second, table: draw(O * I, 1), lw: draw(O * H, w), lb: draw(O, w) };
  }
  return {
    x: draw(L * B * I, 1),
    ...gru,
    ...(kind === "train" ? { target: draw(L * B * H, 1) } : {}),
    ...(kind === "forecaster" ? { target: draw(B * O, 1), lw: draw(O * H, w), lb: draw(O, w) } : {}),
  };
}
