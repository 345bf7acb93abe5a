/** @file A table of typed columns: what every reader makes and every series is made from. PURE. */
import { nearNames, SluiceError } from "../base/errors.ts";

/** Numbers; NaN is missing. */
export interface NumberColumn {
  name: string;
  kind: "number";
  values: Float64Array;
}

/** Moments in UTC milliseconds since 1970; NaN is missing. */
export interface TimeColumn {
  name: string;
  kind: "time";
  values: Float64Array;
}

/** Texts; "" is missing. */
export interface TextColumn {
  name: string;
  kind: "text";
  values: string[];
  /** The first cell that kept this column from being numbers, and its row in the file. */
  odd?: { row: number; cell: string };
}

export type Column = NumberColumn | TimeColumn | TextColumn;

export interface Table {
  /** What messages call it: the file's name, or "table". */
  source: string;
  rows: number;
  columns: Column[];
  /** Row of each table row as a spreadsheet counts it (1-based, header included). Absent: index + 1. */
  rowNumbers?: Uint32Array;
  /** What the reader decided or left out, for the report. */
  notes: string[];
}

/** `ETTh1.csv, row 17`: where table row `i` (from 0) stands in its file. */
export function place(table: Table, i: number): string {
  return `${table.source}, row ${table.rowNumbers?.[i] ?? i + 1}`;
}

/**
 * The column called `name`; capitals count.
 * @throws missing: no such column; the message has similar names and all there are
 */
export function column(table: Table, name: string): Column {
  const found = table.columns.find((c) => c.name === name);
  if (found) return found;
  const names = table.columns.map((c) => c.name);
  const near = nearNames(name, names);
  const hint = near.length > 0 ? ` Did you mean ${near.map((n) => `"${n}"`).join(" or ")}?` : "";
  const list = names.length > 30 ? `${names.slice(0, 30).join(", ")}, … (${names.length} in all)` : names.join(", ");
  throw new SluiceError("missing", `${table.source}: column "${name}" is not there, expected one of: ${list}.${hint}`, {
    source: table.source,
    column: name,
    near,
    columns: names,
  });
}

/**
 * The values of a column that must be numbers.
 * @throws missing: no such column
 * @throws type: a cell is not a number; the message names its row and the cell
 */
export function numberColumn(table: Table, name: string): Float64Array {
  const found = column(table, name);
  if (found.kind === "number") return found.values;
  if (found.kind === "text") throw notNumber(table.source, found.odd?.row, name, found.odd?.cell ?? found.values[0] ?? "");
  throw new SluiceError("type", `${table.source}: column "${name}" holds times, expected numbers`, {
    source: table.source,
    column: name,
  });
}

/** The error for a cell that should have been a number. */
export function notNumber(source: string, row: number | undefined, name: string, cell: string): SluiceError {
  const shown = cell.length > 40 ? `${cell.slice(0, 40)}…` : cell;
  const grouped = /^[+-]?\d{1,3}([.,' ]\d{3})+([.,]\d+)?$/.test(cell);
  return new SluiceError(
    "type",
    `${source}: ${row === undefined ? "" : `row ${row}, `}column "${name}" is "${shown}", expected a number or an empty cell` +
      ` (also missing: NA, NaN, null, -, ?); ${grouped ? "export numbers without thousands separators" : "correct that cell"}, or leave the column out`,
    { source, row, column: name, cell },
  );
}
