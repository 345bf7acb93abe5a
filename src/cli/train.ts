/** @file `sluice train`: one task below it for each kind of model. Node-only. */
import type { Command } from "commander";
import { newGroup } from "./command.ts";
import type { Session } from "./session.ts";
import { tasks } from "./tasks.ts";
import { addVerbs, wantedWord } from "./verbs.ts";

const examples = `
Examples:
  $ sluice train forecast data.csv --target temperature --horizon 24
  $ sluice train language corpus.txt --tokens char
  $ sluice train classify reviews.csv --text text --label label
  $ sluice train forecast --help`;

export function command(session: Session): Promise<Command> {
  const slots = Object.fromEntries(Object.entries(tasks).map(([name, { train }]) => [name, train]));
  const group = newGroup("train", "Trains a model on your data, scores it beside its baselines and saves it.", "<task> …").addHelpText("after", examples);
  return addVerbs(group, slots, wantedWord(session.argv, "train"), session);
}
