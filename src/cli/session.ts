/** @file One run of the command line: what it says where, and how it ends. Results go to stdout, everything about them to stderr. Node-only. */
import { readFileSync } from "node:fs";
import { SluiceError } from "../base/errors.ts";
import { debugLevel } from "../base/log.ts";

/** The version in package.json. */
export const version = (): string =>
  (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version;

export class Session {
  exitCode = 0;
  /** `--json`: stdout ends with one JSON object; tables for people go to stderr. */
  readonly json: boolean;
  /** `--quiet`: results and errors only. */
  readonly quiet: boolean;

  constructor(readonly argv: readonly string[]) {
    this.json = argv.includes("--json");
    this.quiet = argv.includes("--quiet");
    for (const stream of [process.stdout, process.stderr]) {
      // Once, even when several commands run in one process.
      if (stream.listenerCount("error") === 0) stream.on("error", gone);
    }
  }

  /** A line about what happens. */
  say(text: string): void {
    if (!this.quiet) process.stderr.write(`${text}\n`);
  }

  /** A line that must be seen, `--quiet` or not. */
  warn(text: string): void {
    process.stderr.write(`sluice: ${text}\n`);
  }

  /** A result for a person. */
  show(text: string): void {
    (this.json ? process.stderr : process.stdout).write(`${text}\n`);
  }

  /** The result for a program, with `--json`. */
  result(value: object): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Says what went wrong, in one line, and returns the exit code. */
  fail(error: unknown): number {
    const known = error instanceof SluiceError;
    const text = known
      ? error.message
      : `this should not have happened: ${error instanceof Error ? error.message : String(error)}; DEBUG=1 shows where, please report it`;
    process.stderr.write(`sluice: ${text.replaceAll(/\s*\n\s*/g, " ")}\n`);
    if (debugLevel() >= 1 && error instanceof Error) {
      process.stderr.write(`${error.stack}\n`);
      if (error.cause instanceof Error) process.stderr.write(`caused by ${error.cause.stack}\n`);
    }
    this.result({
      error: known ? { code: error.code, message: error.message, details: error.details } : { code: "unexpected", message: text },
    });
    return known && error.code === "usage" ? 2 : 1;
  }
}

/** A reader that left (`| head`) is no failure: the work goes on, and what is still written goes nowhere. Anything else is. */
function gone(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") return;
  const reason = error.code === "ENOSPC" ? "the disk is full" : error.message;
  process.exitCode = 1;
  process.stderr.write(`sluice: standard output: ${reason}; write to another place\n`);
  process.exit(1);
}
