/** @file A Table as CSV text (RFC 4180), in chunks so that a big one never stands in memory whole. PURE. */
import type { Column, Table } from "./table.ts";
import { formatTime } from "./time.ts";

/** A cell as CSV writes it: quoted when it holds the delimiter, a quote, a line break, or space at an end. */
export function quoteCell(cell: string, delimiter = ","): string {
  return cell.includes(delimiter) || /["\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** Yields the text of `table`: header, then rows; `\n` line ends, missing cells empty, times as ISO 8601 UTC without a zone. */
export function* toCsv(table: Table, options: { delimiter?: string } = {}): Generator<string> {
  const delimiter = options.delimiter ?? ",";
  // A column of moments looks alike from top to bottom: with a clock everywhere or nowhere.
  const clocks = table.columns.map((c) => (c.kind === "time" && c.values.some((v) => v % 86_400_000 !== 0) ? "always" : "auto"));
  const cell = (column: Column, clock: "auto" | "always", i: number): string => {
    if (column.kind === "text") return quoteCell(column.values[i]!, delimiter);
    const value = column.values[i]!;
    if (Number.isNaN(value)) return "";
    return column.kind === "time" ? formatTime(value, clock) : String(value);
  };
  // A blank line would read as no row at all: a lone empty cell is written as NA.
  const line = (cells: string[]) => `${cells.length === 1 && cells[0] === "" ? "NA" : cells.join(delimiter)}\n`;
  let text = line(table.columns.map((c) => quoteCell(c.name, delimiter)));
  for (let i = 0; i < table.rows; i++) {
    text += line(table.columns.map((c, k) => cell(c, clocks[k]!, i)));
    if (text.length > 65536) {
      yield text;
      text = "";
    }
  }
  if (text !== "") yield text;
}
