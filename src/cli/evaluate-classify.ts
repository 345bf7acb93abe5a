/** @file `sluice evaluate` with a classifier: scores it on labelled items, beside the baselines where their training items are named. Node-only. */
import { basename } from "node:path";
import type { Command } from "commander";
import { newCommand } from "./command.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import { addItemFlags, type ItemFlags, readItems, rememberedFlags } from "./labelled.ts";
import { checkPicture } from "./paths.ts";
import type { Session } from "./session.ts";

interface Flags extends Omit<ItemFlags, "column">, GeneralFlags {
  text?: string[];
  train?: string;
  confusion?: string;
  reliability?: string;
}

const help = `
The file is read as the training file was, unless flags say otherwise; of a JSON document of
series with test items those count. Baselines learn from the training items, so they need
them.

Examples:
  $ sluice evaluate clf.safetensors test.csv --confusion confusion.svg --reliability sure.svg
  $ sluice evaluate clf.safetensors test.txt --train train.txt --json | jq .test.macroF1`;

export function command(session: Session): Command {
  const verb = newCommand("evaluate", "Scores a classifier on labelled items that it has not been trained on.")
    .argument("<model>", "model file")
    .argument("<data>", "labelled items, in a file like the training file")
    .option("--train <file>", "the training items: baselines learn from them and are scored beside the model")
    .option("--confusion <file.svg>", "picture of which class is taken for which")
    .option("--reliability <file.svg>", "picture of how often stated probabilities are right");
  addItemFlags(verb, "--text");
  return addGeneralFlags(verb, "the scores")
    .addHelpText("after", help)
    .action((model: string, data: string, flags: Flags) => evaluateFile(model, data, flags, session));
}

async function evaluateFile(modelPath: string, path: string, flags: Flags, session: Session): Promise<void> {
  const inputs = [modelPath, path, ...(flags.train === undefined ? [] : [flags.train])];
  for (const [flag, picture] of [["--confusion", flags.confusion], ["--reliability", flags.reliability]] as const) if (picture !== undefined) checkPicture(flag, picture, inputs);
  const [{ openModel }, { machineEngine }, { Classifier }, { evaluateClassifier }, { judge }, { showScores, drawScores }] = await Promise.all([
    import("./model-file.ts"),
    import("./engine.ts"),
    import("../tasks/classify/classifier.ts"),
    import("../tasks/classify/apply.ts"),
    import("../tasks/classify/report.ts"),
    import("./show-classify.ts"),
  ]);
  const began = performance.now();
  const model = Classifier.fromFile(openModel(modelPath, "evaluate", "classify"), machineEngine(flags.threads), modelPath);
  const reading = rememberedFlags(model.provenance["reading"], { ...flags, column: flags.text });
  const file = await readItems(path, reading);
  const train = flags.train === undefined ? undefined : (await readItems(flags.train, reading)).items;
  const { test, baselines, notes } = evaluateClassifier(model, file.test ?? file.items, train);
  const source = basename(path);
  for (const note of notes) session.say(`note: ${note}`);
  const verdict = judge(test, baselines);
  session.show(`${showScores(test, baselines, source)}\n\n${verdict.text}`);
  await drawScores(test, source, flags);
  for (const picture of [flags.confusion, flags.reliability]) if (picture !== undefined) session.say(`plot  ${picture}`);
  session.result({
    ...{ task: "classify", model: modelPath, source, classes: model.classes, test, valid: null, baselines, verdict, notes },
    parameters: [...model.params.values()].reduce((n, p) => n + p.size, 0),
    seconds: (performance.now() - began) / 1000,
  });
}
