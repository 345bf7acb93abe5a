/**
 * @file The two networks that forecast all steps of the horizon at once: one reads the look-back step by step, one segment by segment.
 * They know tensors only; what the numbers mean (columns, units, calendars) is the business of the files beside this one.
 */
import { SluiceError } from "../../base/errors.ts";
import type { Rng } from "../../base/random.ts";
import type { Param, Tensor } from "../../engine/tensor.ts";
import { type CellKind, dropout, Init, Linear, Recurrent } from "../../nn/index.ts";
import { add, addOuter, relu, scaleShift } from "../../ops/elementwise.ts";
import { embedding } from "../../ops/embedding.ts";
import { concat, repeat, transpose01 } from "../../ops/shape.ts";

/** JSON that rebuilds the network. */
export interface NetworkConfig {
  model: "direct" | "segment";
  cell: CellKind;
  hidden: number;
  layers: number;
  dropout: number;
  /** L, steps looked back on. */
  lookback: number;
  /** M, steps forecast. */
  horizon: number;
  /** D, steps of a segment; it divides look-back and horizon. 1 for `direct`. */
  segment: number;
  /** C, columns forecast. */
  targets: number;
  /** F, columns known over the look-back beside the targets: covariates and calendar. */
  features: number;
  /** G, columns known over the horizon: known-future covariates and calendar. */
  known: number;
  /** Q, numbers that describe one forecast: 1 point, one per quantile, or a distribution's parameters. */
  outputs: number;
  /** Add a linear map of the window: to every number of a forecast (`all`: quantiles move together), to the first (`first`: a location), or not. */
  linear: "none" | "first" | "all";
}

/**
 * A batch of B windows. Each target column of each window is an item (item = window · C + column), cut into segments of D steps.
 */
export interface NetworkInputs {
  /** Targets over the look-back [L/D, B·C, D]. */
  values: Tensor;
  /** Features over the look-back: `direct` [L, B, F], `segment` [L/D, B·C, D·F]. Absent when F is 0. */
  features?: Tensor | undefined;
  /** Known over the horizon: `direct` [M, B, G], `segment` [M/D, B·C, D·G]. Absent when G is 0. */
  known?: Tensor | undefined;
  /** int [B·C]: target column of each item. */
  columns: Tensor;
}

export interface ForecastNetwork {
  readonly config: NetworkConfig;
  /** The last layer. */
  readonly output: Linear;
  /** [M/D · B·C · D, Q]: rows in the order of the targets cut as [M/D, B·C, D]. With `rng`, dropout is drawn. */
  forward(inputs: NetworkInputs, rng?: Rng): Tensor;
}

/** The network that `config` describes, with parameters from `init`. */
export function makeNetwork(config: NetworkConfig, init: Init): ForecastNetwork {
  const models = { direct: DirectNetwork, segment: SegmentNetwork };
  if (!Object.hasOwn(models, config.model)) throw new SluiceError("range", `forecast: model is "${String(config.model)}", expected direct or segment`);
  const network = new models[config.model](config, init);
  return config.linear === "none" ? network : new LinearSkip(network, init);
}

/**
 * Bytes that training such a network takes, to within a few percent where it matters (large sizes): parameters with gradient, optimizer
 * state and best copy, and what a batch keeps for its backward pass. Worked out before any of it is asked for.
 * @param batch windows in a batch
 */
export function trainingBytes(config: NetworkConfig, batch: number): number {
  const { model, cell, hidden: H, layers, lookback, horizon, segment: D, targets, features, known, outputs } = config;
  const gates = { gru: 3, lstm: 4, rnn: 1 }[cell];
  const direct = model === "direct";
  const input = direct ? targets + features : D * (1 + features);
  const first = direct ? input : H;
  const recurrent = gates * H * (first + H) + (layers - 1) * gates * H * 2 * H;
  const around = H * ((direct ? H : input) + known * D + horizon / D + targets + (direct ? targets : D) * outputs) + (config.linear === "none" ? 0 : lookback * horizon);
  const kept = cell === "rnn" ? 1 : cell === "gru" ? 4 : 5;
  const steps = direct ? lookback : lookback / D + horizon / D;
  const rows = direct ? batch : batch * targets;
  const saved = rows * (steps * (layers * H * (kept + 3) + 2 * input) + (horizon / D) * (6 * H + 4 * D * outputs * (direct ? targets : 1)));
  return 4 * (5 * (recurrent + around) + saved);
}

/** Multiplications and additions of the recurrent part for one window, forward and backward: what a training's length is planned by. */
export function trainingFlops({ model, cell, hidden: H, layers, lookback, horizon, segment: D, targets, features }: Omit<NetworkConfig, "dropout" | "known" | "outputs" | "linear">): number {
  const gates = { gru: 3, lstm: 4, rnn: 1 }[cell];
  const direct = model === "direct";
  const steps = direct ? lookback : targets * (lookback / D + horizon / D);
  const first = direct ? targets + features : H;
  return 3 * 2 * gates * H * steps * (first + H + (layers - 1) * 2 * H);
}

/**
 * Adds a linear map of the window to what another network forecasts, so that the recurrent part learns what a line can't say.
 * @see Lai et al. 2018 (the autoregressive part of LSTNet), arXiv:1703.07015
 */
export class LinearSkip implements ForecastNetwork {
  /** `weight` [M, L], `bias` [M]: from the levelled look-back to the levelled horizon, the same for every column. */
  readonly map: Linear;

  constructor(
    readonly network: ForecastNetwork,
    init: Init,
  ) {
    const { lookback, horizon } = network.config;
    network.output.weight.data.fill(0); // so that training starts from the map, not from the map and noise
    this.map = new Linear({ inputSize: lookback, outputSize: horizon }, new Init(init.engine, null));
  }

  get config(): NetworkConfig {
    return this.network.config;
  }
  get output(): Linear {
    return this.network.output;
  }

  forward(inputs: NetworkInputs, rng?: Rng): Tensor {
    const { lookback, horizon, segment, outputs, linear } = this.config;
    const pred = this.network.forward(inputs, rng);
    const rows = transpose01({ x: inputs.values }).y.reshape(-1, lookback);
    const line = transpose01({ x: this.map.forward(rows).reshape(-1, horizon / segment, segment) }).y.reshape(-1);
    if (linear === "all" || outputs === 1) return scaleShift({ x: pred, t: line }).y;
    const rest = pred.engine.tensor([line.size, outputs - 1]);
    return add({ a: pred, b: concat({ a: line.reshape(-1, 1), b: rest }).y }).y;
  }
}

/**
 * Reads the look-back step by step, all columns together, and gives every step of the horizon from the last state: the state and what
 * is known of a step (its place in the horizon, calendar, covariates) meet in one hidden layer.
 */
class DirectNetwork implements ForecastNetwork {
  readonly encoder: Recurrent;
  readonly context: Linear;
  readonly known: Linear | null;
  /** [M, H]: what sets the horizon's steps apart. */
  readonly positions: Param;
  readonly output: Linear;

  constructor(
    readonly config: NetworkConfig,
    init: Init,
  ) {
    const { cell, hidden, layers, horizon, targets, features, known, outputs } = config;
    this.encoder = new Recurrent({ cell, inputSize: targets + features, hiddenSize: hidden, layers, dropout: config.dropout }, init);
    this.context = new Linear({ inputSize: hidden, outputSize: hidden }, init);
    this.known = known > 0 ? new Linear({ inputSize: known, outputSize: hidden, bias: false }, init) : null;
    this.positions = init.normal([horizon, hidden], 0.02);
    this.output = new Linear({ inputSize: hidden, outputSize: targets * outputs }, init);
  }

  forward({ values, features, known }: NetworkInputs, rng?: Rng): Tensor {
    const { lookback, targets, outputs } = this.config;
    const targetsByWindow = values.reshape(lookback, -1, targets);
    const x = features ? concat({ a: targetsByWindow, b: features }).y : targetsByWindow;
    const last = this.encoder.sequence(x, { rng }).y.at(-1);
    const context = this.context.forward(last);
    const steps = addOuter({ a: context, e: this.positions }).y;
    const hidden = relu({ x: this.known && known ? add({ a: steps, b: this.known.forward(known) }).y : steps }).y;
    return this.output.forward(dropout(hidden, this.config.dropout, rng)).reshape(-1, outputs);
  }
}

/**
 * Reads the look-back segment by segment, each column on its own, and decodes all segments of the horizon at once: every one starts
 * from the encoder's last state and takes one step of the same cell on an embedding of its place and column.
 * @see Lin et al. 2023 (SegRNN), arXiv:2308.11200
 */
class SegmentNetwork implements ForecastNetwork {
  readonly input: Linear;
  readonly recurrent: Recurrent;
  readonly known: Linear | null;
  /** [M/D, H] */
  readonly positions: Param;
  /** [C, H] */
  readonly columns: Param;
  readonly output: Linear;

  constructor(
    readonly config: NetworkConfig,
    init: Init,
  ) {
    const { cell, hidden, layers, segment, horizon, targets, features, known, outputs } = config;
    this.input = new Linear({ inputSize: segment * (1 + features), outputSize: hidden }, init);
    this.recurrent = new Recurrent({ cell, inputSize: hidden, hiddenSize: hidden, layers, dropout: config.dropout }, init);
    this.known = known > 0 ? new Linear({ inputSize: segment * known, outputSize: hidden, bias: false }, init) : null;
    this.positions = init.normal([horizon / segment, hidden], 1 / Math.sqrt(2));
    this.columns = init.normal([targets, hidden], 1 / Math.sqrt(2));
    this.output = new Linear({ inputSize: hidden, outputSize: segment * outputs }, init);
  }

  forward({ values, features, known, columns }: NetworkInputs, rng?: Rng): Tensor {
    const { hidden, horizon, segment, outputs } = this.config;
    const segments = horizon / segment;
    const x = features ? concat({ a: values, b: features }).y : values;
    const { state } = this.recurrent.sequence(relu({ x: this.input.forward(x) }).y, { rng });
    const columnOf = embedding({ ids: columns, weight: this.columns }).y;
    const places = addOuter({ a: columnOf, e: this.positions }).y;
    const asked = this.known && known ? add({ a: places, b: this.known.forward(known) }).y : places;
    const start = state.map((cell) => cell.map((t) => repeat({ x: t }, { times: segments }).y.reshape(-1, hidden)));
    const { y } = this.recurrent.step(asked.reshape(-1, hidden), start, { rng });
    return this.output.forward(dropout(y, this.config.dropout, rng)).reshape(-1, outputs);
  }
}
