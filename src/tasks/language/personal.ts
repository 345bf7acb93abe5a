/** @file Learning from the user's own text on the device, and taking it back exactly. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { Rng } from "../../base/random.ts";
import { clipFactor, gradientNorm } from "../../train/clip.ts";
import { Optimizer } from "../../train/optimizer.ts";
import { type Batches, ItemBatches, StreamBatches } from "./batches.ts";
import { learningTask } from "./learn.ts";
import type { LanguageModel } from "./model.ts";
import { scoreBatches, scoreText } from "./score.ts";

export interface LearnOptions {
  /** Times that the text is gone through. Default 3. */
  passes?: number;
  /** Learning rate of Adam. Default 1e-3. */
  lr?: number;
  /** Default 1. */
  seed?: number;
}

/** Steps that a gradient reaches back. */
const CHUNK = 32;

/** The changes that a user's texts have made to a model's weights, and the weights of before each: as many copies as there are calls to take back. */
export class Learner {
  readonly #before: Map<string, Float32Array>[] = [];
  /** One for all calls: its memory lies outside JavaScript's heap, where a new one each time would pile up between collections. */
  readonly #optimizer = new Optimizer({ kind: "adam" });

  constructor(readonly model: LanguageModel) {}

  get depth(): number {
    return this.#before.length;
  }

  /** Nats per token of this text before and after it was learnt. */
  learn(text: string, { passes = 3, lr = 1e-3, seed = 1 }: LearnOptions): { before: number; after: number } {
    const { engine, network, config, tokenizer, params } = this.model;
    if (!Number.isSafeInteger(passes) || passes < 1) throw new SluiceError("range", `learn: passes is ${passes}, expected a whole number from 1`, { passes });
    if (!(lr > 0 && lr < Infinity)) throw new SluiceError("range", `learn: lr is ${lr}, expected a number above 0`, { lr });
    const line = text.endsWith("\n") || config.mark < 0 ? text : `${text}\n`;
    const ids = config.items ? tokenizer.encode(line) : this.model.started(tokenizer.encode(line));
    if (text.trim() === "" || ids.length < 2) throw new SluiceError("data", "learn: the text has no two tokens, expected some words to learn from");
    const batches: Batches = config.items ? new ItemBatches(ids, config.mark, 16) : new StreamBatches(ids, { streams: 1, chunk: CHUNK, jitter: false });
    const score = (): number => {
      const { nats, tokens } = config.items ? scoreBatches(network, batches) : scoreText(network, ids);
      return nats / tokens;
    };
    const before = score();
    this.#before.push(new Map([...params].map(([name, p]) => [name, Float32Array.from(p.data)])));
    try {
      const task = learningTask(engine, network, { train: batches, valid: null });
      const all = [...params.values()];
      this.#optimizer.reset();
      const rng = new Rng(seed);
      for (let pass = 0; pass < passes; pass++) {
        task.startEpoch(rng);
        for (let i = 0; i < task.batchesPerEpoch; i++) {
          for (const p of all) p.grad?.fill(0);
          engine.scope(() => engine.backward(engine.record(() => task.loss(i, rng))));
          this.#optimizer.step(all, lr, { scale: clipFactor(gradientNorm(all), 1) });
        }
      }
      const after = score();
      if (!Number.isFinite(after)) throw new SluiceError("numeric", `learn: the loss is ${after} afterwards, expected a finite number; use a lower rate than ${lr}. The weights are as before`, { lr });
      return { before, after };
    } catch (error) {
      this.rollback(false);
      throw error;
    }
  }

  /** @throws state: nothing has been learnt */
  rollback(all: boolean): void {
    const weights = all ? this.#before[0] : this.#before.at(-1);
    if (weights === undefined) throw new SluiceError("state", "rollback: nothing has been learnt since the model was loaded, expected a call of learn before");
    for (const [name, p] of this.model.params) p.data.set(weights.get(name)!);
    this.#before.length = all ? 0 : this.#before.length - 1;
  }
}
