/** @file The steps of a `tokenizer.json` before its vocabulary: normalisers, and what cuts a text into pieces. What is not known is refused by name. */
import { SluiceError } from "../base/errors.ts";
import { isObject, type JsonObject, show } from "../base/json.ts";
import { toByteLetters } from "./byte-letters.ts";

export const refusePart = (where: string, part: string, got: unknown, due: string): SluiceError =>
  new SluiceError("format", `${where}: ${part} is ${show(got)}, expected ${due}; of Hugging Face's tokenizer.json byte-level and plain BPE and WordLevel are read`, { file: where });

/** The steps of a part: none, one, or those of a `Sequence`. */
function stepsOf(value: unknown, list: string, where: string, part: string): JsonObject[] {
  if (value === null || value === undefined) return [];
  if (!isObject(value)) throw refusePart(where, part, value, "an object or null");
  if (value["type"] !== "Sequence") return [value];
  const steps: unknown = value[list];
  if (!Array.isArray(steps) || steps.length > 32) throw refusePart(where, `${part}.${list}`, steps, "a list of at most 32 steps");
  return steps.map((step, i) => {
    if (!isObject(step) || step["type"] === "Sequence") throw refusePart(where, `${part}.${list}[${i}]`, step, "one step");
    return step;
  });
}

const forms = ["NFC", "NFD", "NFKC", "NFKD"];

/** What makes texts that look the same the same. */
export function normalizerOf(value: unknown, where: string): (text: string) => string {
  const steps = stepsOf(value, "normalizers", where, "normalizer").map((step): ((text: string) => string) => {
    const type = step["type"];
    if (forms.includes(type as string)) return (text) => text.normalize(type as string);
    if (type === "Lowercase") return (text) => text.toLowerCase();
    if (type === "StripAccents") return (text) => text.replace(/\p{M}/gu, "");
    throw refusePart(where, "normalizer type", type, `one of ${forms.join(", ")}, Lowercase, StripAccents, Sequence`);
  });
  return (text) => steps.reduce((t, step) => step(t), text);
}

/** GPT-2's pieces: English endings, letters, digits, other signs, each with a space before it; white space, of which the last goes with what follows. */
const gpt2 = /'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
/** Runs of word characters, runs of other signs. */
const word = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;
const whitespace = new RegExp(String.raw`[${word}]+|[^${word}\p{White_Space}]+`, "gu");

const all = (pattern: RegExp) => (text: string): string[] => text.match(pattern) ?? [];

/** What cuts a text into the pieces that the vocabulary works on; `bytes` where it writes bytes as letters. */
export function cutterOf(value: unknown, where: string): { cut: (text: string) => string[]; bytes: boolean } {
  let bytes = false;
  const steps = stepsOf(value, "pretokenizers", where, "pre_tokenizer").map((step): ((text: string) => string[]) => {
    const type = step["type"];
    if (type === "Whitespace") return all(whitespace);
    if (type === "WhitespaceSplit") return all(/\P{White_Space}+/gu);
    if (type === "Digits") return all(step["individual_digits"] === true ? /\p{N}|\P{N}+/gu : /\p{N}+|\P{N}+/gu);
    if (type !== "ByteLevel") throw refusePart(where, "pre_tokenizer type", type, "one of ByteLevel, Whitespace, WhitespaceSplit, Digits, Sequence");
    if (bytes) throw refusePart(where, "pre_tokenizer", value, "ByteLevel once");
    bytes = true;
    const pieces = step["use_regex"] === false ? (text: string) => [text] : all(gpt2);
    const spaced = step["add_prefix_space"] === true;
    return (text) => pieces(spaced && !text.startsWith(" ") ? ` ${text}` : text).map(toByteLetters);
  });
  return { cut: (text) => steps.reduce((parts, step) => parts.flatMap(step), text === "" ? [] : [text]), bytes };
}
