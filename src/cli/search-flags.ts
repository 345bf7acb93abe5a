/** @file How translations are searched for, as flags. Node-only. */
import type { Command } from "commander";
import type { SearchOptions } from "../tasks/translate/rank.ts";
import { choice, fromZero, wholeNumber } from "./command.ts";
import { defined } from "./flags.ts";

export interface SearchFlags {
  beam?: number;
  lengthPenalty?: number;
  lengthForm?: "wu" | "simple";
  coveragePenalty?: number;
}

export function addSearchFlags(command: Command): Command {
  return command
    .optionsGroup("How to search:")
    .option("--beam <width>", "hypotheses followed side by side, 1 is greedy; default 5", wholeNumber("--beam"))
    .option("--length-penalty <a>", "how much longer translations are favoured: 0 not at all; default .6", fromZero("--length-penalty"))
    .option("--length-form <form>", "wu divides by ((5+n)/6)^a, simple by n^a; default wu", choice("--length-form", ["wu", "simple"] as const))
    .option("--coverage-penalty <b>", "what it costs to leave parts of the source unread; default 0", fromZero("--coverage-penalty"));
}

export const searchOptions = ({ beam, lengthPenalty, lengthForm, coveragePenalty }: SearchFlags): SearchOptions => defined({ beam, lengthPenalty, lengthForm, coveragePenalty });
