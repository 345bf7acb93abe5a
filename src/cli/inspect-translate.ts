/** @file What `inspect` says of a translator. Node-only. */
import { at, type ModelParts, word } from "./show-model.ts";

export const scores = { bleu: "BLEU", chrf: "chrF", exact: "exact", perplexity: "perplexity" };

export function about({ config, preprocessing: p }: ModelParts): [string, string][] {
  const n = at(config, "network");
  const kind = word(at(p, "source", "kind"));
  const fed = at(n, "inputFeeding") === true ? " with input feeding" : "";
  return [
    ["task", `translation of ${kind} tokens, ${word(at(n, "sourceVocabulary"))} kinds to ${word(at(n, "targetVocabulary"))}, at most ${word(at(config, "maxLength"))} a text`],
    ["network", `${word(at(n, "cell"))}, hidden ${word(at(n, "hidden"))}, layers ${word(at(n, "encoderLayers"))} and ${word(at(n, "decoderLayers"))}, attention ${word(at(n, "attention"))}${fed}, embedding ${word(at(n, "embedding"))}, dropout ${word(at(n, "dropout"))}`],
  ];
}
