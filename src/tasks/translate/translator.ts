/** @file A trained translator: network, tokens of both sides, and how all of it goes to a file and comes back. Runs in browsers. */
import type { JsonObject } from "../../base/json.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Param } from "../../engine/tensor.ts";
import type { LoadedModel, ModelFile } from "../../formats/model.ts";
import { Init } from "../../nn/init.ts";
import { parametersOf } from "../../nn/module.ts";
import type { Tokenizer } from "../../text/index.ts";
import { loadTensors, requireTask, tensorsOf } from "../common/model-file.ts";
import type { TaskModel } from "../common/run.ts";
import { atOnce, type Steps } from "../common/turns.ts";
import type { Marks } from "./batches.ts";
import { checkTranslator } from "./check.ts";
import { TranslateNetwork, type TranslateNetworkConfig } from "./network.ts";
import { type SearchOptions, searchOf } from "./rank.ts";
import { type Hypothesis, searchBatch } from "./search.ts";
import { decodeTokens, encodeText, requireReadable, surfaces } from "./side.ts";

/** JSON that rebuilds a translator; its tokens are kept beside it. */
export interface TranslatorConfig {
  network: TranslateNetworkConfig;
  /** Tokens of a text at most, on either side. */
  maxLength: number;
  /** The most target tokens for a source token that training saw: what a translation's length is limited by. */
  ratio: number;
}

export interface TranslateTextOptions extends SearchOptions {
  /** Return what each token was made from. */
  align?: boolean;
  /** Texts longer than the model reads lose their end, and `cut` says so, instead of being refused. */
  cut?: boolean;
  /** Called after each group of sentences with the number done. */
  progress?: (done: number) => void;
}

/** Which parts of a source each token of its translation was made from. */
export interface Alignment {
  /** Tokens as they are shown to people, end marks last. */
  source: string[];
  target: string[];
  /** For each target token a share for every source token; they sum to 1. */
  weights: Float32Array[];
}

/** One of several ways to say it. */
export interface Alternative {
  text: string;
  /** What it is ranked by, higher is better. */
  score: number;
  /** Nats, of all tokens together. */
  logProbability: number;
  /** False: it broke off at the longest length allowed. */
  complete: boolean;
}

/** A translation: the best hypothesis, and the others after it. */
export interface Translation extends Alternative {
  /** All hypotheses, best first, this one too. */
  best: Alternative[];
  /** Source tokens that the model has never seen. */
  unknown: number;
  /** The source was too long, and its end was left out. */
  cut: boolean;
  /** Null where it was not asked for, or the model has no attention. */
  alignment: Alignment | null;
}

/** Beams side by side that keep the kernels busy without filling the memory. */
const ROWS = 384;

export class Translator implements TaskModel {
  readonly network: TranslateNetwork;
  readonly params: ReadonlyMap<string, Param>;

  constructor(
    readonly engine: Engine,
    readonly config: TranslatorConfig,
    readonly source: Tokenizer,
    readonly target: Tokenizer,
    init: Init,
    /** Where the model comes from: seed, data, scores. */
    public provenance: JsonObject = {},
  ) {
    this.network = new TranslateNetwork(config.network, init);
    this.params = parametersOf(this.network);
  }

  get marks(): Marks {
    return { sourceEnd: this.source.special.end, start: this.target.special.start, end: this.target.special.end };
  }

  /** Translations are in small letters only. */
  get lowercase(): boolean {
    return (this.target.toJSON() as { lowercase?: boolean }).lowercase === true;
  }

  /**
   * Translations of texts, in their order. A text's translation does not depend on those that it is given with.
   * An unknown token of the target is replaced by the source token that was looked at most.
   * @param where names the texts in errors
   * @throws data: a text that is empty, or longer than the model reads (see `cut`); range: search options outside their limits
   */
  translate(texts: readonly string[], options: TranslateTextOptions = {}, where = "translate"): Translation[] {
    return atOnce(this.translating(texts, options, where));
  }

  /** The same step by step. */
  *translating(texts: readonly string[], options: TranslateTextOptions = {}, where = "translate"): Steps<Translation[]> {
    const search = searchOf(options);
    const { maxLength, ratio } = this.config;
    const sources = texts.map((text, i) => {
      const ids = encodeText(this.source, text);
      const cut = options.cut === true && ids.length > maxLength;
      if (!cut) requireReadable(ids.length, maxLength, texts.length > 1 ? `${where}: text ${i + 1}` : where);
      return { text, ids: cut ? ids.slice(0, maxLength) : ids, cut };
    });
    const order = sources.map((_, i) => i).sort((a, b) => sources[a]!.ids.length - sources[b]!.ids.length || a - b);
    const size = Math.max(1, Math.floor(ROWS / (search.beam + 1)));
    const out = new Array<Translation>(texts.length);
    for (let from = 0; from < order.length; from += size) {
      const part = order.slice(from, from + size);
      const most = part.map((i) => Math.min(maxLength, Math.ceil(ratio * sources[i]!.ids.length) + 10) + 1);
      const found = searchBatch(this.engine, this.network, this.marks, part.map((i) => sources[i]!.ids), most, search);
      for (const [place, i] of part.entries()) out[i] = this.#read(sources[i]!, found[place]!, options.align ?? false);
      options.progress?.(Math.min(from + size, order.length));
      yield;
    }
    return out;
  }

  #read({ text, ids, cut }: { text: string; ids: Int32Array; cut: boolean }, found: readonly Hypothesis[], align: boolean): Translation {
    const words = surfaces(this.source, text, ids);
    const best = found.map((h) => {
      const copied = h.weights?.map((w) => words[likeliest(w, ids.length)]);
      return { text: decodeTokens(this.target, h.tokens, copied), score: h.score, logProbability: h.logProbability, complete: h.complete };
    });
    const { unknown } = this.source.special;
    const first = found[0]!;
    const alignment = align && first.weights ? this.#align(words, first, first.weights) : null;
    return { ...best[0]!, best, cut, alignment, unknown: unknown < 0 ? 0 : ids.reduce((n, id) => n + Number(id === unknown), 0) };
  }

  #align(words: readonly string[], { tokens, complete }: Hypothesis, weights: readonly Float32Array[]): Alignment {
    const target = tokens.map((id) => this.target.token(id).trim() || "␣");
    return { source: [...words.map((w) => w.trim() || "␣"), "<end>"], target: complete ? [...target, "<end>"] : target, weights: [...weights] };
  }

  /** The model as a file holds it. */
  toFile(writer: string): ModelFile {
    return {
      task: "translate",
      writer,
      config: this.config as unknown as JsonObject,
      // A shared vocabulary is written once.
      preprocessing: { source: this.source.toJSON(), target: this.target === this.source ? null : this.target.toJSON() },
      provenance: this.provenance,
      tensors: tensorsOf(this.params),
    };
  }

  /**
   * The translator that a file holds.
   * @throws format: another task's model, a config that does not describe one, tensors that are missing or of another shape
   */
  static fromFile(file: LoadedModel, engine: Engine, where: string): Translator {
    requireTask(file, "translate", where);
    const { config, source, target } = checkTranslator(file, where);
    const model = new Translator(engine, config, source, target, new Init(engine, null), file.provenance);
    loadTensors(model.params, file, where);
    return model;
  }
}

/** Which of the first n shares is largest. */
function likeliest(weights: Float32Array, n: number): number {
  let best = 0;
  for (let i = 1; i < n; i++) if (weights[i]! > weights[best]!) best = i;
  return best;
}
