/** @file Labelled texts and series from files, and the flags that say how: for every verb of the classification task. Node-only. */
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { JsonObject } from "../formats/json.ts";
import type { Labelled, LabelledSeries } from "../tasks/classify/data.ts";
import { names } from "./command.ts";
import { readTableFile } from "./reading.ts";

/** How a file of items is read; kept with the model, so that later files are read alike. */
export interface ItemFlags {
  series?: boolean;
  column?: string[];
  label?: string;
  separator?: string;
  id?: string;
  time?: string;
  channels?: string[];
  delimiter?: string;
  encoding?: string;
  header?: boolean;
}

/** @param text what the flag for the text's columns is called: `--text`, or `--column` where a text itself can be given */
export function addItemFlags(command: Command, text: "--text" | "--column"): Command {
  return command
    .optionsGroup("How the items are written:")
    .option(`${text} <columns>`, "columns of a table that hold the text; joined when several", names(text))
    .option("--label <column>", 'column that holds the label; default: "label"')
    .option("--separator <text>", "several labels in a cell, parted by this: a|b; each is then a yes or no of its own")
    .option("--series", "series instead of texts: JSON { train: [{ label, x }], test } or a long table, a row a step")
    .option("--id <column>", 'column that tells the series of a table apart; default: "id"')
    .option("--time <column>", "column that orders the rows of a series; default: as they stand")
    .option("--channels <columns>", "columns of values of a table of series; default: all others", names("--channels"))
    .option("--delimiter <letter>", 'between cells: , ; | or "tab"; default: found')
    .option("--encoding <name>", 'of a table, such as "windows-1252"; default utf-8')
    .option("--no-header", "row 1 is data; columns are then called 1, 2, …");
}

/** The flags of how, without those of where; JSON. */
export function readingOf({ series, column, label, separator, id, time, channels, delimiter, encoding, header }: ItemFlags): JsonObject {
  const said = { series, column, label, separator, id, time, channels, delimiter, encoding, ...(header === false ? { header } : {}) };
  return Object.fromEntries(Object.entries(said).filter(([, v]) => v !== undefined));
}

/** The flags of a model's training under those that were given now. A model from anywhere may say anything: only what fits counts. */
export function rememberedFlags(reading: unknown, flags: ItemFlags): ItemFlags {
  const of = typeof reading === "object" && reading !== null ? (reading as JsonObject) : {};
  const known: JsonObject = {};
  for (const key of ["label", "separator", "id", "time", "delimiter", "encoding"]) if (typeof of[key] === "string") known[key] = of[key];
  for (const key of ["column", "channels"]) if (Array.isArray(of[key]) && of[key].every((v) => typeof v === "string")) known[key] = of[key];
  for (const key of ["series", "header"]) if (typeof of[key] === "boolean") known[key] = of[key];
  return { ...(known as ItemFlags), ...readingOf(flags) };
}

/** The items of a file; a JSON document of series may hold test items too. */
export interface ItemFile {
  items: Labelled;
  test?: LabelledSeries;
}

const isTable = (path: string): boolean => /\.(csv|tsv|parquet|pq)$/i.test(path);

/**
 * Reads a file of texts or series.
 * @param labels `required`; or `optional`, when only texts count and a label column need not be there
 * @throws missing, io, format, data, usage: see the readers
 */
export async function readItems(path: string, flags: ItemFlags, labels: "required" | "optional" = "required"): Promise<ItemFile> {
  const read = await import("../tasks/classify/read.ts");
  const { column, separator, label } = flags;
  if (flags.series) {
    if (/\.json$/i.test(path)) {
      const [{ readBytes }, { parseStrict }, { decodeText }] = await Promise.all([import("../formats/files.ts"), import("../formats/json.ts"), import("../text/index.ts")]);
      const { train, test } = read.seriesOfJson(parseStrict(decodeText(readBytes(path), path), path, "the document"), path);
      return { items: train, ...(test ? { test } : {}) };
    }
    const { id = "id", time, channels } = flags;
    const table = await readTableFile(path, tableFlags(flags), { text: [id, ...(label ? [label] : ["label"])] });
    const has = table.columns.some((c) => c.name === (label ?? "label"));
    return { items: read.seriesOfTable(table, { id, time, channels, ...(labels === "required" || has ? { label: label ?? "label" } : {}) }) };
  }
  if (column !== undefined || isTable(path)) {
    const texts = column ?? ["text"];
    const table = await readTableFile(path, tableFlags(flags), { text: [...texts, label ?? "label"] });
    const has = table.columns.some((c) => c.name === (label ?? "label"));
    return { items: read.textsOfTable(table, { text: texts, separator, ...(labels === "required" || has ? { label: label ?? "label" } : {}) }) };
  }
  if (label !== undefined) throw new SluiceError("usage", `--label is ${label} without columns of text, expected both: name the text's columns too`);
  const { readText } = await import("../text/index.ts");
  const content = await readText(path);
  if (labels === "required") return { items: read.textsOfLines(content, path, { separator }) };
  const texts = content.split("\n").filter((line) => line.trim() !== "");
  return { items: { kind: "text", source: path, texts, labels: texts.map(() => []), notes: [] } };
}

const tableFlags = ({ delimiter, encoding, header }: ItemFlags) => ({ delimiter, encoding, header });
