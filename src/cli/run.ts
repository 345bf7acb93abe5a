/**
 * @file From words on a command line to an exit code: finds the verb, loads that verb's file and nothing else, and turns every error into one line.
 * Exit codes: 0 done; 1 it failed; 2 it was called wrongly; 130 or 143 stopped by Ctrl-C or SIGTERM (128 + the signal). Node-only.
 */
import { type Command, CommanderError } from "commander";
import { newCommand, newGroup } from "./command.ts";
import { Session, version } from "./session.ts";

/** What a verb's file exports. */
export interface Verb {
  command(session: Session): Command;
}

/** Each verb with its line in `sluice --help`; loaded only when called. */
const verbs: Record<string, { summary: string; load: () => Promise<Verb> }> = {
  train: { summary: "train a model on a table and score it beside its baselines", load: () => import("./train.ts") },
  evaluate: { summary: "score a model beside its baselines on a table", load: () => import("./evaluate.ts") },
  predict: { summary: "forecast what comes after the end of a table", load: () => import("./predict.ts") },
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
    const words = argv.filter((word) => !word.startsWith("-"));
    const wanted = words[0] === "help" ? words[1] : words[0];
    for (const [name, { summary, load }] of Object.entries(verbs)) {
      program.addCommand(name === wanted ? (await load()).command(session).summary(summary) : newCommand(name).summary(summary));
    }
    await program.parseAsync(argv, { from: "user" });
    return session.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // help or the version has been printed
    return session.fail(error);
  }
}
