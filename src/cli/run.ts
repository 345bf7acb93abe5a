/**
 * @file From words on a command line to an exit code: finds the verb, loads that verb's file and nothing else, and turns every error into one line.
 * Exit codes: 0 done; 1 it failed; 2 it was called wrongly; 130 or 143 stopped by Ctrl-C or SIGTERM (128 + the signal). Node-only.
 */
import { CommanderError } from "commander";
import { newGroup } from "./command.ts";
import { Session, version } from "./session.ts";
import { type ModelVerb, modelVerbs, tasksWith } from "./tasks.ts";
import { addVerbs, type VerbSlot, wantedWord } from "./verbs.ts";

/** A verb that takes a model: the model's task decides what it is. */
const modelSlot = (verb: ModelVerb): VerbSlot => ({
  summary: modelVerbs[verb],
  async load() {
    const { modelVerb } = await import("./model-verb.ts");
    return { command: (session) => modelVerb(verb, session) };
  },
});

const verbs: Readonly<Record<string, VerbSlot>> = {
  train: { summary: "train a model on your data and score it beside its baselines", load: () => import("./train.ts") },
  ...Object.fromEntries((Object.keys(modelVerbs) as ModelVerb[]).filter((verb) => tasksWith(verb).length > 0).map((verb) => [verb, modelSlot(verb)])),
  backtest: { summary: "train and score again and again on ever more of the past", load: () => import("./backtest.ts") },
  inspect: { summary: "say what is in a model file", load: () => import("./inspect.ts") },
  doctor: { summary: "say what the kernels run on here, and why", load: () => import("./doctor.ts") },
  "sample-data": { summary: "write made-up data to try things with", load: () => import("./sample-data.ts") },
};

const examples = `
Examples:
  $ sluice sample-data weather --out weather.csv
  $ sluice train forecast weather.csv --target temperature --horizon 24 --out model.safetensors
  $ sluice predict model.safetensors weather.csv --out forecast.csv --plot forecast.svg
  $ sluice train --help

Exit codes: 0 done, 1 failed, 2 called wrongly, 130 stopped by Ctrl-C (143 by SIGTERM).
DEBUG=1 adds the stack to an error; DEBUG=2 to 4 say more about what the kernels do.`;

/**
 * Runs `sluice` with these words.
 * @param argv without node and program
 * @returns the exit code
 */
export async function run(argv: readonly string[]): Promise<number> {
  const session = new Session(argv);
  try {
    const program = newGroup("sluice", "Trains, scores and runs gated recurrent networks on your own data.", "<command> …")
      .optionsGroup("General:")
      .version(version(), "--version", "print the version")
      .addHelpText("after", examples);
    await addVerbs(program, verbs, wantedWord(argv, null), session);
    await program.parseAsync(argv, { from: "user" });
    return session.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // help or the version has been printed
    return session.fail(error);
  }
}
