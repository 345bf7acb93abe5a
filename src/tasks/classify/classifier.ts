/** @file A trained classifier: labels and probabilities for texts or series, and the file it comes from. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Param } from "../../engine/tensor.ts";
import type { JsonObject } from "../../formats/json.ts";
import type { LoadedModel, ModelFile } from "../../formats/model.ts";
import { Init } from "../../nn/init.ts";
import { parametersOf } from "../../nn/module.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { loadTensors, requireTask, tensorsOf } from "../common/model-file.ts";
import type { TaskModel } from "../common/run.ts";
import { atOnce, type Steps } from "../common/turns.ts";
import { lengthOf, makeBatch, type Samples, type SeriesSamples, type TextSamples } from "./batch.ts";
import type { Calibration } from "./calibrate.ts";
import { checkClassifier } from "./check.ts";
import type { Labelled, SeriesValues } from "./data.ts";
import { argMax } from "./evaluate.ts";
import { ClassifierNetwork, type NetworkConfig } from "./network.ts";
import { prepareSeries, type SeriesScale } from "./series.ts";
import { Lexicon, type UnitConfig } from "./units.ts";

/** What a classifier is, weights aside. JSON. */
export interface ClassifierConfig {
  network: NetworkConfig;
  classes: string[];
  /** Every class is a yes or no of its own. */
  multiLabel: boolean;
  /** Longest piece in steps. */
  piece: number;
  calibration: Calibration;
}

/** How items become numbers: of texts or of series. */
export type Preparation = { kind: "text"; tokenizer: Tokenizer; units: UnitConfig } | { kind: "series"; scale: SeriesScale };

/** The answer for one item. */
export interface Prediction {
  /** The most likely class; with several labels all that are more likely than not. */
  labels: string[];
  /** Of the most likely class. */
  probability: number;
  /** Of each class, in the order of `classes`. */
  probabilities: Float64Array;
  notes: string[];
}

/** Logits [N, C] of the two parts, the members' mean. */
export interface PartLogits {
  deep: Float64Array;
  wide: Float64Array | null;
}

/** Items that go through the network together when nothing is trained, and the steps that they have at most: long ones go alone. */
const BATCH = 128;
const STEPS = 1 << 16;

export class Classifier implements TaskModel {
  readonly network: ClassifierNetwork;
  readonly params: ReadonlyMap<string, Param>;
  readonly #lexicon: Lexicon | null;

  constructor(
    readonly engine: Engine,
    readonly config: ClassifierConfig,
    readonly preparation: Preparation,
    init: Init,
    /** Where the model comes from: seed, data, scores. */
    public provenance: JsonObject = {},
  ) {
    this.network = new ClassifierNetwork(config.network, init);
    this.params = parametersOf(this.network);
    this.#lexicon = preparation.kind === "text" ? new Lexicon(preparation.tokenizer, preparation.units) : null;
  }

  get classes(): readonly string[] {
    return this.config.classes;
  }

  /** Texts as the network reads them. @throws state: a classifier of series */
  readTexts(texts: readonly string[]): TextSamples {
    const lexicon = this.#lexicon;
    if (lexicon === null) throw new SluiceError("state", "classify: the items are texts, expected series; the model was trained on series");
    lexicon.forget();
    return { kind: "text", lexicon, items: texts.map((text) => lexicon.read(text)) };
  }

  /** Series as the network reads them. @throws state: a classifier of texts; shape: other channels */
  readSeries(channels: readonly string[], series: readonly SeriesValues[]): SeriesSamples {
    const { preparation } = this;
    if (preparation.kind !== "series") throw new SluiceError("state", "classify: the items are series, expected texts; the model was trained on texts");
    const due = preparation.scale.channels.length;
    if (channels.length !== due) throw new SluiceError("shape", `classify: the series have ${channels.length} channels, expected ${due}; the model was trained on ${preparation.scale.channels.slice(0, 8).join(", ")}`, { channels });
    return { kind: "series", channels: due, items: series.map((s) => prepareSeries(s, preparation.scale)) };
  }

  /** Labelled items as the network reads them. */
  read(data: Labelled): Samples {
    return data.kind === "text" ? this.readTexts(data.texts) : this.readSeries(data.channels, data.series);
  }

  /** Logits of the items numbered `which`, like lengths together; the mean of these members, or of all. */
  logits(samples: Samples, which: ArrayLike<number>, members?: readonly number[]): PartLogits {
    return atOnce(this.reading(samples, which, members));
  }

  /** The same step by step. */
  *reading(samples: Samples, which: ArrayLike<number>, members: readonly number[] = this.network.members.map((_, m) => m)): Steps<PartLogits> {
    const C = this.config.network.classes;
    const deep = new Float64Array(which.length * C);
    const wide = this.config.network.wide > 0 ? new Float64Array(which.length * C) : null;
    const order = Int32Array.from({ length: which.length }, (_, i) => i).sort((a, b) => lengthOf(samples, which[a]!) - lengthOf(samples, which[b]!) || a - b);
    for (let first = 0, count = 0; first < order.length; first += count) {
      count = 1;
      while (count < BATCH && first + count < order.length && (count + 1) * lengthOf(samples, which[order[first + count]!]!) <= STEPS) count++;
      const part = order.subarray(first, first + count);
      const batch = makeBatch(samples, Array.from(part, (i) => which[i]!), this.config.piece);
      for (const m of members) {
        this.engine.scope(() => {
          const parts = this.network.members[m]!.forward(this.engine, batch);
          const add = (to: Float64Array, from: ArrayLike<number>) => {
            for (const [b, i] of part.entries()) for (let c = 0; c < C; c++) to[i * C + c]! += from[b * C + c]! / members.length;
          };
          add(deep, parts.deep.data);
          if (wide && parts.wide) add(wide, parts.wide.data);
        });
        yield;
      }
    }
    return { deep, wide };
  }

  /** Calibrated probabilities [N, C]. */
  probabilities(samples: Samples): Float64Array {
    return toProbabilities(this.logits(samples, Int32Array.from({ length: samples.items.length }, (_, i) => i)), this.config);
  }

  /** Classes of texts. A text without a word is answered by what is left: how frequent the classes were. */
  predictTexts(texts: readonly string[]): Prediction[] {
    const samples = this.readTexts(texts);
    const predictions = this.#answers(samples);
    for (const [i, item] of samples.items.entries()) {
      if (item.units.length === 0) predictions[i]!.notes.push("the text is empty: the answer is a guess");
      if (item.cut > 0) predictions[i]!.notes.push(`the last ${item.cut} tokens were not read`);
    }
    return predictions;
  }

  /** Classes of series. */
  predictSeries(channels: readonly string[], series: readonly SeriesValues[]): Prediction[] {
    return this.#answers(this.readSeries(channels, series));
  }

  #answers(samples: Samples): Prediction[] {
    const { classes, multiLabel } = this.config;
    const C = classes.length;
    const all = this.probabilities(samples);
    return samples.items.map((_, i) => {
      const probabilities = all.slice(i * C, (i + 1) * C);
      const best = argMax(all, i, C);
      const labels = multiLabel ? classes.filter((__, c) => probabilities[c]! >= 0.5) : [classes[best]!];
      return { labels, probability: probabilities[best]!, probabilities, notes: [] };
    });
  }

  /** The model as a file holds it. */
  toFile(writer: string): ModelFile {
    const { config, preparation: p, provenance } = this;
    const preprocessing = p.kind === "text" ? { kind: p.kind, units: p.units, tokenizer: p.tokenizer.toJSON() } : { kind: p.kind, scale: p.scale };
    return {
      ...{ task: "classify", writer, provenance, tensors: tensorsOf(this.params) },
      config: config as unknown as JsonObject,
      preprocessing: preprocessing as unknown as JsonObject,
    };
  }

  /**
   * The classifier that a file holds.
   * @throws format: another task's model, a config that does not describe a classifier, tensors that are missing or of another shape
   */
  static fromFile(file: LoadedModel, engine: Engine, where: string): Classifier {
    requireTask(file, "classify", where);
    const { config, preparation } = checkClassifier(file, where);
    const model = new Classifier(engine, config, preparation, new Init(engine, null), file.provenance);
    loadTensors(model.params, file, where);
    return model;
  }
}

/** Probabilities [N, C] of the two parts' logits, weighed: softmax, or a sigmoid each where an item may have several labels. */
export function toProbabilities({ deep, wide }: PartLogits, { network: { classes: C }, calibration, multiLabel }: Pick<ClassifierConfig, "network" | "calibration" | "multiLabel">): Float64Array {
  const p = Float64Array.from(deep, (v, i) => calibration.deep * v + (wide === null ? 0 : calibration.wide * wide[i]!));
  if (multiLabel) return p.map((z) => 1 / (1 + Math.exp(-z)));
  for (let at = 0; at < p.length; at += C) {
    const row = p.subarray(at, at + C);
    const top = row[argMax(p, at / C, C)]!;
    let sum = 0;
    for (let c = 0; c < C; c++) sum += row[c] = Math.exp(row[c]! - top);
    for (let c = 0; c < C; c++) row[c]! /= sum;
  }
  return p;
}
