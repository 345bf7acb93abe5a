/** @file What `inspect` says of a language model. Node-only. */
import { at, type ModelParts, word } from "./show-model.ts";

export const scores = { nats: "nats/token", perplexity: "perplexity", bitsPerCharacter: "bits/character" };

export function about({ config, preprocessing: p }: ModelParts): [string, string][] {
  const n = at(config, "network");
  const dialogue = at(config, "dialogue", "you") === undefined ? [] : ([["dialogue", `you ${word(at(config, "dialogue", "you"))}, the model ${word(at(config, "dialogue", "me"))}`]] as [string, string][]);
  return [
    ["task", `language model of ${word(at(p, "tokenizer", "kind"))} tokens, ${word(at(n, "vocabulary"))} kinds${at(config, "items") === true ? ", line by line" : ""}`],
    ["network", `${word(at(n, "cell"))}, hidden ${word(at(n, "hidden"))}, layers ${word(at(n, "layers"))}, embedding ${word(at(n, "embedding"))}${at(n, "tied") === true ? " (tied)" : ""}, dropout ${word(at(n, "dropout"))}`],
    ...dialogue,
  ];
}
