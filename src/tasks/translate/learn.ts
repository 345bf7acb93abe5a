/** @file A translator as the training loop sees it: the loss of a batch, validation. Runs in browsers. */
import type { Rng } from "../../base/random.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Tensor } from "../../engine/tensor.ts";
import type { TrainTask } from "../../train/task.ts";
import { inTurns, type Steps } from "../common/turns.ts";
import { ignored, type PairBatch, type PairBatches } from "./batches.ts";
import type { TranslateNetwork } from "./network.ts";

/** How a loss is made. */
export interface LossOptions {
  /** Share of the truth that goes to all tokens alike (Szegedy et al. 2015, arXiv:1512.00567). */
  labelSmoothing: number;
  /** Share of the tokens given to the decoder that are its own choices instead of the teacher's. Default 0. */
  sampling?: number;
  rng?: Rng;
}

/** Mean loss [1] over the target tokens of a batch. */
export function translateLoss(engine: Engine, network: TranslateNetwork, batch: PairBatch, { labelSmoothing, sampling = 0, rng }: LossOptions): Tensor {
  const { source, T, given, due } = batch;
  const { S, B } = source;
  const { memory, state } = network.encode(engine.ints([S, B], source.ids), engine.ints([B], source.lengths), rng);
  let tokens = engine.ints([T, B], given);
  if (rng && sampling > 0) {
    // Chosen with the teacher's tokens before them, then mixed in: two passes over whole sequences instead of one step at a time
    // (Mihaylova and Martins 2019, arXiv:1906.07651; scheduled sampling itself: Bengio et al. 2015, arXiv:1506.03099).
    const own = engine.noGrad(() => engine.scope(() => choices(network, network.decode(tokens, state, memory).readout)));
    const mixed = given.slice();
    for (let at = B; at < mixed.length; at++) if (due[at] !== ignored && rng.uniform() < sampling) mixed[at] = own[at - B]!;
    tokens = engine.ints([T, B], mixed);
  }
  const { readout } = network.decode(tokens, state, memory, rng);
  return network.loss(readout, engine.ints([T, B], due), { labelSmoothing, ignoreIndex: ignored }, rng);
}

/** The likeliest token at every place, [T · B]. */
function choices(network: TranslateNetwork, readout: Tensor): Int32Array {
  const logits = network.logits(readout);
  const V = logits.shape.at(-1)!;
  const { data } = logits;
  return Int32Array.from({ length: data.length / V }, (_, row) => {
    let best = row * V;
    for (let at = best + 1; at < (row + 1) * V; at++) if (data[at]! > data[best]!) best = at;
    return best - row * V;
  });
}

export interface LearningOptions {
  train: PairBatches;
  valid: PairBatches | null;
  labelSmoothing: number;
  /** Share of the decoder's own choices at the end of training; it rises from 0 in a straight line. */
  sampling: number;
  /** Passes planned, and passes done before this run. */
  epochs: number;
  from?: number;
  /** Share of the time that is over, where time alone ends the training. */
  elapsed?: (() => number) | null;
}

/** Mean nats of a target token. @param labelSmoothing 0 for the likelihood itself */
export function* meanLoss(engine: Engine, network: TranslateNetwork, batches: PairBatches, labelSmoothing = 0): Steps<number> {
  let [sum, count] = [0, 0];
  for (let i = 0; i < batches.count; i++) {
    const batch = batches.batch(i);
    sum += batch.count * engine.scope(() => translateLoss(engine, network, batch, { labelSmoothing }).item());
    count += batch.count;
    yield;
  }
  return sum / count;
}

/** The task for `train()`. */
export function learningTask(engine: Engine, network: TranslateNetwork, { train, valid, labelSmoothing, sampling, epochs, from = 0, elapsed = null }: LearningOptions): Omit<TrainTask, "engine" | "params"> {
  let epoch = from;
  return {
    batchesPerEpoch: train.count,
    samplesPerEpoch: train.tokens,
    startEpoch(rng) {
      train.start(rng);
      epoch++;
    },
    loss(index, rng) {
      const share = elapsed ? Math.min(1, elapsed()) : epochs > 1 ? Math.min(1, (epoch - 1 + index / train.count) / (epochs - 1)) : 1;
      return translateLoss(engine, network, train.batch(index), { labelSmoothing, sampling: sampling * share, rng });
    },
    // Smoothed as in training: the plain likelihood turns upwards long before translations get worse.
    ...(valid ? { validate: () => inTurns(meanLoss(engine, network, valid, labelSmoothing)) } : {}),
  };
}
