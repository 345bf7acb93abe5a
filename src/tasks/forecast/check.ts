/** @file What a model file must say to be a forecaster. It may come from anywhere, so everything that is used later is looked at here. Runs in browsers. */
import { calendarNames } from "../../data/calendar.ts";
import type { ScalerState } from "../../data/scale.ts";
import { isObject } from "../../formats/json.ts";
import type { LoadedModel } from "../../formats/model.ts";
import { type FileCheck, fileCheck, isNumbers, isOneOf, isShare, isTexts, isWhole } from "../common/model-file.ts";
import type { ForecasterConfig } from "./forecaster.ts";
import { outputSize } from "./output.ts";
import type { Preprocessing } from "./prepare.ts";

/**
 * The config and preprocessing of a file, once they are known to describe a forecaster that its tensors can fill.
 * @throws format: a part that is missing, of another kind, absurdly large, or at odds with another
 */
export function checkForecaster(file: LoadedModel, where: string): { config: ForecasterConfig; preprocessing: Preprocessing } {
  const config = file.config as unknown as ForecasterConfig;
  const p = file.preprocessing as unknown as Preprocessing;
  const { refuse, need }: FileCheck = fileCheck(where);
  if (!isObject(config.network)) refuse("config.network is missing", "the network's sizes");
  if (!isObject(config.output)) refuse("config.output is missing", "what the network's numbers mean");
  const { network: n, output } = config;
  for (const key of ["hidden", "layers", "lookback", "horizon", "segment", "targets", "outputs"] as const) need(isWhole(n[key], 1), `config.network.${key}`, n[key], "a whole number from 1");
  for (const key of ["features", "known"] as const) need(isWhole(n[key], 0), `config.network.${key}`, n[key], "a whole number from 0");
  need(isOneOf(n.cell, ["gru", "lstm", "rnn"]), "config.network.cell", n.cell, "gru, lstm or rnn");
  need(isOneOf(n.model, ["direct", "segment"]), "config.network.model", n.model, "direct or segment");
  need(isShare(n.dropout), "config.network.dropout", n.dropout, "a probability from 0 to below 1");
  need(isOneOf(n.linear, ["none", "first", "all"]), "config.network.linear", n.linear, "none, first or all");
  need(n.lookback % n.segment === 0 && n.horizon % n.segment === 0, "config.network.segment", n.segment, "a divisor of look-back and horizon");
  // Every layer has tensors of its own: a million of them are not built to find that out.
  need(2 * n.layers <= file.tensors.size, "config.network.layers", n.layers, `at most ${file.tensors.size >> 1}, for there are ${file.tensors.size} tensors`);

  need(isOneOf(output.kind, ["point", "quantiles", "normal", "student-t"]), "config.output.kind", output.kind, "point, quantiles, normal or student-t");
  const levels = output.quantiles;
  const fan = Array.isArray(levels) && levels.every((q, i) => typeof q === "number" && q > (levels[i - 1] ?? 0) && q < 1);
  need(fan && (output.kind === "point" ? levels.length === 0 : levels.includes(0.5)), "config.output.quantiles", levels, "levels that increase between 0 and 1, 0.5 among them; none for a point");
  need(n.outputs === outputSize(output), "config.network.outputs", n.outputs, `${outputSize(output)}; its output says so`);
  need(output.stretch === undefined || (isNumbers(output.stretch, levels.length) && output.stretch.every((f) => f > 0)), "config.output.stretch", output.stretch, "a factor a level");
  need(isOneOf(config.norm, ["none", "last", "mean", "standard"]), "config.norm", config.norm, "none, last, mean or standard");

  for (const key of ["targetNames", "pastNames", "futureNames", "timeNames", "calendar"] as const) need(isTexts(p[key]), `preprocessing.${key}`, p[key], "a list of names");
  need(typeof p.timed === "boolean" && p.timed === p.timeNames.length > 0, "preprocessing.timed", p.timed, "whether there is a time column");
  for (const key of ["id", "timeFormat"] as const) need(p[key] === undefined || typeof p[key] === "string", `preprocessing.${key}`, p[key], "a text");
  need(isObject(p.categories) && Object.values(p.categories).every(isTexts), "preprocessing.categories", p.categories, "lists of texts by column");
  need(isWhole(p.season, 1, Number.MAX_SAFE_INTEGER), "preprocessing.season", p.season, "a whole number from 1");
  need(isWhole(p.maxGap, 0, Number.MAX_SAFE_INTEGER), "preprocessing.maxGap", p.maxGap, "a whole number from 0");
  const { freq } = p;
  const step = isObject(freq) && isOneOf(freq.unit, ["ms", "month", "weekday", "row"]) && isWhole(freq.step, 1, Number.MAX_SAFE_INTEGER) && typeof freq.name === "string";
  need(step, "preprocessing.freq", freq, "a unit, a step from 1 and a name");
  const known = p.timed ? calendarNames(freq) : [];
  need(p.calendar.every((name) => known.includes(name)), "preprocessing.calendar", p.calendar, known.length > 0 ? `some of ${known.join(", ")}` : "none at this step");

  const C = p.targetNames.length;
  const columns = C + p.pastNames.length + p.futureNames.length;
  if (C !== n.targets || n.features !== columns - C + p.calendar.length || n.known !== p.futureNames.length + p.calendar.length) {
    refuse(`config and preprocessing disagree on the number of columns (${n.targets} targets, ${n.features} features, ${n.known} known)`, `${C} targets`);
  }
  need(fitsScaler(p.scaler, columns), "preprocessing.scaler", p.scaler, `a kind, and a center and a scale above 0 for each of ${columns} columns`);
  return { config, preprocessing: p };
}

function fitsScaler(s: ScalerState | undefined, width: number): boolean {
  const fits = (c: unknown): boolean => isObject(c) && isNumbers(c["center"], width) && isNumbers(c["scale"], width) && c["scale"].every((v) => v > 0);
  if (!isObject(s) || !isOneOf(s.kind, ["standard", "robust", "minmax", "none"]) || s.width !== width || !fits(s.all)) return false;
  return s.series === undefined || (isObject(s.series) && Object.values(s.series).every(fits));
}
