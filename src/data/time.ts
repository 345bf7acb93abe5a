/**
 * @file Time-stamps as people write them, to UTC milliseconds and back. One form is decided for a whole column, never cell by
 * cell. PURE.
 */
import { SluiceError } from "../base/errors.ts";

export interface ParseTimesOptions {
  /**
   * How the times are written, of YYYY YY MMM MM M DD D HH H hh h mm ss SSS A Z and any other characters as themselves:
   * "DD/MM/YYYY HH:mm". Default: recognised.
   */
  format?: string;
  /** What messages call cell `i`; default "row i + 1". */
  place?: (i: number) => string;
}

/** One way of writing a time: where the fields stand. */
interface Form {
  name: string;
  pattern: RegExp;
}

const clock = String.raw`(?<h>\d{1,2})(?::?(?<i>\d{2})(?::?(?<s>\d{2})(?:[.,](?<f>\d{1,9}))?)?)?\s*(?<ap>[AaPp]\.?[Mm]\.?)?\s*(?<z>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?`;
const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const month = String.raw`(?<mon>${months.join("|")})[a-z]*\.?`;
const year = String.raw`(?<y>\d{4}|\d{2})`;
const form = (name: string, pattern: string): Form => ({ name, pattern: new RegExp(`^${pattern}$`, "i") });

const dayFirst = form("DD/MM/YYYY", String.raw`(?<d>\d{1,2})[/-](?<m>\d{1,2})[/-]${year}(?:,?[T ]+${clock})?`);
const monthFirst = form("MM/DD/YYYY", String.raw`(?<m>\d{1,2})[/-](?<d>\d{1,2})[/-]${year}(?:,?[T ]+${clock})?`);
const forms: readonly Form[] = [
  form("YYYY-MM-DD", String.raw`(?<y>\d{4})[-/.](?<m>\d{1,2})(?:[-/.](?<d>\d{1,2})(?:[T ]+${clock})?)?`),
  form("YYYY-Qn", String.raw`(?<y>\d{4})[- ]?Q(?<q>[1-4])`),
  form("YYYY-Wnn", String.raw`(?<y>\d{4})-?W(?<w>\d{2})(?:-?(?<wd>[1-7]))?`),
  form("YYYYMMDD", String.raw`(?<y>\d{4})(?<m>\d{2})(?<d>\d{2})(?:[T ]?${clock})?`),
  form("DD.MM.YYYY", String.raw`(?<d>\d{1,2})\.(?<m>\d{1,2})\.${year}(?:,?[T ]+${clock})?`),
  dayFirst,
  form("DD MMM YYYY", String.raw`(?<d>\d{1,2})[- /]?${month}[- /,]*${year}(?:,?[T ]+${clock})?`),
  form("MMM D, YYYY", String.raw`${month}[- ]+(?:(?<d>\d{1,2}),?[- ]+)?(?<y>\d{4})(?:,?[T ]+${clock})?`),
];

/** Units of a number since 1970 and what one is in milliseconds. */
const epochs: readonly { name: string; from: number; ms: number }[] = [
  { name: "nanoseconds since 1970", from: 1e17, ms: 1e-6 },
  { name: "microseconds since 1970", from: 1e14, ms: 1e-3 },
  { name: "milliseconds since 1970", from: 1e11, ms: 1 },
  { name: "seconds since 1970", from: 1e8, ms: 1000 },
];

/**
 * UTC milliseconds of every cell, and the form they were found to be in.
 * Texts: ISO 8601 with or without T, seconds, fraction, Z or offset; `YYYY/MM/DD`, `YYYY-MM`, `YYYYMMDD`, `YYYY-Qn`, ISO weeks,
 * `DD.MM.YYYY`, `DD/MM/YYYY` or `MM/DD/YYYY` (whichever fits the whole column), month names in English, AM and PM. Two-digit
 * years: 69–99 are 19xx. Numbers: years, YYYYMM, YYYYMMDD, and seconds, milli-, micro- or nanoseconds since 1970, told apart by
 * their size. Without a zone a time is taken as UTC; with one it is converted to UTC.
 * @throws format: a cell is no time, or not of the column's form; day and month cannot be told apart
 * @throws data: a cell is missing
 */
export function parseTimes(
  cells: readonly string[] | Float64Array,
  options: ParseTimesOptions = {},
): { times: Float64Array; form: string } {
  const where = options.place ?? ((i: number) => `row ${i + 1}`);
  if (cells instanceof Float64Array) return parseNumbers(cells, where);
  for (let i = 0; i < cells.length; i++) if (cells[i] === "") throw missingTime(where(i));
  if (options.format === undefined && cells.length > 0 && cells.every((c) => /^\d{4,19}$/.test(c) && !/^\d{14}$/.test(c))) {
    return parseNumbers(Float64Array.from(cells, Number), where);
  }
  const found = options.format === undefined ? findForm(cells, where) : formOf(options.format);
  const times = new Float64Array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    const ms = found.name === "YYYY-MM-DD" ? quickIso(cells[i]!) : Number.NaN;
    times[i] = Number.isNaN(ms) ? parseOne(cells[i]!, found) : ms;
    if (Number.isNaN(times[i]))
      throw badTime(where(i), cells[i]!, `a time written as ${found.name}`, options.format === undefined);
  }
  return { times, form: found.name };
}

/** True when every one of a few cells spread over the column is a time in text form. Used to find a time column nobody named. */
export function looksLikeTimes(cells: readonly string[]): boolean {
  if (cells.length === 0) return false;
  const probes = Array.from(
    { length: Math.min(20, cells.length) },
    (_, k, n = Math.min(20, cells.length)) => cells[Math.floor((k * cells.length) / n)]!,
  );
  return [...forms, monthFirst].some((f) => probes.every((cell) => !Number.isNaN(parseOne(cell, f))));
}

/** The first cell that is no time in a column where nearly all are, as its index; -1 when all are, or too few. */
export function oddAmongTimes(cells: readonly string[]): number {
  const count = Math.min(20, cells.length);
  const probes = Array.from({ length: count }, (_, k) => cells[Math.floor((k * cells.length) / count)]!);
  const reads = (f: Form) => probes.filter((cell) => !Number.isNaN(parseOne(cell, f))).length;
  const form = [...forms, monthFirst].find((f) => reads(f) >= 0.8 * count);
  return form === undefined ? -1 : cells.findIndex((cell) => Number.isNaN(parseOne(cell, form)));
}

function findForm(cells: readonly string[], where: (i: number) => string): Form {
  const first = cells[0] ?? "";
  const found =
    forms.find((f) => !Number.isNaN(parseOne(first, f))) ?? (Number.isNaN(parseOne(first, monthFirst)) ? undefined : dayFirst);
  if (found === undefined) throw badTime(where(0), first, 'a time such as "2016-07-01 13:00"', true);
  if (found !== dayFirst) return found;
  // Day or month first: a number above 12 anywhere in the column decides.
  let firstAbove = -1;
  let secondAbove = -1;
  for (let i = 0; i < cells.length && (firstAbove < 0 || secondAbove < 0); i++) {
    const parts = /^(\d{1,2})[/-](\d{1,2})/.exec(cells[i]!);
    if (parts === null) continue; // the parse below names it
    if (firstAbove < 0 && Number(parts[1]) > 12) firstAbove = i;
    if (secondAbove < 0 && Number(parts[2]) > 12) secondAbove = i;
  }
  if (firstAbove >= 0 && secondAbove >= 0) {
    const [a, b] = [Math.min(firstAbove, secondAbove), Math.max(firstAbove, secondAbove)];
    throw badTime(where(b), cells[b]!, `day and month in the order of "${cells[a]}" (${where(a)})`, true);
  }
  if (firstAbove >= 0) return dayFirst;
  if (secondAbove >= 0) return monthFirst;
  throw new SluiceError(
    "format",
    `${where(0)}: time "${first}" may be DD/MM/YYYY or MM/DD/YYYY, expected a number above 12 somewhere in the column to tell;` +
      ' say which with a time format such as "DD/MM/YYYY HH:mm"',
    { cell: first },
  );
}

/** Milliseconds of one cell in one form, NaN when it is not of that form or not a real moment. */
function parseOne(cell: string, { pattern }: Form): number {
  const g = pattern.exec(cell.trim())?.groups;
  if (g === undefined) return Number.NaN;
  let y = Number(g["y"]);
  if (g["y"]!.length === 2) y += y < 69 ? 2000 : 1900;
  if (g["w"] !== undefined) return isoWeek(y, Number(g["w"]), Number(g["wd"] ?? 1));
  const m =
    g["q"] !== undefined
      ? Number(g["q"]) * 3 - 2
      : g["mon"] !== undefined
        ? months.indexOf(g["mon"].toLowerCase()) + 1
        : Number(g["m"] ?? 1);
  const d = Number(g["d"] ?? 1);
  let h = Number(g["h"] ?? 0);
  const ap = g["ap"]?.[0]?.toLowerCase();
  if (ap !== undefined) {
    if (h < 1 || h > 12) return Number.NaN;
    h = (h % 12) + (ap === "p" ? 12 : 0);
  }
  const i = Number(g["i"] ?? 0);
  const s = Number(g["s"] ?? 0);
  // 24:00 is the next midnight, and second 60 a leap second.
  if (m < 1 || m > 12 || d < 1 || d > daysInMonth(y, m) || h > 24 || (h === 24 && i + s > 0) || i > 59 || s > 60)
    return Number.NaN;
  const fraction = g["f"] === undefined ? 0 : Number(`0.${g["f"]}`) * 1000;
  const zone = zoneMs(g["z"]);
  return Date.UTC(y, m - 1, d, h, i, s) + fraction - zone;
}

/** `YYYY-MM-DD[ T]HH:mm[:ss]` digit by digit, four times as fast as the pattern; NaN hands over to the pattern. */
function quickIso(cell: string): number {
  const n = cell.length;
  if ((n !== 19 && n !== 16 && n !== 10) || cell.charCodeAt(4) !== 45 || cell.charCodeAt(7) !== 45) return Number.NaN;
  const two = (at: number): number => {
    const a = cell.charCodeAt(at) - 48;
    const b = cell.charCodeAt(at + 1) - 48;
    return a >= 0 && a <= 9 && b >= 0 && b <= 9 ? a * 10 + b : Number.NaN;
  };
  const y = two(0) * 100 + two(2);
  const m = two(5);
  const d = two(8);
  if (!(m >= 1 && m <= 12 && d >= 1 && d <= daysInMonth(y, m))) return Number.NaN;
  if (n === 10) return Date.UTC(y, m - 1, d);
  const gap = cell.charCodeAt(10);
  if ((gap !== 32 && gap !== 84) || cell.charCodeAt(13) !== 58 || (n === 19 && cell.charCodeAt(16) !== 58)) return Number.NaN;
  const h = two(11);
  const i = two(14);
  const s = n === 19 ? two(17) : 0;
  return h < 24 && i < 60 && s < 60 ? Date.UTC(y, m - 1, d, h, i, s) : Number.NaN;
}

function zoneMs(zone: string | undefined): number {
  const parts = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? "");
  if (parts === null) return 0;
  return (parts[1] === "-" ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3] ?? 0)) * 60_000;
}

/** Monday (or day `day`, 1–7) of an ISO 8601 week: week 1 is the one with 4 January. */
function isoWeek(y: number, week: number, day: number): number {
  if (week < 1 || week > 53) return Number.NaN;
  const fourth = Date.UTC(y, 0, 4);
  const weekday = (new Date(fourth).getUTCDay() + 6) % 7;
  return fourth + ((week - 1) * 7 - weekday + day - 1) * 86_400_000;
}

/** Days of month `m` (1–12) of year `y`. */
export function daysInMonth(y: number, m: number): number {
  if (m === 2) return (y % 4 === 0 && y % 100 !== 0) || y % 400 === 0 ? 29 : 28;
  return m === 4 || m === 6 || m === 9 || m === 11 ? 30 : 31;
}

function parseNumbers(cells: Float64Array, where: (i: number) => string): { times: Float64Array; form: string } {
  let least = Infinity;
  let most = -Infinity;
  let whole = true;
  for (let i = 0; i < cells.length; i++) {
    const v = cells[i]!;
    if (Number.isNaN(v)) throw missingTime(where(i));
    least = Math.min(least, v);
    most = Math.max(most, v);
    whole &&= Number.isInteger(v);
  }
  const calendar = (form: string, ms: (v: number) => number) => {
    const times = cells.map(ms);
    const bad = times.findIndex((t) => Number.isNaN(t));
    if (bad >= 0) throw badTime(where(bad), String(cells[bad]), `a date written as ${form}`, true);
    return { times, form };
  };
  const date = (y: number, m: number, d: number) =>
    m < 1 || m > 12 || d < 1 || d > daysInMonth(y, m) ? Number.NaN : Date.UTC(y, m - 1, d);
  if (whole && least >= 1000 && most <= 2999) return calendar("YYYY", (v) => date(v, 1, 1));
  if (whole && least >= 100001 && most <= 299912) return calendar("YYYYMM", (v) => date(Math.floor(v / 100), v % 100, 1));
  if (whole && least >= 10000101 && most <= 29991231) {
    return calendar("YYYYMMDD", (v) => date(Math.floor(v / 10000), Math.floor(v / 100) % 100, v % 100));
  }
  const unit = epochs.find((e) => most >= e.from);
  if (unit === undefined) {
    const way =
      most > 20000 && most < 80000
        ? "; Excel day numbers must be exported as dates"
        : "; without a time column rows are counted instead";
    throw new SluiceError(
      "format",
      `${where(0)}: time is ${cells[0]}, expected a year, YYYYMM, YYYYMMDD, or seconds, milliseconds or microseconds since 1970${way}`,
      { cell: cells[0] },
    );
  }
  return { times: cells.map((v) => v * unit.ms), form: unit.name };
}

/** The pattern of a format given by the user. */
function formOf(format: string): Form {
  const tokens: Record<string, string> = {
    YYYY: String.raw`(?<y>\d{4})`,
    YY: String.raw`(?<y>\d{2})`,
    MMM: month,
    MM: String.raw`(?<m>\d{1,2})`,
    M: String.raw`(?<m>\d{1,2})`,
    DD: String.raw`(?<d>\d{1,2})`,
    D: String.raw`(?<d>\d{1,2})`,
    HH: String.raw`(?<h>\d{1,2})`,
    H: String.raw`(?<h>\d{1,2})`,
    hh: String.raw`(?<h>\d{1,2})`,
    h: String.raw`(?<h>\d{1,2})`,
    mm: String.raw`(?<i>\d{1,2})`,
    ss: String.raw`(?<s>\d{1,2})`,
    SSS: String.raw`(?<f>\d{1,9})`,
    A: String.raw`(?<ap>[AaPp]\.?[Mm]\.?)`,
    Z: String.raw`(?<z>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)`,
  };
  const source = format.replace(
    /YYYY|YY|MMM|MM|M|DD|D|HH|H|hh|h|mm|ss|SSS|A|Z|[^A-Za-z0-9]|./g,
    (t) => tokens[t] ?? t.replace(/[^A-Za-z0-9]/, "\\$&"),
  );
  const fields = [...source.matchAll(/\?<(\w+)>/g)].map((m) => m[1]);
  if (!fields.includes("y") || new Set(fields).size !== fields.length) {
    throw new SluiceError(
      "usage",
      `time format: it is "${format}", expected YYYY or YY and each part once, such as "DD/MM/YYYY HH:mm"`,
      { format },
    );
  }
  return form(format, source);
}

const missingTime = (place: string): SluiceError =>
  new SluiceError("data", `${place}: the time is missing, expected one in every row; remove the row or fill it in`, { place });

const badTime = (place: string, cell: string, due: string, suggest: boolean): SluiceError =>
  new SluiceError(
    "format",
    `${place}: time is "${cell}", expected ${due}${suggest ? '; other forms can be given as a time format such as "DD/MM/YYYY HH:mm"' : ""}`,
    { place, cell },
  );

/**
 * The shortest exact ISO 8601 text of a moment, UTC without a zone mark: `2016-07-01`, `2016-07-01 13:00:00`, `2016-07-01
 * 13:00:00.250`. `parseTimes` reads it back to the same millisecond.
 * @param clock "always" keeps the clock at midnight, so that a column looks alike
 */
export function formatTime(ms: number, clock: "auto" | "always" = "auto"): string {
  const iso = new Date(ms).toISOString();
  if (clock === "auto" && ms % 86_400_000 === 0) return iso.slice(0, 10);
  return `${iso.slice(0, 10)} ${iso.slice(11, ms % 1000 === 0 ? 19 : 23)}`;
}
