/** @file Labelled texts and labelled series, as every reader of them makes them. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";

interface LabelledBase {
  /** What messages call them: the file's name. */
  source: string;
  /** Labels of each item; more than one only where an item may have several. */
  labels: string[][];
  /** What the reader decided or left out, for the report. */
  notes: string[];
}

/** Texts with labels. */
export interface LabelledTexts extends LabelledBase {
  kind: "text";
  texts: string[];
}

/** One series: `values` is [steps, channels], NaN where nothing was measured. */
export interface SeriesValues {
  steps: number;
  values: Float32Array;
}

/** Series with labels. */
export interface LabelledSeries extends LabelledBase {
  kind: "series";
  channels: string[];
  series: SeriesValues[];
}

export type Labelled = LabelledTexts | LabelledSeries;

export const countOf = (data: Labelled): number => data.labels.length;

/** The items numbered `which`, in that order. */
export function pick<D extends Labelled>(data: D, which: ArrayLike<number>): D {
  const chosen = Array.from(which);
  const of = <T>(all: readonly T[]): T[] => chosen.map((i) => all[i]!);
  const base = { ...data, labels: of(data.labels) };
  return data.kind === "text" ? ({ ...base, texts: of(data.texts) } as D) : ({ ...base, series: of(data.series) } as D);
}

/**
 * The classes of a training set: the labels that occur, numbers by size, others in code unit order.
 * @param most the most classes that can be meant
 * @throws data: no item, one class, or more classes than `most`
 */
export function classesOf(data: Labelled, most = 1000): string[] {
  const { source, labels } = data;
  if (labels.length === 0) throw new SluiceError("data", `${source}: there is no labelled item, expected some to learn from; is it the right file?`, { source });
  const found = [...new Set(labels.flat())].sort();
  const classes = found.every((name) => Number.isFinite(Number(name))) ? found.sort((a, b) => Number(a) - Number(b)) : found;
  if (classes.length < 2) {
    const only = classes[0] === undefined ? "no label" : `one class, ${JSON.stringify(classes[0].slice(0, 60))}`;
    throw new SluiceError("data", `${source}: the labels have ${only}, expected at least two; add examples of what it is to be told apart from, or choose another label column`, { source, classes: classes.length });
  }
  if (classes.length > most) {
    throw new SluiceError(
      "data",
      `${source}: the labels have ${classes.length} classes in ${labels.length} items, expected at most ${most}; is it the right column? Numbers to be predicted are no classes; merge rare classes, or allow more (maxClasses, --max-classes)`,
      { source, classes: classes.length, most },
    );
  }
  if (classes.length > 2 && 2 * classes.length > labels.length) {
    throw new SluiceError("data", `${source}: the labels have ${classes.length} classes in ${labels.length} items, expected at least two items a class; is it the right column? Merge rare classes, or give more items`, { source, classes: classes.length, items: labels.length });
  }
  return classes;
}

/**
 * Numbers of the labels of each item.
 * @throws data: a label that is not among `classes`, with the item's number
 */
export function numberLabels({ source, labels }: Labelled, classes: readonly string[]): Int32Array[] {
  const numbers = new Map(classes.map((name, i) => [name, i]));
  return labels.map((of, i) =>
    Int32Array.from(new Set(of), (name) => {
      const c = numbers.get(name);
      if (c !== undefined) return c;
      const shown = classes.length > 12 ? `${classes.slice(0, 12).join(", ")}, … (${classes.length} in all)` : classes.join(", ");
      throw new SluiceError("data", `${source}: the label of item ${i + 1} is ${JSON.stringify(name.slice(0, 60))}, expected one of ${shown}; the model knows no other`, { source, item: i, label: name });
    }),
  );
}
