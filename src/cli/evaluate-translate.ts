/** @file `sluice evaluate` with a translator: BLEU, chrF and exact matches on pairs that it has not been trained on. Node-only. */
import { basename } from "node:path";
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import { newCommand } from "./command.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import { readPairs, twoFiles } from "./parallel.ts";
import { addSearchFlags, type SearchFlags, searchOptions } from "./search-flags.ts";
import type { Session } from "./session.ts";

interface Flags extends GeneralFlags, SearchFlags {
  train?: string;
  skipEmpty?: boolean;
  out?: string;
}

const help = `
BLEU is sacreBLEU's, number for number (13a tokens); its signature stands below the table.
The source as it is needs nothing; the translation memory, which returns what stood beside
the most similar source, needs the training pairs (--train).

Examples:
  $ sluice evaluate de-en.safetensors test.de test.en
  $ sluice evaluate de-en.safetensors test.de test.en --beam 10 --train train.de,train.en
  $ sluice evaluate de-en.safetensors test.de test.en --out test.hyp --json | jq .test.bleu`;

export function command(session: Session): Command {
  const verb = newCommand("evaluate", "Scores a translator on pairs that it has not been trained on.")
    .argument("<model>", "model file")
    .argument("<source>", "texts to translate, one a line")
    .argument("<target>", "the references, line by line")
    .option("--train <source,target>", "the training pairs, for the translation memory to stand beside the model")
    .option("--skip-empty", "leave out pairs that are empty on one side")
    .option("--out <file>", "write the translations, one a line");
  addSearchFlags(verb);
  return addGeneralFlags(verb, "the scores")
    .addHelpText("after", help)
    .action((model: string, source: string, target: string, flags: Flags) => evaluateFiles(model, [source, target], flags, session));
}

async function evaluateFiles(path: string, files: [string, string], flags: Flags, session: Session): Promise<void> {
  if (flags.out !== undefined && [path, ...files].includes(flags.out)) throw new SluiceError("usage", `--out is ${flags.out}, which is read, expected another file`);
  const [{ openModel }, { machineEngine }, { Translator }, { scoreTranslator }, { baselineScores }, { judge, showScores }] = await Promise.all([
    import("./model-file.ts"),
    import("./engine.ts"),
    import("../tasks/translate/translator.ts"),
    import("../tasks/translate/scores.ts"),
    import("../tasks/translate/baselines.ts"),
    import("../tasks/translate/report.ts"),
  ]);
  const began = performance.now();
  const model = Translator.fromFile(openModel(path, "evaluate", "translate"), machineEngine(flags.threads), path);
  const say = (text: string) => session.say(text);
  const pairs = await readPairs(files, flags.skipEmpty ?? false, say);
  const train = flags.train === undefined ? null : await readPairs(twoFiles("--train", flags.train), true, say);
  const { scores: test, translations } = scoreTranslator(model, pairs, searchOptions(flags));
  const baselines = baselineScores(train, pairs, model.lowercase);
  const verdict = judge(test, baselines, pairs.target);
  const source = files.map((file) => basename(file)).join(", ");
  if (flags.out !== undefined) {
    const { writeAtomic } = await import("../formats/files.ts");
    writeAtomic(flags.out, new TextEncoder().encode(translations.map((text) => `${text}\n`).join("")));
  }
  session.show(`${showScores(source, test, baselines)}\n\n${verdict.text}`);
  session.result({
    ...{ task: "translate", model: path, source, test, valid: null, baselines, verdict },
    parameters: [...model.params.values()].reduce((n, p) => n + p.size, 0),
    seconds: (performance.now() - began) / 1000,
  });
}
