/** @file Pairs of text files for the verbs of translation: `val.de,val.en`, or two files by name. Node-only. */
import { SluiceError } from "../base/errors.ts";
import type { ParallelText } from "../text/index.ts";

/** @throws usage: not two names between a comma */
export function twoFiles(flag: string, text: string): [source: string, target: string] {
  const files = text.split(",").map((name) => name.trim());
  const [source, target] = files;
  if (files.length !== 2 || !source || !target) throw new SluiceError("usage", `${flag} is "${text}", expected two files between a comma, source first: val.de,val.en`, { text });
  return [source, target];
}

/**
 * Reads two files whose lines belong together, and says which lines were left out.
 * @param skipEmpty leave out pairs that are empty on one side, instead of refusing them
 * @throws missing, io, format, data: see `readParallel`
 */
export async function readPairs([source, target]: readonly [string, string], skipEmpty: boolean, say: (text: string) => void): Promise<ParallelText> {
  const { readParallel } = await import("../text/index.ts");
  const pairs = await readParallel(source, target, { skipEmpty });
  const { skipped } = pairs;
  if (skipped.length > 0) say(`note: ${skipped.length} empty line${skipped.length === 1 ? "" : "s"} of ${source} and ${target} left out: ${skipped.slice(0, 5).join(", ")}${skipped.length > 5 ? ", …" : ""}`);
  return pairs;
}
