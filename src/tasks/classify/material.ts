/** @file What a training works on: items read once, labels as numbers, and which items each member learns from. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { fingerprint } from "../../base/hash.ts";
import type { JsonObject } from "../../base/json.ts";
import { countOf, type Labelled, type LabelledSeries, type LabelledTexts, pick } from "./data.ts";

/** The parts of a data set. Left out: taken out of `train` (see `ClassifyOptions.split`). */
export interface ClassifyData {
  train: Labelled;
  valid?: Labelled;
  test?: Labelled;
  /** How the files were read, for whoever reads another one for the same model; kept in its provenance. JSON. */
  reading?: JsonObject;
}

/** Leaves out texts without a character that counts; says how many. */
export function withoutEmpty<D extends Labelled>(data: D): D {
  if (data.kind === "series") return data;
  const kept = data.texts.flatMap((text, i) => (/\S/u.test(text) ? [i] : []));
  const left = countOf(data) - kept.length;
  if (left === 0) return data;
  return { ...pick(data, kept), notes: [...data.notes, `${left} empty text${left === 1 ? "" : "s"} left out`] };
}

/** All parts behind one another. @throws data: texts and series, or series of other channels */
export function joinParts(parts: readonly Labelled[]): Labelled {
  const [first, ...rest] = parts as [Labelled, ...Labelled[]];
  for (const part of rest) {
    if (part.kind !== first.kind) throw new SluiceError("data", `${part.source}: it holds ${what(part)}, expected ${what(first)}, as in ${first.source}`);
    if (part.kind === "series" && first.kind === "series" && part.channels.length !== first.channels.length) {
      throw new SluiceError("data", `${part.source}: the series have ${part.channels.length} channels, expected ${first.channels.length}, as in ${first.source}`);
    }
  }
  const labels = parts.flatMap((p) => p.labels);
  if (first.kind === "text") return { ...first, labels, texts: (parts as LabelledTexts[]).flatMap((p) => p.texts) };
  return { ...first, labels, series: (parts as LabelledSeries[]).flatMap((p) => p.series) };
}

const what = (data: Labelled): string => (data.kind === "text" ? "texts" : "series");

/** A fingerprint of items and labels of all parts. */
export function hashOf({ train, valid, test }: ClassifyData): string {
  const encoder = new TextEncoder();
  const parts = [train, valid, test].flatMap((part) => {
    if (part === undefined) return [encoder.encode("\u0004")];
    const labels = part.labels.map((of) => encoder.encode(`${of.join("\u0001")}\u0002`));
    return [...labels, ...(part.kind === "text" ? part.texts.map((t) => encoder.encode(`${t}\u0003`)) : part.series.map((s) => s.values))];
  });
  return fingerprint(...parts);
}

/** Weight of each class by how rare it is: N / (C · items of the class), 1 on average; a class without items has 1. */
export function balancedWeights(labels: readonly ArrayLike<number>[], which: ArrayLike<number>, classes: number): Float32Array {
  const counts = new Float32Array(classes);
  for (let j = 0; j < which.length; j++) {
    const of = labels[which[j]!]!;
    for (let k = 0; k < of.length; k++) counts[of[k]!]!++;
  }
  return counts.map((n) => (n > 0 ? which.length / (classes * n) : 1));
}
