/** @file One LSTM layer. */
import type { Param, Tensor } from "../engine/tensor.ts";
import { lstm } from "../ops/recurrent.ts";
import { type CellConfig, type CellSequenceOptions, type CellState, checkSize, chronoBias, drawMask, RecurrentCell, type SequenceResult } from "./cell.ts";
import type { Init } from "./init.ts";

export interface LSTMConfig extends CellConfig {
  /** Size of h when it is a projection of o∘tanh(c) (Sak et al. 2014, arXiv:1402.1128); left out: the hidden size, no projection. */
  projectionSize?: number;
  /** Let the gates see the cell (Gers and Schmidhuber 2000): i and f the old one, o the new one. */
  peepholes?: boolean;
}

/**
 * Long short-term memory. Parameters, gates in PyTorch's order i, f, g, o: `wx` [4H, I], `wh` [4H, P], `bx`, `bh` [4H], `wr` [P, H], `peep` [3, H] (i, f, o).
 *
 *     i = σ(…)  f = σ(…)  g = tanh(…)  o = σ(…)    c' = f∘c + i∘g    h' = o∘tanh(c'), or W_r (o∘tanh(c'))
 *
 * State: `[h, c]`, [B, P] and [B, H]; P = H without a projection. The forget gate's bias starts at 1.
 * @see Hochreiter and Schmidhuber 1997; Gers et al. 2000
 */
export class LSTM extends RecurrentCell<LSTMConfig> {
  readonly kind = "lstm";
  readonly streamed = "lstm";
  readonly wr: Param | null;
  readonly peep: Param | null;

  constructor(config: LSTMConfig, init: Init) {
    const { hiddenSize: H, projectionSize: P, peepholes = false, chrono } = config;
    if (P !== undefined) checkSize("LSTM: projectionSize", P);
    super(config, init, 4, P ?? H);
    this.wr = P === undefined ? null : init.scheme === "sluice" ? init.glorot(1, P, H) : init.uniform([P, H], 1 / Math.sqrt(H));
    this.peep = peepholes ? init.zeros([3, H]) : null;
    if (this.bx && init.rng && (init.scheme === "sluice" || chrono)) {
      const data = this.bx.data;
      for (let j = 0; j < H; j++) {
        data[H + j] = chrono ? chronoBias(chrono, init.rng) : 1;
        if (chrono) data[j] = -data[H + j]!;
      }
    }
  }

  /** PyTorch's LSTMCell names, and its `weight_hr` for the projection. */
  override parameters(): Record<string, Param> {
    return {
      ...super.parameters(),
      ...(this.wr ? { weight_hr: this.wr } : {}),
      ...(this.peep ? { weight_peephole: this.peep } : {}),
    };
  }

  override initialState(batch: number): CellState {
    return [...super.initialState(batch), this.wx.engine.tensor([batch, this.hiddenSize])];
  }

  sequence(x: Tensor, options: CellSequenceOptions = {}): SequenceResult<CellState> {
    const [L = 0, B = 0] = x.shape;
    const { y, hn, cn, gates } = lstm(
      {
        ...this.inputs(x, options),
        c0: options.state?.[1],
        wr: this.wr ?? undefined,
        peep: this.peep ?? undefined,
        zoneCell: drawMask(x.engine, [L, B, this.hiddenSize], this.config.zoneout ?? 0, 1, options.rng),
      },
      { reverse: options.reverse ?? false, keep: this.keep, keepCell: this.keep, want: options.gates ? ["gates"] : [] },
    );
    return { y, state: [hn, cn], ...(gates ? { gates: { i: gates.at(0), f: gates.at(1), g: gates.at(2), o: gates.at(3) } } : {}) };
  }
}
