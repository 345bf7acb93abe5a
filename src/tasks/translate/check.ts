/** @file What a model file must say to be a translator. It may come from anywhere, so everything that is used later is looked at here. Runs in browsers. */
import { isObject } from "../../base/json.ts";
import type { LoadedModel } from "../../formats/model.ts";
import { restoreTokenizer, type Tokenizer } from "../../text/index.ts";
import { fileCheck, isOneOf, isShare, isWhole } from "../common/model-file.ts";
import { mostTokens } from "./options.ts";
import type { TranslatorConfig } from "./translator.ts";

/**
 * The config and tokens of a file, once they are known to describe a translator that its tensors can fill.
 * @throws format: a part that is missing, of another kind, absurdly large, or at odds with another
 */
export function checkTranslator(file: LoadedModel, where: string): { config: TranslatorConfig; source: Tokenizer; target: Tokenizer } {
  const config = file.config as unknown as TranslatorConfig;
  const { need } = fileCheck(where);
  const n = config.network;
  need(isObject(n), "config.network", n, "the network's sizes");
  const { source: sourceState, target: targetState } = file.preprocessing;
  const source = restoreTokenizer(sourceState, `${where} (source)`);
  const target = targetState === null ? source : restoreTokenizer(targetState, `${where} (target)`);
  for (const [side, { special }] of Object.entries({ source, target })) {
    need(special.end >= 0 && special.start >= 0, `preprocessing.${side}.special`, special, "tokens for start and end");
  }
  need(n.sourceVocabulary === source.size, "config.network.sourceVocabulary", n.sourceVocabulary, `${source.size}, the tokens there are`);
  need(n.targetVocabulary === target.size, "config.network.targetVocabulary", n.targetVocabulary, `${target.size}, the tokens there are`);
  for (const key of ["embedding", "hidden", "encoderLayers", "decoderLayers"] as const) need(isWhole(n[key], 1), `config.network.${key}`, n[key], "a whole number from 1");
  // Every layer has tensors of its own: a million of them are not built to find that out.
  const layers = n.encoderLayers + n.decoderLayers;
  need(layers <= file.tensors.size, "config.network", layers, `at most ${file.tensors.size} layers, for there are as many tensors`);
  const held = [...file.tensors.values()].reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0);
  need((n.targetVocabulary + n.hidden) * n.embedding + n.hidden * n.hidden <= held, "config.network", n, `sizes that its ${held} numbers can fill`);
  need(isOneOf(n.cell, ["gru", "lstm", "rnn"]), "config.network.cell", n.cell, "gru, lstm or rnn");
  need(isOneOf(n.attention, ["additive", "general", "dot", "none"]), "config.network.attention", n.attention, "additive, general, dot or none");
  need(isOneOf(n.tying, ["none", "target", "all"]), "config.network.tying", n.tying, "none, target or all");
  need(n.tying !== "all" || source.size === target.size, "config.network.tying", n.tying, "none or target, for the two vocabularies differ");
  need(n.attention !== "dot" || n.hidden % 2 === 0, "config.network.hidden", n.hidden, "an even number, for its attention is dot");
  need(typeof n.inputFeeding === "boolean", "config.network.inputFeeding", n.inputFeeding, "true or false");
  for (const key of ["dropout", "inputDropout"] as const) need(isShare(n[key]), `config.network.${key}`, n[key], "a probability from 0 to below 1");
  need(isWhole(config.maxLength, 1, mostTokens), "config.maxLength", config.maxLength, `a whole number from 1 to ${mostTokens}`);
  need(typeof config.ratio === "number" && config.ratio > 0 && config.ratio <= 1e6, "config.ratio", config.ratio, "a number above 0");
  return { config, source, target };
}
