/** @file A trained language model: network, tokens, and how both go to a file and come back. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import { createEngine } from "../../engine/index.ts";
import type { Param } from "../../engine/tensor.ts";
import type { JsonObject } from "../../base/json.ts";
import { decodeModel, type LoadedModel, type ModelFile } from "../../formats/model.ts";
import { Init } from "../../nn/init.ts";
import { parametersOf } from "../../nn/module.ts";
import type { StreamWeights } from "../../nn/stream-plan.ts";
import type { Tokenizer } from "../../text/index.ts";
import { loadTensors, requireTask, tensorsOf } from "../common/model-file.ts";
import type { TaskModel } from "../common/run.ts";
import { checkLanguage } from "./check.ts";
import { itemsText } from "./items.ts";
import { Learner, type LearnOptions } from "./personal.ts";
import { LanguageNetwork, type LanguageNetworkConfig } from "./network.ts";
import { scoreBatches, scoredItems, scoreText } from "./score.ts";
import { type LanguageScores, scoresOf } from "./scores.ts";
import { Session } from "./session.ts";
import { type Suggestion, suggest } from "./suggest.ts";

/** What a line of dialogue begins with. */
export interface DialogueMarks {
  you: string;
  me: string;
}

/** JSON that rebuilds a language model; its tokens are kept beside it. */
export interface LanguageConfig {
  network: LanguageNetworkConfig;
  /** Every line is an item of its own: a text starts at a line's start and ends with the line. */
  items: boolean;
  /** The token of a line's end, which stands for the start of a text too; −1: there is none. */
  mark: number;
  /** How the lines of two speakers were marked, where the training text was a dialogue. */
  dialogue: DialogueMarks | null;
}

export class LanguageModel implements TaskModel {
  readonly network: LanguageNetwork;
  readonly params: ReadonlyMap<string, Param>;
  readonly #learner: Learner;

  constructor(
    readonly engine: Engine,
    readonly config: LanguageConfig,
    readonly tokenizer: Tokenizer,
    init: Init,
    /** Where the model comes from: seed, data, scores. */
    public provenance: JsonObject = {},
  ) {
    this.network = new LanguageNetwork(config.network, init);
    this.params = parametersOf(this.network);
    this.#learner = new Learner(this);
  }

  /**
   * A session: a text that goes on, by reading (`feed`) or by writing (`generate`), token by token with the state carried.
   * @param options.weights `int8` or `bf16` hold rounded weights: faster, smaller, a little less exact
   */
  session(options: { weights?: StreamWeights } = {}): Session {
    return Session.open(this, options.weights ?? "f32");
  }

  /** The k likeliest next words after `prefix`, or endings of the word that it breaks off in, likeliest first. */
  suggest(prefix: string, k = 3): Suggestion[] {
    return suggest(this, prefix, k);
  }

  /**
   * Learns from the user's own text, here and now. Sessions opened before keep the weights of before. Every call keeps a copy of the weights for
   * `rollback`; to go on for long, save the model now and then and load it again.
   * @throws data: a text of fewer than two tokens
   */
  learn(text: string, options: LearnOptions = {}): { before: number; after: number } {
    return this.#learner.learn(text, options);
  }

  /** Undoes the last `learn`, or with `all` every one since the model was loaded: the weights are what they were, to the last bit. */
  rollback(options: { all?: boolean } = {}): void {
    this.#learner.rollback(options.all ?? false);
  }

  /** Calls of `learn` that `rollback` can undo. */
  get learnt(): number {
    return this.#learner.depth;
  }

  /**
   * Figures on a text that the model has not been trained on. Where lines are items, empty ones and the spaces around them don't count.
   * @throws data: too short to score
   */
  evaluate(text: string): LanguageScores {
    const { config, tokenizer, network } = this;
    const scored = config.items ? itemsText(text) : text;
    const ids = config.items ? tokenizer.encode(scored) : this.started(tokenizer.encode(scored));
    if (ids.length < 2) throw new SluiceError("data", "evaluate: the text is too short to predict anything of it, expected more than one token");
    const { nats, tokens } = config.items ? scoreBatches(network, scoredItems(ids, config.mark)) : scoreText(network, ids);
    return scoresOf(nats, tokens, scored);
  }

  /** Ids with the mark in front that stands for a text's start, where there is one. */
  started(ids: Int32Array): Int32Array {
    const { mark } = this.config;
    if (mark < 0) return ids;
    const all = new Int32Array(ids.length + 1).fill(mark, 0, 1);
    all.set(ids, 1);
    return all;
  }

  /** The model as a file holds it. */
  toFile(writer: string): ModelFile {
    return {
      task: "language",
      writer,
      config: this.config as unknown as JsonObject,
      preprocessing: { tokenizer: this.tokenizer.toJSON() },
      provenance: this.provenance,
      tensors: tensorsOf(this.params),
    };
  }

  /**
   * The language model that a file holds.
   * @throws format: another task's model, a config that does not describe one, tensors that are missing or of another shape
   */
  static fromFile(file: LoadedModel, engine: Engine, where: string): LanguageModel {
    requireTask(file, "language", where);
    const { config, tokenizer } = checkLanguage(file, where);
    const model = new LanguageModel(engine, config, tokenizer, new Init(engine, null), file.provenance);
    loadTensors(model.params, file, where);
    return model;
  }

  /** @throws as `fromFile`; format: no model file */
  static load(bytes: Uint8Array, where = "model", engine: Engine = createEngine()): LanguageModel {
    return LanguageModel.fromFile(decodeModel(bytes, where), engine, where);
  }
}
