/** @file One GRU layer. */
import { gru } from "../ops/recurrent.ts";
import { type CellConfig, type CellSequenceOptions, type CellState, chronoBias, RecurrentCell, type SequenceResult } from "./cell.ts";
import type { Init } from "./init.ts";
import type { Tensor } from "../engine/tensor.ts";

export interface GRUConfig extends CellConfig {
  /**
   * Where the reset gate acts: on W_n h + b_n (true, the default: PyTorch, cuDNN, Keras) or on h (false: Cho et al. 2014, most textbooks).
   * Two different functions: the weights of one are of no use to the other.
   */
  resetAfter?: boolean;
}

/**
 * Gated recurrent unit. Parameters, gates in PyTorch's order r, z, n: `wx` [3H, I], `wh` [3H, H], `bx` [3H], `bh` [3H].
 *
 *     r = σ(W_ir x + b_ir + W_hr h + b_hr)    z = σ(W_iz x + b_iz + W_hz h + b_hz)
 *     n = tanh(W_in x + b_in + r∘(W_hn h + b_hn))    h' = (1−z)∘n + z∘h
 *
 * z keeps the old state. State: `[h]`, [B, H].
 * @see Cho et al. 2014, arXiv:1406.1078
 */
export class GRU extends RecurrentCell<GRUConfig> {
  readonly kind = "gru";

  get streamed(): "gru" | "gru reset before" {
    return this.config.resetAfter === false ? "gru reset before" : "gru";
  }

  constructor(config: GRUConfig, init: Init) {
    super(config, init, 3);
    const { hiddenSize: H, chrono } = config;
    if (chrono && this.bx && init.rng) {
      const keep = this.bx.data.subarray(H, 2 * H);
      for (let j = 0; j < H; j++) keep[j] = chronoBias(chrono, init.rng);
    }
  }

  sequence(x: Tensor, options: CellSequenceOptions = {}): SequenceResult<CellState> {
    const { resetAfter = true } = this.config;
    const { y, hn, gates } = gru(this.inputs(x, options), {
      reverse: options.reverse ?? false,
      resetAfter,
      keep: this.keep,
      want: options.gates ? ["gates"] : [],
    });
    return { y, state: [hn], ...(gates ? { gates: { r: gates.at(0), z: gates.at(1), n: gates.at(2) } } : {}) };
  }
}
