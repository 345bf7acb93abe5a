/** @file `sluice evaluate` with a language model: scores it on a text, beside what counting predicts. Node-only. */
import { basename } from "node:path";
import type { Command } from "commander";
import { newCommand } from "./command.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import type { Session } from "./session.ts";

interface Flags extends GeneralFlags {
  train?: string;
}

const help = `
The text is read from its start with the state carried to its end; a model of separate lines
reads each line from the start. Baselines count on the training text, so they need it.

Examples:
  $ sluice evaluate lm.safetensors test.txt
  $ sluice evaluate lm.safetensors test.txt --train train.txt --json | jq .test.perplexity`;

export function command(session: Session): Command {
  const verb = newCommand("evaluate", "Scores a language model on a text that it has not been trained on.")
    .argument("<model>", "model file")
    .argument("<text>", "text file, UTF-8")
    .option("--train <file>", "the training text: unigram, bigram and trigram are counted on it and scored beside the model");
  return addGeneralFlags(verb, "the scores")
    .addHelpText("after", help)
    .action((model: string, text: string, flags: Flags) => evaluateFile(model, text, flags, session));
}

async function evaluateFile(modelPath: string, textPath: string, flags: Flags, session: Session): Promise<void> {
  const [{ openModel }, { machineEngine }, { LanguageModel }, { countingScores }, { itemsText }, { judge, showScores }, { readText }] = await Promise.all([
    import("./model-file.ts"),
    import("./engine.ts"),
    import("../tasks/language/model.ts"),
    import("../tasks/language/baselines.ts"),
    import("../tasks/language/items.ts"),
    import("../tasks/language/report.ts"),
    import("../text/index.ts"),
  ]);
  const began = performance.now();
  const model = LanguageModel.fromFile(openModel(modelPath, "evaluate", "language"), machineEngine(flags.threads), modelPath);
  const text = await readText(textPath);
  const test = model.evaluate(text);
  const encode = (t: string) => {
    const scored = model.config.items ? itemsText(t) : t;
    return { text: scored, ids: model.tokenizer.encode(scored) };
  };
  const baselines = flags.train === undefined ? {} : countingScores(encode(await readText(flags.train)), null, encode(text), model.tokenizer.size);
  const verdict = judge(test, baselines);
  const source = basename(textPath);
  session.show(`${showScores(source, test, baselines)}\n\n${verdict.text}`);
  session.result({
    ...{ task: "language", model: modelPath, source, test, valid: null, baselines, verdict },
    parameters: [...model.params.values()].reduce((n, p) => n + p.size, 0),
    seconds: (performance.now() - began) / 1000,
  });
}
