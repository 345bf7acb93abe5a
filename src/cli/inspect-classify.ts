/** @file What `inspect` says of a classifier. Node-only. */
import { list } from "./show.ts";
import { at, type ModelParts, word, words } from "./show-model.ts";

export const scores = { accuracy: "accuracy", macroF1: "macro F1" };

export function about({ config, preprocessing: p }: ModelParts): [string, string][] {
  const n = at(config, "network");
  const text = at(n, "input") === "text";
  const reads = text
    ? `${word(at(p, "tokenizer", "kind"))} tokens, ${word(at(n, "width"))} rows of ${word(at(n, "embedding"))} numbers`
    : `${word(at(n, "width"))} channels: ${list(words(at(p, "scale", "channels")), 12)}`;
  return [
    ["task", `classification of ${text ? "texts" : "series"}: ${list(words(at(config, "classes")), 12)}${at(config, "multiLabel") === true ? " (several for an item)" : ""}`],
    ["reads", reads],
    ["network", `${word(at(n, "members"))} × ${word(at(n, "cell"))}, hidden ${word(at(n, "hidden"))}, layers ${word(at(n, "layers"))}${at(n, "bidirectional") === true ? ", both directions" : ""}, ${word(at(n, "pooling"))} pooling`],
    ["linear part", at(n, "wide") === 0 ? "none" : `${word(at(n, "wide"))} ${text ? "rows" : "features"}`],
    ["weighed", `recurrent part × ${word(at(config, "calibration", "deep"))}, linear part × ${word(at(config, "calibration", "wide"))}`],
  ];
}
