/** @file Which columns of a table say when: one, several put together (year, month, day, hour), or none. PURE. */
import { SluiceError } from "../base/errors.ts";
import type { Column, Table } from "./table.ts";
import { column, place } from "./table.ts";
import { daysInMonth, looksLikeTimes, oddAmongTimes, parseTimes } from "./time.ts";

const units = ["year", "month", "day", "hour", "minute", "second"] as const;
const aliases: Record<string, (typeof units)[number]> = {
  ...{ yr: "year", yyyy: "year", y: "year", jahr: "year", mon: "month", mo: "month", mm: "month", mnth: "month" },
  ...{
    dy: "day",
    dd: "day",
    d: "day",
    mday: "day",
    hr: "hour",
    hh: "hour",
    h: "hour",
    min: "minute",
    mi: "minute",
    sec: "second",
    s: "second",
  },
};

/**
 * UTC milliseconds of every row, from one column of times or from several: parts as numbers (year, month, day, hour, minute,
 * second: by their names, otherwise in that order) or texts that make a time when joined by a blank (a date and a clock).
 * @throws missing: no such column
 * @throws format: a cell is no time, or a part is out of its range
 */
export function timesOf(table: Table, names: readonly string[], format?: string): { times: Float64Array; form: string } {
  const columns = names.map((name) => column(table, name));
  const at = (i: number) => place(table, i);
  if (columns.length === 1) {
    const one = columns[0]!;
    if (one.kind === "time") {
      const missing = one.values.findIndex((v) => Number.isNaN(v));
      if (missing >= 0)
        throw new SluiceError("data", `${at(missing)}: the time is missing, expected one in every row`, { column: one.name });
      return { times: one.values, form: "time-stamps" };
    }
    if (format !== undefined && one.kind === "number") return parseTimes(Array.from(one.values, String), { format, place: at });
    return parseTimes(one.values, { format, place: at });
  }
  if (columns.every((c) => c.kind === "number")) return composeParts(table, columns);
  const joined = Array.from({ length: table.rows }, (_, i) => columns.map((c) => textAt(c, i)).join(" "));
  return parseTimes(joined, { format, place: at });
}

function textAt(c: Column, i: number): string {
  if (c.kind === "text") return c.values[i]!;
  return c.kind === "time" ? new Date(c.values[i]!).toISOString().slice(0, 10) : String(c.values[i]);
}

function composeParts(table: Table, columns: readonly Column[]): { times: Float64Array; form: string } {
  const named = columns.map((c) => units.find((u) => u === c.name.toLowerCase()) ?? aliases[c.name.toLowerCase()]);
  const order =
    named.every((u) => u !== undefined) && new Set(named).size === named.length ? named : units.slice(0, columns.length);
  if (columns.length > units.length || !order.includes("year")) {
    throw new SluiceError(
      "usage",
      `${table.source}: time is made of ${columns.map((c) => c.name).join(", ")}, expected a year and after it any of month, day, hour, minute, second`,
      { columns: columns.map((c) => c.name) },
    );
  }
  const part = (unit: (typeof units)[number]) => columns[order.indexOf(unit)];
  const parts = units.map((unit) => ({ unit, column: part(unit) }));
  const limits = { year: [1000, 2999], month: [1, 12], day: [1, 31], hour: [0, 24], minute: [0, 59], second: [0, 59] } as const;
  const times = new Float64Array(table.rows);
  for (let i = 0; i < table.rows; i++) {
    const v = parts.map(({ unit, column: c }) => (c === undefined ? limits[unit][0] : (c.values[i] as number)));
    parts.forEach(({ unit, column: c }, k) => {
      const [least, most] = [limits[unit][0], unit === "day" ? daysInMonth(v[0]!, v[1]!) : limits[unit][1]];
      if (c === undefined || (Number.isInteger(v[k]) && v[k]! >= least && v[k]! <= most)) return;
      throw new SluiceError(
        "format",
        `${place(table, i)}: ${unit} (column "${c.name}") is ${v[k]}, expected a whole number from ${least} to ${most}`,
        {
          column: c.name,
        },
      );
    });
    times[i] = Date.UTC(v[0]!, v[1]! - 1, v[2]!, v[3]!, v[4]!, v[5]!);
  }
  return { times, form: order.join(", ") };
}

/**
 * The name of the one column that must be the time when nobody said: the first of kind time, or the first of texts that all read
 * as times.
 */
export function findTimeColumn(table: Table): string | undefined {
  const typed = table.columns.find((c) => c.kind === "time");
  return (typed ?? table.columns.find((c) => c.kind === "text" && looksLikeTimes(c.values)))?.name;
}

/** Why a column that comes near was not taken as the time by `findTimeColumn`, for a note; undefined when none comes near. */
export function whyNoTime(table: Table): string | undefined {
  for (const c of table.columns) {
    if (c.kind === "text") {
      const odd = oddAmongTimes(c.values);
      if (odd < 0) continue;
      const cell = c.values[odd]!;
      return `column "${c.name}" is not taken as the time, because ${place(table, odd)} is ${cell === "" ? "empty" : `"${cell}"`}: correct that cell, or name the column`;
    }
    if (c.kind === "number" && since1970(c.values))
      return `column "${c.name}" may be a time counted since 1970: name it as the time if it is`;
  }
  return undefined;
}

/** Whole numbers that never fall, all from 1990 to 2100 in seconds or in milliseconds. */
function since1970(values: Float64Array): boolean {
  const [from, to] = [631_152_000, 4_102_444_800];
  const unit = values[0]! > to ? 1000 : 1;
  return (
    values.length > 1 &&
    values[0]! < values.at(-1)! &&
    values.every((v, i) => Number.isInteger(v) && v >= from * unit && v <= to * unit && (i === 0 || v >= values[i - 1]!))
  );
}
