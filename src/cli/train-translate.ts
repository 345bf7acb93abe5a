/** @file `sluice train translate`: the verb's flags and help, and what a translator's training has of its own. The run itself: `training.ts`. Node-only. */
import { basename } from "node:path";
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { TranslateAttention, Tying } from "../tasks/translate/network.ts";
import type { TranslateOptions } from "../tasks/translate/options.ts";
import { choice, newCommand, share, wholeNumber } from "./command.ts";
import {
  addGeneralFlags,
  addNetworkFlags,
  addResultFlags,
  addTrainingFlags,
  defined,
  type GeneralFlags,
  type NetworkFlags,
  type PartFlags,
  type ResultFlags,
  stoppingPolicy,
  type TrainingFlags,
  textSplit,
  trainingOptions,
} from "./flags.ts";
import { readPairs, twoFiles } from "./parallel.ts";
import type { Session } from "./session.ts";
import { Training } from "./training.ts";
import { beginTraining } from "./training-files.ts";

interface Flags extends PartFlags, NetworkFlags, TrainingFlags, ResultFlags, GeneralFlags {
  source?: string;
  target?: string;
  skipEmpty?: boolean;
  tokens?: string;
  shared?: boolean;
  lowercase?: boolean;
  spaces?: boolean;
  minCount?: number;
  maxLength?: number;
  attention?: TranslateAttention;
  inputFeeding?: boolean;
  decoderLayers?: number;
  embedding?: number;
  tying?: Tying;
  inputDropout?: number;
  labelSmoothing?: number;
  sampling?: number;
  ema?: number;
}

const help = `
Line n of the source belongs to line n of the target: files of different lengths are refused
with both counts, a line that is empty on one side with its number (or left out and said,
with --skip-empty). Text is UTF-8; what is not is refused with the byte and the line.
Characters or words that training has not seen are read as one unknown token, which is said;
where a translation has one, the source token looked at most is copied. Byte pairs know all.
The source may be anything that text can be turned into: dates, spellings, formulas.

${stoppingPolicy}

Examples:
  $ sluice train translate --source train.de --target train.en \\
      --valid val.de,val.en --test test.de,test.en --out de-en.safetensors
  $ sluice train translate --source train.de --target train.en --tokens bpe:6000 --time-limit 40m
  $ sluice train translate --source dates.txt --target iso.txt --tokens char --hidden 128
  $ sluice train translate --source a.txt --target b.txt --attention none --json`;

export function command(session: Session): Command {
  const verb = newCommand("translate", "Trains a translator: texts in, other texts out, learnt from pairs of lines.")
    .optionsGroup("What to train, stop and score by:")
    .option("--source <file>", "texts to translate from, one a line")
    .option("--target <file>", "what they become, line by line")
    .option("--valid <source,target>", "validation files; default: a part of the training pairs")
    .option("--test <source,target>", "test files, scored once at the end; default: a part of the training pairs")
    .option("--split <a,b,c>", "train, valid and test, drawn from the pairs, in percent (90,5,5), parts (.9,.05,.05) or pairs")
    .option("--skip-empty", "leave out pairs that are empty on one side")
    .optionsGroup("Tokens:")
    .option("--tokens <kind>", "char, byte, word, word:10000 or bpe:8000; default: char for little text, bpe for more")
    .option("--shared", "one vocabulary for both sides")
    .option("--lowercase", "small letters only")
    .option("--spaces", "words are what stands between spaces, for text that is tokenised already")
    .option("--min-count <n>", "words and characters seen less often are unknown; default 2 for words", wholeNumber("--min-count"))
    .option("--max-length <tokens>", "longer pairs are left out, longer texts not translated whole; default 200", wholeNumber("--max-length"));
  addNetworkFlags(verb)
    .option("--decoder-layers <n>", "of the decoder; --layers are the encoder's; default 2 with attention, 1 without", wholeNumber("--decoder-layers"))
    .option("--attention <kind>", "additive (default), general, dot or none", choice("--attention", ["additive", "general", "dot", "none"] as const))
    .option("--input-feeding", "feed what was made of a step into the next; several times as slow")
    .option("--embedding <size>", "numbers for a token", wholeNumber("--embedding"))
    .option("--tying <which>", "score by the embedding of the target (default), of both sides (all), or by weights of its own (none)", choice("--tying", ["none", "target", "all"] as const))
    .option("--input-dropout <p>", "share of an embedding's numbers left out", share("--input-dropout"));
  addTrainingFlags(verb, "tokens")
    .option("--label-smoothing <s>", "share of the truth that goes to all tokens; default .1", share("--label-smoothing"))
    .option("--sampling <s>", "share of given tokens that are the model's own in the end (scheduled sampling); default 0", share("--sampling"))
    .option("--ema <decay>", "average of the weights over the steps; default 0: none", share("--ema"));
  addResultFlags(verb, "translate");
  return addGeneralFlags(verb, "the report")
    .addHelpText("after", help)
    .action((flags: Flags) => trainTranslateFiles(flags, session));
}

/** What was said, and nothing else. */
async function optionsFrom(flags: Flags): Promise<Partial<TranslateOptions>> {
  const { tokens, shared, lowercase, spaces, minCount, maxLength, attention, inputFeeding, cell, hidden, layers, decoderLayers, embedding, tying } = flags;
  const { dropout, inputDropout, labelSmoothing, sampling, ema } = flags;
  if (tokens !== undefined) (await import("../text/index.ts")).parseTokens(tokens, "--tokens");
  return {
    ...(await trainingOptions(flags)),
    ...defined({ tokens, shared, lowercase, spaces, minCount, maxLength, attention, inputFeeding, cell, hidden, layers, decoderLayers, embedding, tying }),
    ...defined({ dropout, inputDropout, labelSmoothing, sampling, ema, split: flags.split === undefined ? undefined : textSplit(flags.split) }),
  };
}

async function trainTranslateFiles(flags: Flags, session: Session): Promise<void> {
  const { source, target } = flags;
  if (source === undefined || target === undefined) {
    throw new SluiceError("usage", `train translate: ${source === undefined ? "--source" : "--target"} is missing, expected two files of lines that belong together: --source train.de --target train.en`);
  }
  const files = {
    train: [source, target] as const,
    ...(flags.valid === undefined ? {} : { valid: twoFiles("--valid", flags.valid) }),
    ...(flags.test === undefined ? {} : { test: twoFiles("--test", flags.test) }),
  };
  const given = await optionsFrom(flags);
  const { paths, resume, options } = await beginTraining<TranslateOptions>({ task: "translate", inputs: Object.values(files).flat(), flags, given, session });
  const [{ trainTranslate }, { showPlan, showReport }] = await Promise.all([import("../tasks/translate/train.ts"), import("./show-translate.ts")]);
  const read = (pair: readonly [string, string]) => readPairs(pair, flags.skipEmpty ?? false, (text) => session.say(text));
  const texts = {
    name: `${basename(source)}, ${basename(target)}`,
    train: await read(files.train),
    ...(files.valid ? { valid: await read(files.valid) } : {}),
    ...(files.test ? { test: await read(files.test) } : {}),
  };
  const example = texts.train.source[0]!.slice(0, 60);
  await new Training(session, flags, paths, {
    ...{ task: "translate", source: texts.name, unit: "tokens", timeLimit: options.timeLimit, showPlan, showReport },
    start: (run) => trainTranslate(texts, options, { ...run, ...(resume ? { resume } : {}) }),
    next: (model) => ["translate", model, example],
  }).run();
}
