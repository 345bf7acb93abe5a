/**
 * @file The network of a translator: an encoder that reads the source in both directions, a decoder that writes the target token by
 * token and looks back at what was read. S source steps, T target steps, B pairs, R decoder rows (B, or beams × B). Runs in browsers.
 */
import { SluiceError } from "../../base/errors.ts";
import type { Rng } from "../../base/random.ts";
import type { Param, Tensor } from "../../engine/tensor.ts";
import { Attention, type AttentionKind, type PreparedMemory } from "../../nn/attention.ts";
import { type Cell, type CellKind, type CellState, checkProbability, checkSize } from "../../nn/cell.ts";
import { dropout } from "../../nn/dropout.ts";
import { Embedding } from "../../nn/embedding.ts";
import type { Init } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { makeCell, Recurrent } from "../../nn/stack.ts";
import { tanh } from "../../ops/elementwise.ts";
import { linear } from "../../ops/linear.ts";
import { projectedCrossEntropy } from "../../ops/projection.ts";
import { concat, repeat, sliceLast, transpose01 } from "../../ops/shape.ts";

/** `none`: every step of the decoder is given the encoder's last state (Cho et al. 2014, arXiv:1406.1078). */
export type TranslateAttention = AttentionKind | "none";

/** `target`: scores are products with the target embedding (Press and Wolf 2017, arXiv:1608.05859); `all`: the source reads by it too. */
export type Tying = "none" | "target" | "all";

/** JSON that rebuilds the network. */
export interface TranslateNetworkConfig {
  /** Tokens that there are on each side. */
  sourceVocabulary: number;
  targetVocabulary: number;
  /** Numbers for a token, E, and width of the layer before the scores. */
  embedding: number;
  cell: CellKind;
  /** Hidden size of the decoder, H; the encoder has half of it (rounded up) in each direction. */
  hidden: number;
  encoderLayers: number;
  decoderLayers: number;
  attention: TranslateAttention;
  /** The decoder's first layer is given what was made of the step before, context and all (Luong et al. 2015). Step by step: slower. */
  inputFeeding: boolean;
  tying: Tying;
  /** Share of numbers hidden on the way between layers while training. */
  dropout: number;
  /** The same for the numbers of tokens. */
  inputDropout: number;
}

/** What the encoder leaves for the decoder. */
export interface Memory {
  /** For attention; null without. */
  readonly prepared: PreparedMemory | null;
  /** [B, C]: the encoder's last states in both directions. */
  readonly summary: Tensor;
}

/** Where a decoder stands: one state a layer, and what was made of the last step where that is fed in. */
export interface DecoderState {
  readonly cells: readonly CellState[];
  /** [R, E]; null without input feeding. */
  readonly fed: Tensor | null;
}

/** What a stretch of decoding gives. */
export interface Decoded {
  /** [T, R, E]: what scores are made of. */
  readonly readout: Tensor;
  /** [T, R, S]: which source steps were looked at; null without attention, and where steps were taken one after the other. */
  readonly weights: Tensor | null;
  readonly state: DecoderState;
}

/** Reads a source, writes a target. */
export class TranslateNetwork {
  readonly sourceEmbedding: Embedding;
  readonly targetEmbedding: Embedding;
  readonly encoder: Recurrent;
  /** From the encoder's last states to the first state of every decoder layer. */
  readonly bridge: Linear;
  readonly decoder: readonly Cell[];
  readonly attention: Attention | null;
  readonly readout: Linear;
  /** Scores of the target's tokens: [V, E] and [V]. */
  readonly outputWeight: Param;
  readonly outputBias: Param;

  /** @throws range: sizes below 1, probabilities outside [0, 1), one embedding for two vocabularies */
  constructor(
    readonly config: TranslateNetworkConfig,
    init: Init,
  ) {
    const { sourceVocabulary, targetVocabulary, embedding: E, cell, hidden: H, encoderLayers, decoderLayers, attention, tying, inputFeeding } = config;
    for (const name of ["encoderLayers", "decoderLayers"] as const) checkSize(`translate: ${name}`, config[name]);
    for (const name of ["dropout", "inputDropout"] as const) checkProbability(`translate: ${name}`, config[name]);
    if (tying === "all" && sourceVocabulary !== targetVocabulary) {
      throw new SluiceError("range", `translate: tying is "all" with ${sourceVocabulary} source and ${targetVocabulary} target tokens, expected one shared vocabulary`);
    }
    const deviation = 1 / Math.sqrt(E);
    this.targetEmbedding = new Embedding({ vocabulary: targetVocabulary, size: E, deviation }, init);
    this.sourceEmbedding = tying === "all" ? this.targetEmbedding : new Embedding({ vocabulary: sourceVocabulary, size: E, deviation }, init);
    this.encoder = new Recurrent({ cell, inputSize: E, hiddenSize: Math.ceil(H / 2), layers: encoderLayers, bidirectional: "concat", dropout: config.dropout }, init);
    const C = this.encoder.outputSize;
    this.bridge = new Linear({ inputSize: C, outputSize: decoderLayers * H }, init);
    // The first layer runs ahead of attention, so it sees a context only where there is no attention to wait for, or the one before.
    const first = E + (attention === "none" ? C : 0) + (inputFeeding ? E : 0);
    this.decoder = Array.from({ length: decoderLayers }, (_, i) => makeCell({ cell, inputSize: i === 0 ? first : H + C, hiddenSize: H }, init));
    this.attention = attention === "none" ? null : new Attention({ kind: attention, querySize: H, keySize: C }, init);
    this.readout = new Linear({ inputSize: H + C + E, outputSize: E }, init);
    this.outputWeight = tying === "none" ? init.glorot(1, targetVocabulary, E) : this.targetEmbedding.weight;
    this.outputBias = init.zeros([targetVocabulary]);
  }

  /**
   * Reads sources.
   * @param ids int [S, B]
   * @param lengths int [B]
   * @param rng present while training
   */
  encode(ids: Tensor, lengths: Tensor, rng?: Rng): { memory: Memory; state: DecoderState } {
    const { dropout: p, inputDropout, inputFeeding, embedding: E } = this.config;
    const x = dropout(this.sourceEmbedding.forward(ids), inputDropout, rng);
    const { y, state } = this.encoder.sequence(x, { lengths, ...(rng ? { rng } : {}) });
    const [forward, backward] = state.slice(-2);
    const summary = concat({ a: forward![0]!, b: backward![0]! }).y;
    const B = summary.shape[0]!;
    const first = tanh({ x: this.bridge.forward(dropout(summary, p, rng)) }).y;
    const cells = this.decoder.map((cell, i) => {
      const H = cell.hiddenSize;
      const [, ...others] = cell.initialState(B);
      return [sliceLast({ x: first }, { from: i * H, to: (i + 1) * H }).y, ...others];
    });
    const prepared = this.attention?.prepare(dropout(y, p, rng), lengths) ?? null;
    return { memory: { prepared, summary }, state: { cells, fed: inputFeeding ? ids.engine.tensor([B, E]) : null } };
  }

  /**
   * Goes on writing with given tokens: all steps at once, or one after the other where each is fed into the next.
   * @param ids int [T, R]; R is B, or any multiple of it with row k·B + b for item b
   */
  decode(ids: Tensor, from: DecoderState, memory: Memory, rng?: Rng): Decoded {
    const e = dropout(this.targetEmbedding.forward(ids), this.config.inputDropout, rng);
    const [T = 0, R = 0] = ids.shape;
    if (from.fed === null || T === 1) return this.#run(e, from, memory, rng);
    const steps: Tensor[] = [];
    let state = from;
    for (let t = 0; t < T; t++) {
      const step = this.#run(e.slice(t, t + 1), state, memory, rng);
      steps.push(step.readout.at(0));
      state = step.state;
    }
    const readout = transpose01({ x: sideBySide(steps).reshape(R, T, -1) }).y;
    return { readout, weights: null, state };
  }

  #run(e: Tensor, { cells, fed }: DecoderState, { prepared, summary }: Memory, rng: Rng | undefined): Decoded {
    const { dropout: p, hidden: H } = this.config;
    const [T = 0, R = 0] = e.shape;
    const [B = 0, C = 0] = summary.shape;
    let context = prepared ? null : repeat({ x: summary }, { times: (T * R) / B }).y.reshape(T, R, C);
    let weights: Tensor | null = null;
    let x = context ? concat({ a: e, b: context }).y : e;
    if (fed) x = concat({ a: x, b: fed.reshape(T, R, -1) }).y;
    const after: CellState[] = [];
    for (const [i, cell] of this.decoder.entries()) {
      if (i > 0) x = concat({ a: dropout(x, p, rng), b: context! }).y;
      const { y, state } = cell.sequence(x, { state: cells[i]!, ...(rng ? { rng } : {}) });
      after.push(state);
      x = y;
      if (prepared && i === 0) {
        const read = this.attention!.read(y.reshape((T * R) / B, B, H), prepared);
        context = read.context.reshape(T, R, C);
        weights = read.weights.reshape(T, R, -1);
      }
    }
    const seen = concat({ a: concat({ a: dropout(x, p, rng), b: context! }).y, b: e }).y;
    const readout = tanh({ x: this.readout.forward(seen) }).y;
    return { readout, weights, state: { cells: after, fed: fed ? readout.at(0) : null } };
  }

  /** Scores of every target token [..., V], for a readout [..., E]. */
  logits(readout: Tensor): Tensor {
    return linear({ x: readout, w: this.outputWeight, b: this.outputBias }).y;
  }

  /**
   * Cross entropy [1] of the tokens due at each place, the mean over those that are not `ignoreIndex`.
   * @param due int [T, R]
   */
  loss(readout: Tensor, due: Tensor, options: { labelSmoothing: number; ignoreIndex: number }, rng?: Rng): Tensor {
    const x = dropout(readout, this.config.dropout, rng);
    return projectedCrossEntropy({ x, w: this.outputWeight, b: this.outputBias, target: due }, options).y;
  }
}

/** Rows joined: [R, E] each, to [R, n·E]. By halves, so that every number is copied log n times, not n. */
function sideBySide(parts: readonly Tensor[]): Tensor {
  if (parts.length === 1) return parts[0]!;
  const middle = parts.length >> 1;
  return concat({ a: sideBySide(parts.slice(0, middle)), b: sideBySide(parts.slice(middle)) }).y;
}
