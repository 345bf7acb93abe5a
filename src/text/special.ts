/** @file Special tokens: their order, their names, and the checks on ids that all tokenizers share. */
import { SluiceError } from "../base/errors.ts";
import type { SpecialIds, SpecialName } from "./tokenizer.ts";

/** The order of ids: what texts hold comes before what only batches hold, as frequent ids come first. */
export const specialNames: readonly SpecialName[] = ["unknown", "end", "start", "pad"];

/** As they are shown, and as texts that are tokenised already write them. */
export const specialText: Readonly<Record<SpecialName, string>> = { unknown: "<unk>", end: "<eos>", start: "<bos>", pad: "<pad>" };

/** Ids 0, 1, … for the names wanted, in the order of `specialNames`. */
export function specialIds(wanted: readonly SpecialName[]): SpecialIds {
  const has = specialNames.filter((name) => wanted.includes(name));
  const id = (name: SpecialName): number => has.indexOf(name);
  return { unknown: id("unknown"), end: id("end"), start: id("start"), pad: id("pad") };
}

/** The names that have an id, in their order. */
export const namesOf = (special: SpecialIds): SpecialName[] => specialNames.filter((name) => special[name] >= 0);

/** @throws range: `id` is no token's */
export function checkId(id: number, size: number): void {
  if (Number.isInteger(id) && id >= 0 && id < size) return;
  throw new SluiceError("range", `tokenizer: id is ${id}, expected a whole number from 0 to ${size - 1}; the vocabulary has ${size} tokens`, { id, size });
}
