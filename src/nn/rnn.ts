/** @file One simple recurrent layer. */
import type { Tensor } from "../engine/tensor.ts";
import { rnn } from "../ops/recurrent.ts";
import { type CellConfig, type CellSequenceOptions, type CellState, RecurrentCell, type SequenceResult } from "./cell.ts";
import type { Init } from "./init.ts";

export interface RNNConfig extends Omit<CellConfig, "chrono"> {
  /** Default tanh. */
  nonlinearity?: "tanh" | "relu";
}

/**
 * Simple recurrent network: h' = tanh(W_i x + b_i + W_h h + b_h), or relu. Parameters: `wx` [H, I], `wh` [H, H], `bx`, `bh` [H].
 * State: `[h]`, [B, H]. It has no gates to return.
 * @see Elman 1990
 */
export class RNN extends RecurrentCell<RNNConfig> {
  readonly kind = "rnn";

  get streamed(): "rnn" | "rnn relu" {
    return this.config.nonlinearity === "relu" ? "rnn relu" : "rnn";
  }

  constructor(config: RNNConfig, init: Init) {
    super(config, init, 1);
  }

  sequence(x: Tensor, options: CellSequenceOptions = {}): SequenceResult<CellState> {
    const relu = this.config.nonlinearity === "relu";
    const { y, hn } = rnn(this.inputs(x, options), { reverse: options.reverse ?? false, relu, keep: this.keep });
    return { y, state: [hn] };
  }
}
