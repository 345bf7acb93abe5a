/** @file `sluice train classify`: the verb's flags and help, and what a classifier's training has of its own. The run itself: `training.ts`. Node-only. */
import { basename } from "node:path";
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { ClassifyOptions } from "../tasks/classify/options.ts";
import { choice, newCommand, share, wholeNumber } from "./command.ts";
import {
  addGeneralFlags,
  addNetworkFlags,
  addPartFlags,
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
import { addItemFlags, type ItemFlags, readingOf, readItems } from "./labelled.ts";
import type { Session } from "./session.ts";
import { Training } from "./training.ts";
import { beginTraining } from "./training-files.ts";

interface Flags extends Omit<ItemFlags, "column">, PartFlags, NetworkFlags, TrainingFlags, ResultFlags, GeneralFlags {
  text?: string[];
  tokens?: string;
  case?: "keep" | "lower";
  spaced?: "yes" | "no";
  minCount?: number;
  embedding?: number;
  direction?: "both" | "forward";
  pooling?: ClassifyOptions["pooling"];
  members?: number;
  wide?: boolean;
  wideOrder?: number;
  unitDropout?: number;
  classWeights?: "none" | "balanced";
  labelSmoothing?: number;
  ema?: number;
  piece?: number;
  maxClasses?: number;
  confusion?: string;
  reliability?: string;
}

const help = `
Texts come from a table (--text and --label name its columns) or from lines that begin with
their label: "positive a gorgeous, witty film". Text is UTF-8; items without a label and empty
texts are left out, and said. With --series items are series, for example of sensors: JSON
{ "train": [{ "label", "x": [[…channels], …steps] }], "test": […] } or a long table, a row a step.
Without --valid each of the voting networks is validated on another part of the training items;
without --test and --split a tenth is held out, every class in its share.

${stoppingPolicy}

Examples:
  $ sluice train classify reviews.csv --text text --label label --out clf.safetensors
  $ sluice train classify train.txt --valid dev.txt --test test.txt --confusion confusion.svg
  $ sluice train classify news.csv --no-header --text 2,3 --label 1 --json
  $ sluice train classify mail.csv --text subject,body --label tags --separator "|"
  $ sluice train classify motions.json --series --out motions.safetensors
  $ sluice train classify steps.csv --series --id walk --time t --label activity`;

export function command(session: Session): Command {
  const verb = newCommand("classify", "Trains a classifier of texts, or of series.").argument("<data>", "CSV, Parquet, JSON of series, or lines that begin with a label");
  addItemFlags(verb, "--text");
  addPartFlags(verb)
    .option("--max-classes <n>", "more different labels than this are refused; default 1000", wholeNumber("--max-classes", 2))
    .optionsGroup("Tokens:")
    .option("--tokens <kind>", "word, word:20000, char, byte or bpe:8000; default word, with character n-grams")
    .option("--case <keep|lower>", "default lower", choice("--case", ["keep", "lower"] as const))
    .option("--spaced <yes|no>", "texts are tokenised already, spaces part the words; default: found", choice("--spaced", ["yes", "no"] as const))
    .option("--min-count <n>", "words seen less often have no row of their own; default 1", wholeNumber("--min-count"));
  addNetworkFlags(verb)
    .option("--embedding <size>", "numbers for a token", wholeNumber("--embedding"))
    .option("--direction <both|forward>", "how sequences are read; default both", choice("--direction", ["both", "forward"] as const))
    .option("--pooling <kind>", "last, mean, max or attention; default attention for texts, mean for series", choice("--pooling", ["last", "mean", "max", "attention"] as const))
    .option("--members <n>", "networks that vote; default 3", wholeNumber("--members"))
    .option("--no-wide", "without the linear part over n-grams, or over summary features of series")
    .option("--wide-order <n>", "longest n-gram of the linear part; default 2, of characters 5", wholeNumber("--wide-order"))
    .option("--unit-dropout <p>", "share of tokens hidden while training", share("--unit-dropout"))
    .option("--piece <steps>", "longer items are read in pieces, whose results are pooled; default 256 tokens, 1000 steps", wholeNumber("--piece"));
  addTrainingFlags(verb, "items")
    .option("--class-weights <kind>", "none, or balanced: rare classes count as much as frequent ones", choice("--class-weights", ["none", "balanced"] as const))
    .option("--label-smoothing <s>", "share of the truth that goes to all classes", share("--label-smoothing"))
    .option("--ema <decay>", "average of the weights over the steps; default .99", share("--ema"));
  addResultFlags(verb, "classify")
    .option("--confusion <file.svg>", "picture of which class is taken for which, in the test")
    .option("--reliability <file.svg>", "picture of how often stated probabilities are right, in the test");
  return addGeneralFlags(verb, "the report")
    .addHelpText("after", help)
    .action((data: string, flags: Flags) => trainClassifyFile(data, flags, session));
}

/** What was said, and nothing else. */
async function optionsFrom(flags: Flags): Promise<Partial<ClassifyOptions>> {
  const { tokens, minCount, cell, hidden, layers, dropout, embedding, pooling, members, wideOrder, unitDropout, classWeights, labelSmoothing, ema, piece, maxClasses } = flags;
  if (tokens !== undefined) (await import("../text/index.ts")).parseTokens(tokens, "--tokens");
  return {
    ...(await trainingOptions(flags)),
    ...defined({ tokens, minCount, cell, hidden, layers, dropout, embedding, pooling, members, wideOrder, unitDropout, classWeights, labelSmoothing, ema, piece, maxClasses }),
    ...defined({ lowercase: flags.case && flags.case === "lower", spaced: flags.spaced && flags.spaced === "yes", bidirectional: flags.direction && flags.direction === "both" }),
    ...(flags.wide === false ? { wide: false } : {}),
    ...(flags.separator === undefined ? {} : { multiLabel: true }),
    ...(flags.split === undefined ? {} : { split: textSplit(flags.split) }),
  };
}

async function trainClassifyFile(path: string, flags: Flags, session: Session): Promise<void> {
  const given = await optionsFrom(flags);
  const inputs = [path, flags.valid, flags.test].filter((p) => p !== undefined);
  const pictures = [["--confusion", flags.confusion], ["--reliability", flags.reliability]] as const;
  if (flags.confusion !== undefined && flags.separator !== undefined) {
    throw new SluiceError("usage", `--confusion is ${flags.confusion} with --separator, expected one of them; where items have several labels none is taken for another`);
  }
  const { paths, resume, options } = await beginTraining<ClassifyOptions>({ task: "classify", inputs, flags, given, pictures, session });
  const items = { ...flags, column: flags.text };
  const train = await readItems(path, items);
  const [valid, test] = await Promise.all([flags.valid, flags.test].map(async (part) => (part === undefined ? undefined : (await readItems(part, items)).items)));
  const data = { train: train.items, valid, test: test ?? (flags.split === undefined ? train.test : undefined), reading: readingOf(items) };
  const [{ trainClassify }, { showPlan, showReport, drawScores }] = await Promise.all([import("../tasks/classify/train.ts"), import("./show-classify.ts")]);
  await new Training(session, flags, paths, {
    ...{ task: "classify", source: basename(path), unit: "items", timeLimit: options.timeLimit, showPlan, showReport },
    start: (run) => trainClassify(data, options, { ...run, ...(resume ? { resume } : {}) }),
    writeExtras: ({ report }) => drawScores(report.test ?? report.valid, report.source, flags),
    next: (model) => ["predict", model, ...(flags.series ? [path] : ["--text", "…", "--explain"])],
  }).run();
}
