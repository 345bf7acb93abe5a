/**
 * @file A verb that takes a model. The model named on the command line says which task's file answers, with arguments and flags of its own; before a
 * model is named, `--help` shows the page of every task that has the verb. Node-only.
 */
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import { readBytes } from "../formats/files.ts";
import { decodeModel } from "../formats/model.ts";
import { newCommand, newGroup } from "./command.ts";
import { taskOf, wrongTask } from "./model-file.ts";
import type { Session } from "./session.ts";
import { type ModelVerb, modelVerbs, tasks, tasksWith } from "./tasks.ts";

/** The verb as the task of the model on the command line has it. */
export async function modelVerb(verb: ModelVerb, session: Session): Promise<Command> {
  const able = tasksWith(verb);
  // A flag's value may come before the model: the first word that is a model counts.
  const task = session.argv.filter((word) => !word.startsWith("-")).map(taskOf).find((found) => found !== undefined);
  const own = able.length === 1 && task === undefined ? able[0] : able.find((name) => name === task);
  if (own !== undefined) {
    const command = await pageOf(verb, own, session);
    for (const other of able) if (other !== own) refuseForeignFlag(verb, own, command, other, await pageOf(verb, other, session), session);
    return command;
  }
  const command = newCommand(verb, `${modelVerbs[verb][0]!.toUpperCase()}${modelVerbs[verb].slice(1)}.`)
    .usage("<model> …")
    .argument("[model]", "model file")
    .argument("[words...]", "what its task takes")
    .allowUnknownOption()
    .action((model: string | undefined) => refuse(verb, model));
  if (task !== undefined) return command;
  return command.addHelpText("after", (await Promise.all(able.map(async (name) => `\n── With a model for the task "${name}" ──\n\n${await helpOf(verb, name, session)}`))).join(""));
}

const pageOf = async (verb: ModelVerb, task: string, session: Session): Promise<Command> => (await tasks[task]!.verbs[verb]!()).command(session);

/** @throws usage: a flag that the verb has with models of another task only */
function refuseForeignFlag(verb: ModelVerb, task: string, command: Command, other: string, others: Command, { argv }: Session): void {
  const optionOf = (of: Command, word: string | undefined) => (word === undefined ? undefined : of.options.find(({ long, short }) => [long, short].includes(word.split("=")[0]!)));
  const takesNext = (word: string | undefined): boolean => optionOf(command, word)?.required === true && !word!.includes("=");
  const foreign = argv.find((word, i) => word.startsWith("--") && !takesNext(argv[i - 1]) && !optionOf(command, word) && optionOf(others, word));
  if (foreign === undefined) return;
  const flag = foreign.split("=")[0]!;
  throw new SluiceError("usage", `${verb}: ${flag} is for models of the task "${other}", expected flags for "${task}", which this model is for; "sluice ${verb} <model> --help" shows them`, { flag, task, other });
}

/** The help of a verb as a task has it. */
async function helpOf(verb: ModelVerb, task: string, session: Session): Promise<string> {
  const command = await pageOf(verb, task, session);
  let text = "";
  newGroup("sluice", "", "").addCommand(command);
  command.configureOutput({ writeOut: (more) => (text += more) }).outputHelp();
  return text;
}

/** The file is damaged, no model, or one that cannot do this: reading it whole says which. */
function refuse(verb: ModelVerb, path: string | undefined): never {
  if (path === undefined) throw new SluiceError("usage", `${verb}: missing required argument 'model'; "sluice ${verb} --help" shows what there is`);
  throw wrongTask(path, verb, decodeModel(readBytes(path), path).task);
}
