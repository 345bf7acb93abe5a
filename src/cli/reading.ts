/** @file The flags that say how a table is to be read, the same for every verb that reads one. Node-only. */
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { Table } from "../data/table.ts";
import { choice, names } from "./command.ts";

export interface ReadFlags {
  time?: string[];
  timeFormat?: string;
  delimiter?: string;
  decimal?: "." | ",";
  encoding?: string;
  header?: boolean;
}

/** Adds the flags. */
export function addReadFlags(command: Command): Command {
  return command
    .optionsGroup("How the table is written:")
    .option(
      "--time <column>",
      'time column, or its parts (year,month,day,hour); "none" counts rows; default: found',
      names("--time"),
    )
    .option("--time-format <form>", 'how times are written, such as "DD/MM/YYYY HH:mm", where that is not clear')
    .option("--delimiter <letter>", 'between cells: , ; | or "tab"; default: found')
    .option("--decimal <letter>", 'decimal point: "." or ","; default: found', choice("--decimal", [".", ","] as const))
    .option("--encoding <name>", 'of the text, such as "windows-1252"; default utf-8')
    .option("--no-header", "row 1 is data; columns are then called 1, 2, …");
}

/** The time column(s) as the library wants them. */
export const timeOf = ({ time }: ReadFlags): readonly string[] | false | undefined =>
  time?.length === 1 && time[0]!.toLowerCase() === "none" ? false : time;

/**
 * Reads a CSV or Parquet file.
 * @param columns which must be numbers, and which are to be kept as written (ids)
 */
export async function readTableFile(
  path: string,
  flags: ReadFlags,
  columns: { numeric?: readonly string[]; text?: readonly string[] } = {},
): Promise<Table> {
  const { readTable } = await import("../data/read.ts");
  const { delimiter, decimal, encoding } = flags;
  if (encoding !== undefined) checkEncoding(encoding);
  return readTable(path, {
    ...columns,
    ...(delimiter === undefined ? {} : { delimiter: readDelimiter(delimiter) }),
    ...(decimal === undefined ? {} : { decimal }),
    ...(encoding === undefined ? {} : { encoding }),
    ...(flags.header === false ? { header: false } : {}),
  });
}

function readDelimiter(text: string): string {
  if (text === "tab" || text === "\\t") return "\t";
  if (text.length === 1 && !/["\r\n]/.test(text)) return text;
  throw new SluiceError("usage", `--delimiter is "${text}", expected one letter like ; or the word tab`, { text });
}

function checkEncoding(encoding: string): void {
  try {
    new TextDecoder(encoding);
  } catch (cause) {
    throw new SluiceError(
      "usage",
      `--encoding is "${encoding}", expected a name like utf-8, utf-16le or windows-1252`,
      { encoding },
      { cause },
    );
  }
}
