/** @file What all verbs have in common: how commander is set up, and how the value of a flag is read. Node-only. */
import { Command, type CommanderError, Option } from "commander";
import { nearNames, SluiceError } from "../base/errors.ts";

/** A command whose errors are SluiceErrors with code "usage", and whose help is printed once. */
export function newCommand(name: string, description = ""): Command {
  const command = new Command(name);
  if (description !== "") command.description(description);
  return command
    .configureOutput({ outputError: () => undefined }) // `run` says it
    .configureHelp({ sortSubcommands: false, subcommandTerm: (c) => c.name() })
    .addHelpOption(new Option("-h, --help", "print this help").helpGroup("General:"))
    .exitOverride((error) => {
      throw error.exitCode === 0 || error.code === "commander.help" ? error : usageError(command, error);
    });
}

/** A command that only holds others. @param usage what follows its name: `<task> …` */
export const newGroup = (name: string, description: string, usage: string): Command =>
  newCommand(name, description).usage(usage).helpCommand("help [command]", "print the help of a command");

/** Full name of a command without the program's: `train forecast`. */
const pathOf = (command: Command): string => (command.parent ? `${pathOf(command.parent)} ${command.name()}`.trim() : "");

function usageError(command: Command, error: CommanderError): SluiceError {
  const path = pathOf(command);
  const [line = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const first =
    error.code === "commander.excessArguments"
      ? `there are ${command.args.length} arguments, expected ${command.registeredArguments.length}`
      : line;
  const near = /Did you mean (?:one of )?(.+?)\?/.exec(rest.join(" "))?.[1];
  const known = command.commands.map((c) => c.name());
  const list = error.code === "commander.unknownCommand" ? `, expected ${known.join(", ")}` : "";
  const hint = near ? `; did you mean ${near}?` : `; "sluice ${path}${path && " "}--help" shows what there is`;
  return new SluiceError("usage", `${path}${path && ": "}${first}${list}${hint}`, { near: near ?? null });
}

/** A reader of a flag's text; commander calls it with the value so far when a flag is repeated. */
type Reader<T> = (text: string, before: T | undefined) => T;

const bad = (flag: string, text: string, due: string): SluiceError =>
  new SluiceError("usage", `${flag} is "${text}", expected ${due}`, { flag, text });

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A finite number for which `fits`. */
const number =
  (flag: string, due: string, fits: (v: number) => boolean): Reader<number> =>
  (text) => {
    const value = decimal.test(text.trim()) ? Number(text) : Number.NaN;
    if (!Number.isFinite(value) || !fits(value)) throw bad(flag, text, due);
    return value;
  };

export const wholeNumber = (flag: string, least = 1): Reader<number> =>
  number(flag, `a whole number from ${least}`, (v) => Number.isSafeInteger(v) && v >= least);
export const positive = (flag: string): Reader<number> => number(flag, "a number above 0", (v) => v > 0);
export const upToOne = (flag: string): Reader<number> => number(flag, "a number above 0, up to 1", (v) => v > 0 && v <= 1);
export const fromZero = (flag: string): Reader<number> => number(flag, "a number from 0", (v) => v >= 0);
export const share = (flag: string): Reader<number> => number(flag, "a number from 0, below 1", (v) => v >= 0 && v < 1);

/** Names between commas; a repeated flag adds to them. */
export const names =
  (flag: string): Reader<string[]> =>
  (text, before = []) => {
    const cells = text.split(",").map((cell) => cell.trim());
    if (cells.some((cell) => cell === "")) throw bad(flag, text, `names between commas, like "a,b"`);
    return [...before, ...cells];
  };

/** Levels between commas, each above 0 and below 1. */
export const levels =
  (flag: string): Reader<number[]> =>
  (text) =>
    text.split(",").map((cell) => {
      const value = decimal.test(cell.trim()) ? Number(cell) : Number.NaN;
      if (!(value > 0 && value < 1)) throw bad(flag, text, "numbers above 0 and below 1 between commas, like .1,.5,.9");
      return value;
    });

/** One of a few words. */
export const choice =
  <T extends string>(flag: string, words: readonly T[]): Reader<T> =>
  (text) => {
    const found = words.find((word) => word === text.toLowerCase());
    if (found !== undefined) return found;
    const near = nearNames(text, words)[0];
    throw bad(flag, text, `${words.slice(0, -1).join(", ")} or ${words.at(-1)}${near ? `; did you mean ${near}?` : ""}`);
  };

/** Seconds from `90s`, `5m`, `1h30m`, `1.5h`, or a bare number of seconds. */
export const duration =
  (flag: string): Reader<number> =>
  (text) => {
    const m = /^(?:(\d*\.?\d+)h)?(?:(\d*\.?\d+)m)?(?:(\d*\.?\d+)s?)?$/i.exec(text.trim());
    const [h = 0, min = 0, s = 0] = (m?.slice(1) ?? []).map((part) => Number(part ?? 0));
    const seconds = h * 3600 + min * 60 + s;
    if (!(seconds > 0)) throw bad(flag, text, "a time above 0 like 90s, 5m or 1h30m");
    return seconds;
  };

/** `1:05`, `2:03:10`: a stretch of time as a clock shows it. */
export function showClock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  return s >= 3600
    ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
    : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

/** Words as a shell must be given them. */
export const shellWords = (words: readonly string[]): string =>
  words.map((w) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", "'\\''")}'`)).join(" ");
