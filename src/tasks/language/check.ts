/** @file What a model file must say to be a language model. It may come from anywhere, so everything that is used later is looked at here. Runs in browsers. */
import { isObject } from "../../base/json.ts";
import type { LoadedModel } from "../../formats/model.ts";
import { restoreTokenizer, type Tokenizer } from "../../text/index.ts";
import { fileCheck, isOneOf, isShare, isWhole } from "../common/model-file.ts";
import type { LanguageConfig } from "./model.ts";
import { weightsOf } from "./options.ts";

/**
 * The config and tokens of a file, once they are known to describe a language model that its tensors can fill.
 * @throws format: a part that is missing, of another kind, absurdly large, or at odds with another
 */
export function checkLanguage(file: LoadedModel, where: string): { config: LanguageConfig; tokenizer: Tokenizer } {
  const config = file.config as unknown as LanguageConfig;
  const { need } = fileCheck(where);
  const n = config.network;
  need(isObject(n), "config.network", n, "the network's sizes");
  const tokenizer = restoreTokenizer(file.preprocessing["tokenizer"], where);
  need(n.vocabulary === tokenizer.size, "config.network.vocabulary", n.vocabulary, `${tokenizer.size}, the tokens there are`);
  for (const key of ["embedding", "hidden", "layers"] as const) need(isWhole(n[key], 1), `config.network.${key}`, n[key], "a whole number from 1");
  // Every layer has tensors of its own: a million of them are not built to find that out.
  need(2 * n.layers <= file.tensors.size, "config.network.layers", n.layers, `at most ${file.tensors.size >> 1}, for there are ${file.tensors.size} tensors`);
  const held = [...file.tensors.values()].reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0);
  need(isOneOf(n.cell, ["gru", "lstm", "rnn"]), "config.network.cell", n.cell, "gru, lstm or rnn");
  need(n.vocabulary * n.embedding + weightsOf(n, 0) <= held, "config.network", n, `sizes that its ${held} numbers can fill`);
  for (const key of ["tied", "variational"] as const) need(typeof n[key] === "boolean", `config.network.${key}`, n[key], "true or false");
  const rising = Array.isArray(n.adaptive) && n.adaptive.every((c, i) => isWhole(c, (n.adaptive[i - 1] ?? 0) + 1, n.vocabulary - 1)) && (n.adaptive.length === 0 || !n.tied);
  need(rising, "config.network.adaptive", n.adaptive, "whole numbers that rise to below the vocabulary, none where outputs are tied");
  for (const key of ["dropout", "inputDropout", "embeddingDropout", "recurrentDropout"] as const) need(isShare(n[key]), `config.network.${key}`, n[key], "a probability from 0 to below 1");
  need(typeof config.items === "boolean", "config.items", config.items, "whether every line is an item of its own");
  need(config.mark === -1 || isWhole(config.mark, 0, n.vocabulary - 1), "config.mark", config.mark, "the token of a line's end, or -1");
  need(!config.items || config.mark >= 0, "config.mark", config.mark, "a token, for every line is an item");
  const d = config.dialogue;
  need(d === null || (isObject(d) && [d.you, d.me].every((s) => typeof s === "string" && s !== "" && s.length <= 100)), "config.dialogue", d, "the marks of two speakers, or null");
  return { config, tokenizer };
}
