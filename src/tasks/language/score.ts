/** @file How well a network predicts a text, with the state carried through the whole of it. Runs in browsers. */
import type { Engine } from "../../engine/engine.ts";
import type { StackState } from "../../nn/stack.ts";
import { CarriedState } from "../../train/bptt.ts";
import { atOnce, type Steps } from "../common/turns.ts";
import { type Batch, type Batches, ItemBatches, StreamBatches } from "./batches.ts";
import { languageLoss } from "./loss.ts";
import type { LanguageNetwork } from "./network.ts";

/** The state of a stack between chunks: plain numbers, so that no gradient crosses the border. */
export class CarriedStack {
  readonly values: CarriedState;
  constructor(
    engine: Engine,
    readonly network: LanguageNetwork,
  ) {
    this.values = new CarriedState(engine);
  }

  /** What the chunk before left; zeros where there was none. */
  read(batch: number): StackState {
    return this.network.initialState(batch).map((cell, i) => cell.map((part, j) => this.values.read(`${i}.${j}`, part.shape)));
  }

  write(state: StackState): void {
    for (const [i, cell] of state.entries()) for (const [j, part] of cell.entries()) this.values.write(`${i}.${j}`, part);
  }

  /** Gives one of the texts side by side zeros again. */
  clear(item: number): void {
    for (const part of Object.values(this.values.save())) {
      const size = part.shape[1]!;
      part.data.fill(0, item * size, (item + 1) * size);
    }
  }

  reset(): void {
    this.values.reset();
  }
}

/** Nats of all tokens together, and how many there are. */
export interface Total {
  nats: number;
  tokens: number;
}

/** Goes through all batches in their order, as the network will be used. */
export function* scoring(network: LanguageNetwork, batches: Batches, carried = new CarriedStack(network.embedding.weight.engine, network)): Steps<Total> {
  const { engine } = network.embedding.weight;
  let nats = 0;
  let tokens = 0;
  for (let i = 0; i < batches.count; i++) {
    const batch = batches.batch(i);
    if (!batch.carry && i > 0) carried.reset();
    nats += batch.count * engine.scope(() => engine.noGrad(() => chunkLoss(network, batch, carried)));
    tokens += batch.count;
    yield;
  }
  return { nats, tokens };
}

/** The same at once. */
export const scoreBatches = (network: LanguageNetwork, batches: Batches, carried?: CarriedStack): Total => atOnce(scoring(network, batches, carried));

function chunkLoss(network: LanguageNetwork, { L, B, ids, targets, weight }: Batch, carried: CarriedStack): number {
  const { engine } = network.embedding.weight;
  const { x, state } = network.read(engine.ints([L, B], ids), { state: weight ? undefined : carried.read(B) });
  if (!weight) carried.write(state);
  return languageLoss(network, x, engine.ints([L, B], targets), weight ? engine.tensor([L, B], weight) : undefined).item();
}

/** Tokens that a part reads before its own, to come to the state that reading everything would give. */
const LEAD = 512;
/** Tokens that a part has at least, and the most parts. */
const [LEAST, PARTS] = [8192, 8];
const CHUNK = 128;

/** Shares of the vocabulary's scores held at a time when scoring. */
export const scoredItems = (ids: Int32Array, mark: number): Batches => new ItemBatches(ids, mark, 64);

/**
 * Scores every token of a text that is read from its start. A long one is read in up to 8 parts side by side, each of which has read the
 * 512 tokens before it, so that the figure is that of one state carried from end to end.
 * @param ids the text, the mark in front of it where there is one: the first token is only read
 */
export function scoreText(network: LanguageNetwork, ids: Int32Array): Total {
  const { engine } = network.embedding.weight;
  const parts = Math.max(1, Math.min(PARTS, Math.floor((ids.length - 1) / LEAST)));
  const streams = new StreamBatches(ids, { streams: parts, chunk: CHUNK, jitter: false });
  const carried = new CarriedStack(engine, network);
  const size = Math.floor((ids.length - 1) / parts);
  if (parts > 1) {
    const before = Int32Array.from({ length: LEAD * parts }, (_, i) => ids[Math.max(0, (i % parts) * size - LEAD + Math.floor(i / parts))]!);
    engine.scope(() => engine.noGrad(() => carried.write(network.read(engine.ints([LEAD, parts], before), { state: carried.read(parts) }).state)));
    carried.clear(0);
  }
  const total = scoreBatches(network, streams, carried);
  // What the parts leave over at the end follows the last of them.
  const rest = ids.subarray(size * parts);
  if (rest.length < 2) return total;
  const last = new CarriedStack(engine, network);
  for (const [name, part] of Object.entries(carried.values.save())) {
    const width = part.shape[1]!;
    engine.scope(() => last.values.write(name, engine.tensor([1, width], part.data.slice((parts - 1) * width))));
  }
  const more = scoreBatches(network, new StreamBatches(rest, { streams: 1, chunk: CHUNK, jitter: false }), last);
  return { nats: total.nats + more.nats, tokens: total.tokens + more.tokens };
}
