/** @file Layers upon layers: depth, both directions, residual connections and dropout between, around any of the three cells. */
import { SluiceError } from "../base/errors.ts";
import type { Rng } from "../base/random.ts";
import type { Param, Tensor } from "../engine/tensor.ts";
import { add } from "../ops/elementwise.ts";
import { concat } from "../ops/shape.ts";
import { type Cell, type CellKind, type CellState, checkProbability, checkSize, type SequenceOptions, type SequenceResult, type StepResult } from "./cell.ts";
import { dropout } from "./dropout.ts";
import { GRU, type GRUConfig } from "./gru.ts";
import type { Init } from "./init.ts";
import { LSTM, type LSTMConfig } from "./lstm.ts";
import type { NamesParameters } from "./module.ts";
import { RNN, type RNNConfig } from "./rnn.ts";
import { openStream, openStreams, type Stream, type StreamOptions, type Streams } from "./stream.ts";

/** A cell's own options, whichever cell it is. */
type CellOptions = Omit<GRUConfig & LSTMConfig & RNNConfig, "inputSize" | "hiddenSize">;

export interface RecurrentConfig extends CellOptions {
  /** Default `gru`. */
  cell?: CellKind;
  inputSize: number;
  hiddenSize: number;
  /** Layers, each reading the outputs of the one before; default 1. */
  layers?: number;
  /** Run each layer in both directions too and join the outputs: side by side (`concat`) or added (`sum`). */
  bidirectional?: false | "concat" | "sum";
  /** Dropout on the outputs of every layer but the last; default 0. */
  dropout?: number;
  /** Add a layer's input to its output where the two are of one width. */
  residual?: boolean;
}

/** One cell of the kind that `config.cell` names. */
export function makeCell(config: RecurrentConfig, init: Init): Cell {
  const { cell = "gru" } = config;
  if (cell === "gru") return new GRU(config, init);
  if (cell === "lstm") return new LSTM(config, init);
  if (cell === "rnn") return new RNN(config, init);
  throw new SluiceError("range", `recurrent: cell is "${String(cell)}", expected gru, lstm or rnn`);
}

/** State of a stack: one cell state per layer and direction, forward before backward. */
export type StackState = readonly CellState[];

/**
 * A stack of recurrent layers. Parameters carry PyTorch's names: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, …, `_reverse` for the
 * backward direction.
 */
export class Recurrent implements NamesParameters {
  /** `cells[layer][direction]` */
  readonly cells: readonly (readonly Cell[])[];

  /** @throws range: a size or a number of layers below 1, a probability outside [0, 1) */
  constructor(
    readonly config: RecurrentConfig,
    init: Init,
  ) {
    const { layers = 1, bidirectional = false, dropout: p = 0 } = config;
    checkSize("recurrent: layers", layers);
    checkProbability("recurrent: dropout", p);
    let inputSize = config.inputSize;
    this.cells = Array.from({ length: layers }, () => {
      const directions = Array.from({ length: bidirectional ? 2 : 1 }, () => makeCell({ ...config, inputSize }, init));
      inputSize = directions[0]!.outputSize * (bidirectional === "concat" ? 2 : 1);
      return directions;
    });
  }

  /** Width of `y`. */
  get outputSize(): number {
    const { outputSize } = this.cells[0]![0]!;
    return this.config.bidirectional === "concat" ? 2 * outputSize : outputSize;
  }

  parameters(): Record<string, Param> {
    const all: Record<string, Param> = {};
    for (const [layer, directions] of this.cells.entries()) {
      for (const [direction, cell] of directions.entries()) {
        for (const [name, p] of Object.entries(cell.parameters())) all[`${name}_l${layer}${direction === 1 ? "_reverse" : ""}`] = p;
      }
    }
    return all;
  }

  /** Zeros for `batch` items. */
  initialState(batch: number): StackState {
    return this.cells.flat().map((cell) => cell.initialState(batch));
  }

  /**
   * One time step: x is [B, I].
   * @throws state: a bidirectional stack, which needs the whole sequence
   */
  step(x: Tensor, state: StackState, options: { rng?: Rng } = {}): StepResult<StackState> {
    if (this.config.bidirectional) {
      throw new SluiceError("state", "recurrent: a bidirectional stack has no step: its backward direction starts at the sequence's end; use sequence, or train without --bidirectional");
    }
    const { y, state: next } = this.sequence(x.reshape(1, ...x.shape), { state, ...options });
    return { y: y.at(0), state: next };
  }

  /** Whole sequences: x is [L, B, I]. `gates` come back by layer: `l0.r`, `l0_reverse.z`, … */
  sequence(x: Tensor, options: SequenceOptions<StackState> = {}): SequenceResult<StackState> {
    const { bidirectional = false, residual = false, dropout: p = 0 } = this.config;
    const { state, rng } = options;
    const count = this.cells.flat().length;
    if (state && state.length !== count) {
      throw new SluiceError("shape", `recurrent: state has ${state.length} cell states, expected ${count} (layers × directions); pass back what initialState or sequence returned`);
    }
    const last: CellState[] = [];
    const gates: Record<string, Tensor> = {};
    let y = x;
    for (const [layer, directions] of this.cells.entries()) {
      const input = layer > 0 ? dropout(y, p, rng) : y;
      const outs = directions.map((cell, direction) => {
        const result = cell.sequence(input, { ...options, state: state?.[last.length], reverse: direction === 1 });
        last.push(result.state);
        const prefix = `l${layer}${direction === 1 ? "_reverse" : ""}`;
        for (const [name, gate] of Object.entries(result.gates ?? {})) gates[`${prefix}.${name}`] = gate;
        return result.y;
      });
      const [forward, backward] = outs;
      y = backward === undefined ? forward! : bidirectional === "sum" ? add({ a: forward!, b: backward }).y : concat({ a: forward!, b: backward }).y;
      if (residual && y.shape.at(-1) === input.shape.at(-1)) y = add({ a: y, b: input }).y;
    }
    return { y, state: last, ...(options.gates ? { gates } : {}) };
  }

  /**
   * One session fed sample by sample: the numbers that `sequence` gives, in microseconds and without garbage. It works on a packed copy of
   * the weights: open another one after training on.
   * @throws state: a bidirectional stack; shape: a head that reads another width; range: options that are none
   */
  stream(options: StreamOptions & { batch?: 1 } = {}): Stream {
    return openStream(this, options);
  }

  /** `count` independent sessions stepped together, sharing the weights; otherwise as `stream`. */
  streams(count: number, options: StreamOptions = {}): Streams {
    return openStreams(this, count, options);
  }
}
