/** @file What a classifier must beat: the most frequent class, naive Bayes on texts, the nearest neighbour on series. Runs in browsers. */
import { naiveBayes } from "../../text/index.ts";
import type { Samples } from "./batch.ts";
import { argMax, type Scores, score } from "./evaluate.ts";

/** Scores of one baseline on the test items. */
export type BaselineScores = Pick<Scores, "accuracy" | "macroF1">;

/** An answer is one class, or a yes or no for each. */
type Answer = (item: number) => Float64Array;

/**
 * The baselines, fitted to the items `train` and scored on the items `test`.
 * @param labels classes of every item
 */
export function classifyBaselines(samples: Samples, labels: readonly Int32Array[], train: ArrayLike<number>, test: ArrayLike<number>, names: readonly string[], multiLabel: boolean): Record<string, BaselineScores> {
  const own = Array.from(train);
  const asked = Array.from(test);
  const truth = asked.map((i) => labels[i]!);
  const scoreOf = (answer: Answer): BaselineScores => {
    const rows = asked.map(answer);
    const flat = Float64Array.from({ length: rows.length * names.length }, (_, j) => rows[Math.floor(j / names.length)]![j % names.length]!);
    const { accuracy, macroF1 } = score(flat, truth, names, { multiLabel });
    return { accuracy, macroF1 };
  };
  const counts = new Float64Array(names.length);
  for (const i of own) for (const c of labels[i]!) counts[c]!++;
  const most = multiLabel ? counts.map((n) => +(2 * n > own.length)) : oneOf(names.length, argMax(counts, 0, names.length));
  const kinds: Record<string, Answer> = { majority: () => most };
  if (samples.kind === "text") kinds["naive Bayes"] = bayes(samples, labels, own, asked, names.length, multiLabel);
  else if (own.length > 0) kinds["nearest neighbour"] = nearest(samples.items.map((s) => s.features), labels, own, names.length);
  return Object.fromEntries(Object.entries(kinds).map(([name, answer]) => [name, scoreOf(answer)]));
}

function oneOf(classes: number, c: number): Float64Array {
  const row = new Float64Array(classes);
  row[c] = 1;
  return row;
}

/** Multinomial naive Bayes over units and pairs of them; with several labels one for each class, one after the other: the counts of all fill no memory. */
function bayes(samples: Extract<Samples, { kind: "text" }>, labels: readonly Int32Array[], train: readonly number[], asked: readonly number[], classes: number, multiLabel: boolean): Answer {
  const tokens = (i: number) => samples.items[i]!.units;
  if (!multiLabel) {
    const model = naiveBayes(train.map((i) => ({ tokens: tokens(i), label: labels[i]![0]! })));
    return (i) => oneOf(classes, model.predict(tokens(i)));
  }
  const rows = new Map(asked.map((i) => [i, new Float64Array(classes)]));
  for (let c = 0; c < classes; c++) {
    const model = naiveBayes(train.map((i) => ({ tokens: tokens(i), label: +labels[i]!.includes(c) })));
    for (const [i, row] of rows) row[c] = model.predict(tokens(i));
  }
  return (i) => rows.get(i)!;
}

/** The class of the training series whose summary (mean, deviation, steps of each channel) is nearest. */
function nearest(features: readonly Float32Array[], labels: readonly Int32Array[], train: readonly number[], classes: number): Answer {
  return (i) => {
    let best = train[0]!;
    let least = Infinity;
    for (const j of train) {
      let d = 0;
      for (let f = 0; f < features[i]!.length && d < least; f++) d += (features[i]![f]! - features[j]![f]!) ** 2;
      if (d >= least) continue;
      least = d;
      best = j;
    }
    const row = new Float64Array(classes);
    for (const c of labels[best]!) row[c] = 1;
    return row;
  };
}
