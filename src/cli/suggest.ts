/** @file `sluice suggest`: next words, or endings of the word being typed. Node-only. */
import type { Command } from "commander";
import { newCommand, wholeNumber } from "./command.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import { openLanguage } from "./language-flags.ts";
import type { Session } from "./session.ts";

interface Flags extends GeneralFlags {
  count?: number;
  learn?: string;
  passes?: number;
  out?: string;
}

const help = `
A prefix that ends in a letter is a word being typed: its endings are suggested. One that ends
in a space asks for the next word. A probability is the whole word's, after what stands
before it, however much of it is typed. --learn reads your own text first, on this machine; the
model file stays as it is unless --out names another.

Examples:
  $ sluice suggest lm.safetensors "the quick bro"
  $ sluice suggest lm.safetensors "see you " --count 5 --json
  $ sluice suggest lm.safetensors "my cat " --learn messages.txt --out mine.safetensors`;

export function command(session: Session): Command {
  const verb = newCommand("suggest", "Suggests next words, with a language model.")
    .argument("<model>", "model file")
    .argument("<prefix>", "text so far")
    .option("--count <k>", "words to suggest; default 3", wholeNumber("--count"))
    .option("--learn <file>", "learn from this text of yours first")
    .option("--passes <n>", "times to go through it; default 3", wholeNumber("--passes"))
    .option("--out <file>", "keep the model that has learnt");
  return addGeneralFlags(verb, "the words")
    .addHelpText("after", help)
    .action((model: string, prefix: string, flags: Flags) => suggestFile(model, prefix, flags, session));
}

async function suggestFile(path: string, prefix: string, flags: Flags, session: Session): Promise<void> {
  const { SluiceError } = await import("../base/errors.ts");
  for (const [flag, value] of [["--out", flags.out], ["--passes", flags.passes]] as const) {
    if (value !== undefined && flags.learn === undefined) throw new SluiceError("usage", `${flag} is given without --learn, expected both; nothing changes the model otherwise`);
  }
  if (flags.out !== undefined) (await import("./paths.ts")).checkModelOutput("--out", flags.out, [path, flags.learn!]);
  const model = await openLanguage(path, "suggest", flags);
  if (flags.learn !== undefined) {
    const text = await (await import("../text/index.ts")).readText(flags.learn);
    const { before, after } = model.learn(text, flags.passes === undefined ? {} : { passes: flags.passes });
    session.say(`learnt ${flags.learn}: ${before.toFixed(3)} nats per token before, ${after.toFixed(3)} after`);
  }
  if (flags.out !== undefined) {
    const [{ writeAtomic }, { modelChunks }, { version }] = await Promise.all([import("../formats/files.ts"), import("../formats/model.ts"), import("./session.ts")]);
    writeAtomic(flags.out, modelChunks(model.toFile(`sluice ${version()}`)));
    session.say(`model  ${flags.out}`);
  }
  const words = model.suggest(prefix, flags.count ?? 3);
  if (words.length === 0) session.say(`note: the model knows no word that goes on from "${prefix}"`);
  for (const { word, probability } of words) session.show(`${probability.toFixed(4)}  ${word}`);
  session.result({ task: "language", model: path, prefix, words });
}
