/** @file What the verbs that use a language model have in common: the model, and how it draws. Node-only. */
import type { Command } from "commander";
import type { StreamWeights } from "../nn/stream-plan.ts";
import type { LanguageModel } from "../tasks/language/model.ts";
import type { SampleOptions } from "../tasks/language/sample.ts";
import { choice, positive, share, upToOne, wholeNumber } from "./command.ts";
import { defined, type GeneralFlags } from "./flags.ts";
import type { ModelVerb } from "./tasks.ts";

export interface DrawFlags {
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
  greedy?: boolean;
  seed?: number;
  weights?: StreamWeights;
}

export function addDrawFlags(command: Command): Command {
  return command
    .optionsGroup("How to draw:")
    .option("--temperature <t>", "below 1 the likely becomes likelier, above 1 less so; default 1", positive("--temperature"))
    .option("--greedy", "always the likeliest token")
    .option("--top-k <k>", "only the k likeliest tokens", wholeNumber("--top-k"))
    .option("--top-p <p>", "only the likeliest tokens that together reach this probability", upToOne("--top-p"))
    .option("--min-p <p>", "only tokens at least this times as likely as the likeliest", share("--min-p"))
    .option("--repetition-penalty <x>", "above 1: what was written lately gets less likely", positive("--repetition-penalty"))
    .option("--seed <n>", "same seed, same text; default 1", wholeNumber("--seed", 0))
    .option("--weights <kind>", "f32, bf16 or int8: rounded weights are faster and a little less exact", choice("--weights", ["f32", "bf16", "int8"] as const));
}

export function drawOptions({ temperature, topK, topP, minP, repetitionPenalty, greedy }: DrawFlags): SampleOptions {
  return defined({ temperature: greedy ? 0 : temperature, topK, topP, minP, repetitionPenalty });
}

/** @throws missing, io, format, usage: see `openModel` */
export async function openLanguage(path: string, verb: ModelVerb, flags: GeneralFlags): Promise<LanguageModel> {
  const [{ openModel }, { machineEngine }, { LanguageModel }] = await Promise.all([import("./model-file.ts"), import("./engine.ts"), import("../tasks/language/model.ts")]);
  return LanguageModel.fromFile(openModel(path, verb, "language"), machineEngine(flags.threads), path);
}

/** What is said of characters and words that a model has never seen. */
export const unknownPolicy = `Characters and words that the model has never seen are read as one unknown token, which is
said; it never writes that token.`;
