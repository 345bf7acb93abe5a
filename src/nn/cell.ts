/** @file What every recurrent cell can do. State is a value that the caller holds: feed it back in and the sequence goes on. */
import { SluiceError } from "../base/errors.ts";
import type { Rng } from "../base/random.ts";
import type { Engine } from "../engine/engine.ts";
import type { Param, Tensor } from "../engine/tensor.ts";
import { bernoulli } from "../ops/dropout.ts";
import type { Init } from "./init.ts";
import type { NamesParameters } from "./module.ts";

/** State after a step: GRU and RNN `[h]`, LSTM `[h, c]`; h is [B, output size], c [B, H]. */
export type CellState = readonly Tensor[];

export interface SequenceOptions<S> {
  /** State before the first step; zeros when left out. */
  state?: S;
  /** int [B]: real steps of each item, 0 to L. Beyond them outputs are zero and the state stays. */
  lengths?: Tensor;
  /** Present while training: dropout and zoneout draw from it. Absent: the network runs as it will be used. */
  rng?: Rng;
  /** Return the gates too. */
  gates?: boolean;
}

export interface SequenceResult<S> {
  /** [L, B, output size] */
  y: Tensor;
  /** State after each item's last real step. */
  state: S;
  /** [L, B, H] each, when asked for. GRU: r, z (keeps the old state), n. LSTM: i, f, g, o. They carry no gradient. */
  gates?: Readonly<Record<string, Tensor>>;
}

export interface StepResult<S> {
  /** [B, output size] */
  y: Tensor;
  state: S;
}

/** A recurrent cell: one layer, one direction. `step` repeated equals `sequence`. */
export interface Cell extends NamesParameters {
  readonly kind: CellKind;
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** Width of `y`: the hidden size, or the projection's. */
  readonly outputSize: number;
  /** Which arithmetic a stream runs for this cell. */
  readonly streamed: StreamedKind;
  /** Share of the new value that zoneout takes when the network is used; 1 without zoneout. */
  readonly keep: number;
  /** Zeros for `batch` items. */
  initialState(batch: number): CellState;
  /** One time step: x is [B, I]. */
  step(x: Tensor, state: CellState, options?: { rng?: Rng }): StepResult<CellState>;
  /** A whole sequence in one kernel call: x is [L, B, I]. `reverse` runs from each item's last real step to its first. */
  sequence(x: Tensor, options?: CellSequenceOptions): SequenceResult<CellState>;
}

export type CellSequenceOptions = SequenceOptions<CellState> & {
  /** Run from each item's last real step to its first; y stays aligned with x. */
  reverse?: boolean;
};

export type CellKind = "gru" | "lstm" | "rnn";

/** The cells as streaming tells them apart. */
export type StreamedKind = "gru" | "gru reset before" | "lstm" | "rnn" | "rnn relu";

/** What all three cells have in common. */
export interface CellConfig {
  inputSize: number;
  hiddenSize: number;
  /** Bias vectors, PyTorch's two: default true. */
  bias?: boolean;
  /** Probability that a unit of h is hidden from the recurrent product, the same units at every step (Gal and Ghahramani 2016, arXiv:1512.05287). */
  recurrentDropout?: number;
  /** Probability that a unit keeps its old value for a step (Krueger et al. 2017, arXiv:1606.01305). */
  zoneout?: number;
  /** Longest memory expected, in steps: sets the gate biases for it (Tallec and Ollivier 2018, arXiv:1804.11188). GRU and LSTM. */
  chrono?: number;
}

/**
 * The weights and the bookkeeping that the three cells share; what differs, the op and its gates, is theirs.
 * `gates` blocks of H rows each: `wx` [gates·H, I], `wh` [gates·H, output size], `bx` and `bh` [gates·H].
 */
export abstract class RecurrentCell<C extends CellConfig> implements Cell {
  abstract readonly kind: CellKind;
  abstract readonly streamed: StreamedKind;
  readonly wx: Param;
  readonly wh: Param;
  readonly bx: Param | null;
  readonly bh: Param | null;

  /** @throws range: a size below 1 or a probability outside [0, 1) */
  constructor(
    readonly config: C,
    init: Init,
    gates: number,
    readonly outputSize = config.hiddenSize,
  ) {
    checkCell(config);
    const { inputSize, hiddenSize: H, bias = true } = config;
    const pytorch = 1 / Math.sqrt(H);
    const plain = init.scheme === "sluice";
    this.wx = plain ? init.glorot(gates, H, inputSize) : init.uniform([gates * H, inputSize], pytorch);
    this.wh = plain ? init.orthogonal(gates, H, outputSize) : init.uniform([gates * H, outputSize], pytorch);
    const newBias = () => (plain ? init.zeros([gates * H]) : init.uniform([gates * H], pytorch));
    this.bx = bias ? newBias() : null;
    this.bh = bias ? newBias() : null;
  }

  get inputSize(): number {
    return this.config.inputSize;
  }
  get hiddenSize(): number {
    return this.config.hiddenSize;
  }

  /** PyTorch's names of a cell's parameters. */
  parameters(): Record<string, Param> {
    return { weight_ih: this.wx, weight_hh: this.wh, ...(this.bx && this.bh ? { bias_ih: this.bx, bias_hh: this.bh } : {}) };
  }

  initialState(batch: number): CellState {
    return [this.wx.engine.tensor([batch, this.outputSize])];
  }

  step(x: Tensor, state: CellState, options: { rng?: Rng } = {}): StepResult<CellState> {
    const { y, state: next } = this.sequence(x.reshape(1, ...x.shape), { state, ...options });
    return { y: y.at(0), state: next };
  }

  abstract sequence(x: Tensor, options?: CellSequenceOptions): SequenceResult<CellState>;

  /** The tensors that all three ops take by the same names. */
  protected inputs(x: Tensor, { state, lengths, rng }: CellSequenceOptions) {
    const { recurrentDropout = 0, zoneout = 0 } = this.config;
    const [L = 0, B = 0] = x.shape;
    return {
      x,
      h0: state?.[0],
      wx: this.wx,
      wh: this.wh,
      bx: this.bx ?? undefined,
      bh: this.bh ?? undefined,
      lengths,
      mask: drawMask(x.engine, [B, this.outputSize], recurrentDropout, 1 / (1 - recurrentDropout), rng),
      zone: drawMask(x.engine, [L, B, this.outputSize], zoneout, 1, rng),
    };
  }

  /** Zoneout's expected share of the new value: what stands for the drawn mask when the network is used. */
  get keep(): number {
    return 1 - (this.config.zoneout ?? 0);
  }
}

/** log(U(1, chrono − 1)): a gate bias for memories of up to `chrono` steps. */
export const chronoBias = (chrono: number, rng: Rng): number => Math.log(1 + rng.uniform() * (chrono - 2));

/** @throws range: sizes that are no whole numbers from 1, probabilities outside [0, 1) */
function checkCell(config: CellConfig): void {
  for (const key of ["inputSize", "hiddenSize"] as const) checkSize(`cell: ${key}`, config[key]);
  for (const key of ["recurrentDropout", "zoneout"] as const) checkProbability(`cell: ${key}`, config[key] ?? 0);
  if (config.chrono !== undefined && !(config.chrono > 2)) {
    throw new SluiceError("range", `cell: chrono is ${config.chrono}, expected a number of steps above 2`);
  }
}

/** @throws range: no whole number from 1, or above `most`, whose reason follows it */
export function checkSize(where: string, n: number, most = Infinity, why = ""): void {
  if (!Number.isInteger(n) || n < 1 || n > most) throw new SluiceError("range", `${where} is ${n}, expected a whole number from 1${why && ` to ${most}${why}`}`);
}

/** @throws range: outside [0, 1) */
export function checkProbability(where: string, p: number): void {
  if (!(p >= 0 && p < 1)) throw new SluiceError("range", `${where} is ${p}, expected a probability from 0 to below 1`);
}

/** A mask of 0 and `scale`, 0 with probability p; undefined when there is nothing to draw. */
export function drawMask(engine: Engine, shape: readonly number[], p: number, scale: number, rng: Rng | undefined): Tensor | undefined {
  return rng && p > 0 ? bernoulli(engine, shape, { p, scale, rng }) : undefined;
}
