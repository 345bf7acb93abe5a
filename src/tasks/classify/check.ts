/** @file What a model file must say to be a classifier. It may come from anywhere, so everything that is used later is looked at here. Runs in browsers. */
import { isObject } from "../../base/json.ts";
import type { LoadedModel } from "../../formats/model.ts";
import { restoreTokenizer } from "../../text/index.ts";
import { fileCheck, isNumbers, isOneOf, isShare, isTexts, isWhole } from "../common/model-file.ts";
import type { ClassifierConfig, Preparation } from "./classifier.ts";
import { featureCount, type SeriesScale } from "./series.ts";
import type { UnitConfig } from "./units.ts";

/** The most rows that a table may have. */
const MOST_ROWS = 1 << 26;

/**
 * The config and preprocessing of a file, once they are known to describe a classifier that its tensors can fill.
 * @throws format: a part that is missing, of another kind, absurdly large, or at odds with another
 */
export function checkClassifier(file: LoadedModel, where: string): { config: ClassifierConfig; preparation: Preparation } {
  const { need, refuse } = fileCheck(where);
  const config = file.config as unknown as ClassifierConfig;
  if (!isObject(config.network)) refuse("config.network is missing", "the network's sizes");
  const { network: n } = config;
  need(isOneOf(n.input, ["text", "series"]), "config.network.input", n.input, "text or series");
  for (const key of ["hidden", "layers", "members"] as const) need(isWhole(n[key], 1), `config.network.${key}`, n[key], "a whole number from 1");
  need(isWhole(n.width, 1, MOST_ROWS), "config.network.width", n.width, "a whole number from 1");
  need(isWhole(n.wide, 0, MOST_ROWS), "config.network.wide", n.wide, "a whole number from 0");
  need(isWhole(n.embedding, n.input === "text" ? 1 : 0), "config.network.embedding", n.embedding, "a whole number, from 1 for texts");
  need(isWhole(n.classes, 2), "config.network.classes", n.classes, "a whole number from 2");
  need(isOneOf(n.cell, ["gru", "lstm", "rnn"]), "config.network.cell", n.cell, "gru, lstm or rnn");
  need(isOneOf(n.pooling, ["last", "mean", "max", "attention"]), "config.network.pooling", n.pooling, "last, mean, max or attention");
  need(typeof n.bidirectional === "boolean", "config.network.bidirectional", n.bidirectional, "true or false");
  for (const key of ["dropout", "unitDropout", "wideDropout"] as const) need(isShare(n[key]), `config.network.${key}`, n[key], "a probability from 0 to below 1");
  // Every layer of every member has tensors of its own: a million of them are not built to find that out.
  need(2 * n.layers * n.members <= file.tensors.size, "config.network.layers", n.layers, `fewer, for there are ${file.tensors.size} tensors and ${n.members} members`);
  const held = [...file.tensors.values()].reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0);
  const least = n.members * (n.hidden * n.hidden + n.hidden * n.classes + (n.input === "text" ? n.width * n.embedding : n.width * n.hidden) + n.wide * n.classes);
  need(least <= held, "config.network", n, `sizes that its ${held} numbers can fill`);

  need(isTexts(config.classes) && config.classes.length === n.classes && new Set(config.classes).size === n.classes, "config.classes", config.classes, `${n.classes} different names`);
  need(typeof config.multiLabel === "boolean", "config.multiLabel", config.multiLabel, "true or false");
  need(isWhole(config.piece, 1, 1 << 24), "config.piece", config.piece, "a whole number from 1");
  const { calibration } = config;
  need(isObject(calibration) && isNumbers([calibration.deep, calibration.wide], 2), "config.calibration", calibration, "two numbers, deep and wide");

  const p = file.preprocessing;
  need(p["kind"] === n.input, "preprocessing.kind", p["kind"], `"${n.input}"; the config says so`);
  if (p["kind"] === "series") {
    const scale = p["scale"] as unknown as SeriesScale;
    need(isObject(scale) && isTexts(scale.channels) && scale.channels.length === n.width, "preprocessing.scale.channels", isObject(scale) ? scale.channels : scale, `${n.width} names`);
    const features = featureCount(n.width);
    for (const [key, count] of [["mean", n.width], ["deviation", n.width], ["featureMean", features], ["featureDeviation", features]] as const) {
      need(isNumbers(scale[key], count) && (key === "mean" || key === "featureMean" || scale[key].every((v) => v > 0)), `preprocessing.scale.${key}`, scale[key], `${count} numbers, deviations above 0`);
    }
    need(n.wide === 0 || n.wide === features, "config.network.wide", n.wide, `0 or ${features}; the channels say so`);
    return { config, preparation: { kind: "series", scale } };
  }
  const units = p["units"] as unknown as UnitConfig;
  if (!isObject(units) || !isObject(units.grams) || !isObject(units.wide)) return refuse("preprocessing.units is incomplete", "how texts are cut");
  need(typeof units.lowercase === "boolean", "preprocessing.units.lowercase", units.lowercase, "true or false");
  need(isOneOf(units.split, ["words", "spaces"]), "preprocessing.units.split", units.split, "words or spaces");
  need(isWhole(units.maxLength, 1, 1 << 24), "preprocessing.units.maxLength", units.maxLength, "a whole number from 1");
  const { grams, wide } = units;
  need(isWhole(grams.from, 1, 20) && isWhole(grams.to, grams.from, 20) && isWhole(grams.buckets, 0, MOST_ROWS), "preprocessing.units.grams", grams, "lengths from 1 to 20 and a number of rows");
  need(isWhole(wide.order, 1, 5) && wide.buckets === n.wide, "preprocessing.units.wide", wide, `runs of up to 5 and ${n.wide} rows; the config says so`);
  const tokenizer = restoreTokenizer(p["tokenizer"], where);
  const rows = tokenizer.size + (tokenizer.kind === "word" ? grams.buckets : 0);
  need(rows === n.width, "config.network.width", n.width, `${rows}; the tokenizer says so`);
  return { config, preparation: { kind: "text", tokenizer, units } };
}
