/** @file What counting words tells about a class: multinomial naive Bayes over single tokens and neighbours, and the majority, the baselines of a classifier. */
import { SluiceError } from "../base/errors.ts";

/** A text as its tokens (words or ids) and the number of its class. */
export interface LabelledTokens {
  tokens: ArrayLike<string> | ArrayLike<number>;
  /** 0, 1, 2, … */
  label: number;
}

export interface NaiveBayesOptions {
  /** Pairs of neighbours count beside single tokens. Default: true. */
  bigrams?: boolean;
  /** A text has a feature or has it not; how often does not count. Default: true. */
  binary?: boolean;
  /** Added to every count. Default: 1. */
  add?: number;
}

/** Fitted counts. */
export interface NaiveBayes {
  readonly classes: number;
  /** ln P(class) + Σ ln P(feature | class) for each class; a feature that no training text has was counted 0 times in each. */
  scores(tokens: LabelledTokens["tokens"]): Float64Array;
  /** The class of the highest score. */
  predict(tokens: LabelledTokens["tokens"]): number;
}

/**
 * Multinomial naive Bayes: P(feature | class) = (count + add) / (all counts of the class + add · number of features).
 * @throws data: no texts; range: a label that is no whole number from 0 on
 * @see McCallum & Nigam 1998, "A comparison of event models for naive Bayes text classification"; binary: Wang & Manning 2012
 */
export function naiveBayes(train: Iterable<LabelledTokens>, options: NaiveBayesOptions = {}): NaiveBayes {
  const { bigrams = true, binary = true, add = 1 } = options;
  if (!(add > 0)) throw new SluiceError("range", `naiveBayes: add is ${add}, expected a number above 0`, { add });
  const counts: Map<string, number>[] = [];
  const texts: number[] = [];
  const features = new Set<string>();
  for (const { tokens, label } of train) {
    if (!Number.isInteger(label) || label < 0 || label >= 1 << 20) {
      throw new SluiceError("range", `naiveBayes: a label is ${label}, expected a whole number from 0 on`, { label });
    }
    while (counts.length <= label) {
      counts.push(new Map());
      texts.push(0);
    }
    texts[label]!++;
    const ofClass = counts[label]!;
    for (const f of featuresOf(tokens, bigrams, binary)) {
      features.add(f);
      ofClass.set(f, (ofClass.get(f) ?? 0) + 1);
    }
  }
  const total = texts.reduce((a, b) => a + b, 0);
  if (total === 0) throw new SluiceError("data", "naiveBayes: there are 0 texts, expected some to count", {});
  const classes = counts.length;
  const prior = texts.map((n) => Math.log(n / total)); // −∞ for a number that is no class
  const whole = counts.map((map) => Math.log([...map.values()].reduce((a, b) => a + b, 0) + add * features.size));
  const scores = (tokens: LabelledTokens["tokens"]): Float64Array => {
    const out = Float64Array.from(prior);
    for (const f of featuresOf(tokens, bigrams, binary)) {
      for (let c = 0; c < classes; c++) out[c]! += Math.log((counts[c]!.get(f) ?? 0) + add) - whole[c]!;
    }
    return out;
  };
  return { classes, scores, predict: (tokens) => largest(scores(tokens)) };
}

/** Shares of test texts whose class is predicted. */
export interface ClassBaselines {
  /** By always saying the class most training texts have. */
  majority: { accuracy: number; label: number };
  naiveBayes: { accuracy: number; predictions: Int32Array };
}

/** Both baselines, fitted to `train`, on `test`. @throws data: no texts */
export function classBaselines(train: readonly LabelledTokens[], test: readonly LabelledTokens[], options: NaiveBayesOptions = {}): ClassBaselines {
  if (test.length === 0) throw new SluiceError("data", "classBaselines: there are 0 test texts, expected some", {});
  const model = naiveBayes(train, options);
  const counts = new Float64Array(model.classes);
  for (const { label } of train) counts[label]!++;
  const label = largest(counts);
  const predictions = Int32Array.from(test, ({ tokens }) => model.predict(tokens));
  const share = (right: (i: number) => boolean): number => test.reduce((n, _, i) => n + Number(right(i)), 0) / test.length;
  return {
    majority: { label, accuracy: share((i) => test[i]!.label === label) },
    naiveBayes: { predictions, accuracy: share((i) => test[i]!.label === predictions[i]) },
  };
}

/** Tokens, and pairs of neighbours joined by a character that no token has. */
function featuresOf(tokens: LabelledTokens["tokens"], bigrams: boolean, binary: boolean): Iterable<string> {
  const all: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    all.push(String(tokens[i]));
    if (bigrams && i > 0) all.push(`${tokens[i - 1]}\u0000${tokens[i]}`);
  }
  return binary ? new Set(all) : all;
}

function largest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
