/** @file Labelled texts and series out of tables, lines and JSON. Runs in browsers: files are opened elsewhere. */
import { SluiceError } from "../../base/errors.ts";
import { isObject, show } from "../../base/json.ts";
import { type Column, column, numberColumn, place, type Table } from "../../data/table.ts";
import type { LabelledSeries, LabelledTexts, SeriesValues } from "./data.ts";

/** Which columns of a table hold texts and labels. */
export interface TextColumns {
  /** One column, or several that are joined line by line. */
  text: readonly string[];
  /** Left out: texts without labels, to be classified. */
  label?: string;
  /** An item may have several labels, which this stands between: `sports|politics`. */
  separator?: string;
}

/** Cells as texts; "" is missing. */
function cells(found: Column): string[] {
  if (found.kind === "text") return found.values;
  return Array.from(found.values, (v) => (Number.isNaN(v) ? "" : String(v)));
}

/** The labels in a cell. */
const labelsIn = (cell: string, separator: string | undefined): string[] =>
  separator === undefined ? [cell] : cell.split(separator).flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));

/**
 * Texts of a table. Rows without a label are left out and counted; with a separator a row may have none, which is a truth like others.
 * @throws missing: no such column
 */
export function textsOfTable(table: Table, { text, label, separator }: TextColumns): LabelledTexts {
  const parts = text.map((name) => cells(column(table, name)));
  const marks = label === undefined ? null : cells(column(table, label));
  const texts: string[] = [];
  const labels: string[][] = [];
  let without = 0;
  for (let i = 0; i < table.rows; i++) {
    const mark = marks?.[i] ?? "";
    if (marks !== null && mark === "" && separator === undefined) {
      without++;
      continue;
    }
    texts.push(parts.map((p) => p[i]!).join("\n"));
    labels.push(marks === null ? [] : labelsIn(mark, separator));
  }
  const notes = without === 0 ? [] : [`${without} rows without a label left out`];
  return { kind: "text", source: table.source, texts, labels, notes };
}

/**
 * Texts of lines that begin with their label: `positive a gorgeous, witty film`, as well `__label__positive …`. Blank lines are skipped.
 * @throws format: a line of one word
 */
export function textsOfLines(content: string, source: string, { separator }: { separator?: string } = {}): LabelledTexts {
  const texts: string[] = [];
  const labels: string[][] = [];
  for (const [i, line] of content.split("\n").entries()) {
    if (line.trim() === "") continue;
    const m = /^\s*(\S+)\s+(\S.*)$/u.exec(line);
    if (!m) {
      throw new SluiceError("format", `${source}: line ${i + 1} is ${show(line)}, expected a label, a space and a text; for a table give its columns with --text and --label`, { source, line: i + 1 });
    }
    labels.push(labelsIn(m[1]!.replace(/^__label__(?=.)/, ""), separator));
    texts.push(m[2]!.trimEnd());
  }
  return { kind: "text", source, texts, labels, notes: [] };
}

/** Which columns of a long table (a row a step) hold what. */
export interface SeriesColumns {
  /** Tells series apart. */
  id: string;
  /** Rows of a series stand in this order; left out: as they are. */
  time?: string;
  /** Left out: series without labels. */
  label?: string;
  /** Left out: every other column. */
  channels?: readonly string[];
}

/**
 * Series of a long table.
 * @throws missing: no such column; type: a channel that is not numbers; data: two labels in one series, no channel
 */
export function seriesOfTable(table: Table, { id, time, label, channels }: SeriesColumns): LabelledSeries {
  const names = channels ?? table.columns.map((c) => c.name).filter((name) => ![id, time, label].includes(name));
  if (names.length === 0) throw new SluiceError("data", `${table.source}: there is no column of values, expected at least one beside ${[id, time, label].filter(Boolean).join(", ")}`, { source: table.source });
  const values = names.map((name) => numberColumn(table, name));
  const ids = cells(column(table, id));
  const marks = label === undefined ? null : cells(column(table, label));
  const order = time === undefined ? null : column(table, time);
  const rows = new Map<string, number[]>();
  for (let i = 0; i < table.rows; i++) {
    const own = rows.get(ids[i]!);
    if (own) own.push(i);
    else rows.set(ids[i]!, [i]);
  }
  const series: SeriesValues[] = [];
  const labels: string[][] = [];
  for (const [name, own] of rows) {
    if (order) own.sort((a, b) => (order.kind === "text" ? (order.values[a]! < order.values[b]! ? -1 : 1) : order.values[a]! - order.values[b]!));
    const mark = marks?.[own[0]!];
    const odd = marks === null ? undefined : own.find((i) => marks[i] !== mark);
    if (odd !== undefined) {
      throw new SluiceError("data", `${place(table, odd)}: the label is ${show(marks![odd])}, expected ${show(mark)} as in the first row of series ${show(name)}; a series has one label`, { source: table.source, id: name });
    }
    const flat = new Float32Array(own.length * names.length);
    for (const [t, i] of own.entries()) for (let c = 0; c < names.length; c++) flat[t * names.length + c] = values[c]![i]!;
    series.push({ steps: own.length, values: flat });
    labels.push(mark === undefined || mark === "" ? [] : [mark]);
  }
  return { kind: "series", source: table.source, channels: [...names], series, labels, notes: [] };
}

/** Series of a JSON document, by part. */
export interface SeriesDocument {
  classes?: string[];
  train: LabelledSeries;
  test?: LabelledSeries;
}

/**
 * Series of `{ classes?, train: [{ label, x }], test? }`, or of a plain list of `{ label?, x }`; x is a list of steps, each a list of channels
 * (or one number). null is missing.
 * @throws format: not such a document, with the place
 */
export function seriesOfJson(document: unknown, source: string): SeriesDocument {
  const refuse = (path: string, got: unknown, due: string): never => {
    throw new SluiceError("format", `${source}: ${path} is ${show(got)}, expected ${due}`, { source, path });
  };
  let width = 0;
  const part = (list: unknown, path: string): LabelledSeries => {
    if (!Array.isArray(list)) return refuse(path, list, "a list of series, each with label and x");
    const series: SeriesValues[] = [];
    const labels: string[][] = [];
    for (const [i, item] of list.entries()) {
      if (!isObject(item)) return refuse(`${path}[${i}]`, item, "an object with label and x");
      const { label, x } = item;
      if (!Array.isArray(x) || x.length === 0) return refuse(`${path}[${i}].x`, x, "a list of steps");
      if (label !== undefined && typeof label !== "string" && typeof label !== "number") return refuse(`${path}[${i}].label`, label, "a text or a number");
      if (width === 0) width = Array.isArray(x[0]) ? x[0].length : 1;
      const values = new Float32Array(x.length * width);
      for (const [t, step] of x.entries()) {
        const channels: unknown[] = Array.isArray(step) ? step : [step];
        if (channels.length !== width || width === 0) return refuse(`${path}[${i}].x[${t}]`, step, `${width || "some"} numbers, as in the first step of the file`);
        for (const [c, v] of channels.entries()) {
          if (v !== null && typeof v !== "number") return refuse(`${path}[${i}].x[${t}][${c}]`, v, "a number, or null where nothing was measured");
          values[t * width + c] = v ?? Number.NaN;
        }
      }
      series.push({ steps: x.length, values });
      labels.push(label === undefined ? [] : [String(label)]);
    }
    return { kind: "series", source, channels: Array.from({ length: width }, (_, c) => `channel ${c + 1}`), series, labels, notes: [] };
  };
  if (Array.isArray(document)) return { train: part(document, "the document") };
  if (!isObject(document)) return refuse("the document", document, "an object with train and test, or a list of series");
  const { classes, train, test } = document;
  if (classes !== undefined && !(Array.isArray(classes) && classes.every((c) => typeof c === "string"))) return refuse("classes", classes, "a list of names");
  return { classes: classes as string[] | undefined, train: part(train, "train"), ...(test === undefined ? {} : { test: part(test, "test") }) };
}
