/** @file How a verb is found and loaded: only the one that was named, the others are lines in the help. Node-only. */
import type { Command } from "commander";
import { newCommand } from "./command.ts";
import type { Session } from "./session.ts";

/** What a verb's file exports. */
export interface Verb {
  command(session: Session): Command | Promise<Command>;
}

/** A verb with its line in the help. */
export interface VerbSlot {
  summary: string;
  load: () => Promise<Verb>;
}

/** The word after `before` that names a verb: `train forecast`, `help train`, `train help forecast`. */
export function wantedWord(argv: readonly string[], before: string | null): string | undefined {
  const all = argv.filter((word) => !word.startsWith("-"));
  const words = before === null ? all : all.slice(all.indexOf(before) + 1);
  return words[0] === "help" ? words[1] : words[0];
}

/** Adds verbs to a command that holds others. @param wanted the one to load */
export async function addVerbs(group: Command, slots: Readonly<Record<string, VerbSlot>>, wanted: string | undefined, session: Session): Promise<Command> {
  for (const [name, { summary, load }] of Object.entries(slots)) {
    group.addCommand(name === wanted ? (await (await load()).command(session)).summary(summary) : newCommand(name).summary(summary));
  }
  return group;
}
