/** @file A language model as the training loop sees it: the loss of a chunk, the state that is carried on, validation. Runs in browsers. */
import type { Rng } from "../../base/random.ts";
import type { Engine } from "../../engine/engine.ts";
import type { TrainTask } from "../../train/task.ts";
import { inTurns } from "../common/turns.ts";
import type { Batches } from "./batches.ts";
import { languageLoss } from "./loss.ts";
import { type LanguageNetwork, Output } from "./network.ts";
import { type CandidateSampler, sampledLoss } from "./sampled.ts";
import { CarriedStack, scoring } from "./score.ts";

export interface LearningOptions {
  train: Batches;
  valid: Batches | null;
  /** Scores only candidates until `untilShare` of the training is over; left out: always all. */
  sampler?: CandidateSampler | null;
  /** Share of the training done before batch `index` of the epoch under way, 0–1. */
  progress?: (index: number) => number;
  /** From which share on all tokens are scored. Default 0.7. */
  untilShare?: number;
}

/** What the loop needs beside engine and parameters. */
export type LearningTask = Omit<TrainTask, "engine" | "params"> & Required<Pick<TrainTask, "startEpoch" | "carried" | "samplesPerEpoch">>;

/** The task for `train()`: truncated back-propagation through time over the chunks of the text, or one item after the other. */
export function learningTask(engine: Engine, network: LanguageNetwork, { train, valid, sampler = null, progress = () => 1, untilShare = 0.7 }: LearningOptions): LearningTask {
  const carried = new CarriedStack(engine, network);
  return {
    batchesPerEpoch: train.count,
    samplesPerEpoch: train.tokens,
    carried: carried.values,
    startEpoch(rng: Rng) {
      train.start(rng);
    },
    loss(index: number, rng: Rng) {
      const { L, B, ids, targets, weight, carry } = train.batch(index);
      const { x, state } = network.read(engine.ints([L, B], ids), { state: carry ? carried.read(B) : undefined, rng });
      carried.write(state);
      if (sampler && network.output instanceof Output && weight === null && progress(index) < untilShare) return sampledLoss(network.output, x, targets, sampler, rng);
      return languageLoss(network, x, engine.ints([L, B], targets), weight ? engine.tensor([L, B], weight) : undefined);
    },
    ...(valid
      ? {
          async validate() {
            const { nats, tokens } = await inTurns(scoring(network, valid));
            return nats / tokens;
          },
        }
      : {}),
  };
}
