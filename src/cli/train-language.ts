/** @file `sluice train language`: the verb's flags and help, and what a language model's training has of its own. The run itself: `training.ts`. Node-only. */
import { basename } from "node:path";
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { LanguageOptions } from "../tasks/language/options.ts";
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
import type { Session } from "./session.ts";
import { Training } from "./training.ts";
import { beginTraining } from "./training-files.ts";

interface Flags extends PartFlags, NetworkFlags, TrainingFlags, ResultFlags, GeneralFlags {
  tokens?: string;
  words?: "words" | "spaces";
  lowercase?: boolean;
  lines?: "yes" | "no";
  embedding?: number;
  tied?: "yes" | "no";
  adaptive?: number[];
  variational?: "yes" | "no";
  inputDropout?: number;
  embeddingDropout?: number;
  recurrentDropout?: number;
  sampled?: number;
  chunk?: number;
  ema?: number;
}

const help = `
Text is UTF-8; what is not is refused with the byte and the line. A file of names or words,
one a line, is learnt line by line in any order; any other text as one, from its first
character to its last. Dialogue for "sluice chat" has one line a turn, yours marked "> " and
the model's "< " (or "A: " and "B: ").
With --time-limit and without --epochs the learning rate falls to zero over that time. A
--split whose validation part is 0 keeps the last weights.

${stoppingPolicy}

Examples:
  $ sluice train language shakespeare.txt --out lm.safetensors
  $ sluice train language shakespeare.txt --split 90,0,10 --hidden 512 --time-limit 20m
  $ sluice train language ptb.train.txt --valid ptb.valid.txt --test ptb.test.txt \\
      --tokens word --words spaces --hidden 640 --time-limit 55m
  $ sluice train language wiki.txt --tokens bpe:8000 --epochs 5
  $ sluice train language names.txt --json`;

const cutoffs = (text: string): number[] => {
  const numbers = text.split(",").map((cell) => (cell.trim() === "" ? Number.NaN : Number(cell)));
  if (numbers.every((n, i) => Number.isSafeInteger(n) && n > (numbers[i - 1] ?? 0))) return numbers;
  throw new SluiceError("usage", `--adaptive is "${text}", expected whole numbers that rise, like 4000,20000`);
};
const yesNo = (flag: string) => choice(flag, ["yes", "no"] as const);

export function command(session: Session): Command {
  const verb = newCommand("language", "Trains a language model of a text: it scores, writes on, chats and suggests.").argument("<text>", "text file, UTF-8");
  addPartFlags(verb)
    .optionsGroup("Tokens:")
    .option("--tokens <kind>", "char, byte, word, word:10000 or bpe:8000; default char")
    .option("--words <kind>", "words are found by letters (words), or are what stands between spaces (spaces)", choice("--words", ["words", "spaces"] as const))
    .option("--lowercase", "small letters only")
    .option("--lines <yes|no>", "every line is an item of its own, as in a list of names; default: where nearly every line is one word", yesNo("--lines"));
  addNetworkFlags(verb)
    .option("--embedding <size>", "numbers for a token", wholeNumber("--embedding"))
    .option("--tied <yes|no>", "score tokens by their embeddings; default: yes for 1,000 tokens and more", yesNo("--tied"))
    .option("--adaptive <cutoffs>", "adaptive softmax: where clusters of rarer tokens begin, as 4000,20000; default: from 40,000 tokens on", cutoffs)
    .option("--variational <yes|no>", "dropout hides the same units at every step; default: as --tied", yesNo("--variational"))
    .option("--input-dropout <p>", "share of an embedding's numbers left out", share("--input-dropout"))
    .option("--embedding-dropout <p>", "share of token kinds left out", share("--embedding-dropout"))
    .option("--recurrent-dropout <p>", "share of the state left out of the recurrent product", share("--recurrent-dropout"));
  addTrainingFlags(verb, "streams")
    .option("--chunk <steps>", "steps that a gradient reaches back", wholeNumber("--chunk"))
    .option("--ema <decay>", "average of the weights over the steps; default .99", share("--ema"))
    .option("--sampled <n>", "tokens drawn to be scored a batch, 0 for all; default 1000 of 4,000 and more", wholeNumber("--sampled", 0));
  addResultFlags(verb, "language");
  return addGeneralFlags(verb, "the report")
    .addHelpText("after", help)
    .action((text: string, flags: Flags) => trainLanguageFile(text, flags, session));
}

/** What was said, and nothing else. */
async function optionsFrom(flags: Flags): Promise<Partial<LanguageOptions>> {
  const { tokens, words, lowercase, lines, cell, hidden, layers, dropout, embedding, inputDropout, embeddingDropout, recurrentDropout, sampled, chunk, ema } = flags;
  if (tokens !== undefined) (await import("../text/index.ts")).parseTokens(tokens, "--tokens");
  const said = (flag: "yes" | "no" | undefined) => flag && flag === "yes";
  return {
    ...(await trainingOptions(flags)),
    ...defined({ tokens, words, lowercase, cell, hidden, layers, dropout, embedding, inputDropout, embeddingDropout, recurrentDropout, sampled, chunk, ema }),
    ...defined({ adaptive: flags.adaptive, lines: said(lines), tied: said(flags.tied), variational: said(flags.variational), split: flags.split === undefined ? undefined : textSplit(flags.split) }),
  };
}

async function trainLanguageFile(path: string, flags: Flags, session: Session): Promise<void> {
  const given = await optionsFrom(flags);
  const inputs = [path, flags.valid, flags.test].filter((p) => p !== undefined);
  const { paths, resume, options } = await beginTraining<LanguageOptions>({ task: "language", inputs, flags, given, session });
  const [{ readText }, { trainLanguage }, { showPlan, showReport }] = await Promise.all([import("../text/index.ts"), import("../tasks/language/train.ts"), import("./show-language.ts")]);
  const read = async (file: string) => ({ name: basename(file), text: await readText(file) });
  const texts = {
    train: await read(path),
    ...(flags.valid === undefined ? {} : { valid: await read(flags.valid) }),
    ...(flags.test === undefined ? {} : { test: await read(flags.test) }),
  };
  await new Training(session, flags, paths, {
    ...{ task: "language", source: texts.train.name, unit: "tokens", timeLimit: options.timeLimit, showPlan, showReport },
    start: (run) => trainLanguage(texts, options, { ...run, ...(resume ? { resume } : {}) }),
    next: (model) => ["generate", model, "--length", "300", "--temperature", "0.8"],
  }).run();
}
