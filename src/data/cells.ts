/** @file Reading one cell, and collecting a column of them: numbers go straight into a growing Float64Array. PURE. */
import type { Column } from "./table.ts";
import { notNumber } from "./table.ts";

const missingMarks = new Set([
  "",
  "NA",
  "N/A",
  "n/a",
  "na",
  "#N/A",
  "NaN",
  "nan",
  "NAN",
  "null",
  "NULL",
  "Null",
  "None",
  "-",
  "?",
]);
const infinities = new Map([
  ["inf", Infinity],
  ["infinity", Infinity],
]);

/** True for "", NA, N/A, NaN, null, None, -, ? (already trimmed). */
export const isMissing = (cell: string): boolean => missingMarks.has(cell);

/**
 * The number in a cell: NaN when it is missing, `undefined` when it is not a number.
 * Decimal (`-1.5e3`) and infinite values only: no hexadecimal, no thousands separators.
 * @param comma whether `1,5` means 1.5
 */
export function parseNumber(cell: string, comma = false): number | undefined {
  const first = cell.charCodeAt(0);
  // The common case first: a digit, or a sign and a digit. Number() alone would take "", " " and "0x1f".
  if ((first >= 48 && first <= 57) || first === 45 || first === 46 || first === 43) {
    const n = Number(cell);
    if (!Number.isNaN(n) && !/^[+-]?0[xXbBoO]/.test(cell)) return n;
  }
  const text = cell.trim();
  if (missingMarks.has(text)) return Number.NaN;
  if (text !== cell) return parseNumber(text, comma);
  if (comma && /^[+-]?\d*,\d+([eE][+-]?\d+)?$/.test(text)) return Number(text.replace(",", "."));
  const sign = text.startsWith("-") ? -1 : 1;
  const infinite = infinities.get(text.replace(/^[+-]/, "").toLowerCase());
  return infinite === undefined ? undefined : sign * infinite;
}

/** A Float64Array that grows by doubling. */
export class GrowingNumbers {
  #values = new Float64Array(256);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const wider = new Float64Array(this.length * 2);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.length++] = value;
  }

  /** The values so far, in an array of exactly their length. */
  finish(): Float64Array {
    return this.#values.slice(0, this.length);
  }
}

/** Texts that occur again and again are kept once, up to this many different ones. */
const internLimit = 4096;

/**
 * Collects one column, deciding its kind as it goes: numbers until a cell is none, then texts. Numbers seen before that cell come
 * back as `String(n)`, so a column of codes such as "007" must be declared as text to keep its zeros.
 */
export class ColumnBuilder {
  #numbers: GrowingNumbers | null;
  #texts: string[] = [];
  #interned = new Map<string, string>();
  #odd: { row: number; cell: string } | undefined;

  constructor(
    readonly source: string,
    readonly name: string,
    readonly declared: "number" | "text" | undefined,
    readonly comma: boolean,
  ) {
    this.#numbers = declared === "text" ? null : new GrowingNumbers();
  }

  /**
   * @param row the cell's row in the file, for messages
   * @throws type: the column was declared as numbers and the cell is none
   */
  push(cell: string, row: number): void {
    if (this.#numbers !== null) {
      const n = parseNumber(cell, this.comma);
      if (n !== undefined) {
        this.#numbers.push(n);
        return;
      }
      if (this.declared === "number") throw notNumber(this.source, row, this.name, cell.trim());
      this.#odd = { row, cell: cell.trim() };
      this.#texts = Array.from(this.#numbers.finish(), (v) => (Number.isNaN(v) ? "" : String(v)));
      this.#numbers = null;
    }
    const text = cell.trim();
    this.#texts.push(this.declared !== "text" && isMissing(text) ? "" : this.#intern(text));
  }

  finish(): Column {
    if (this.#numbers !== null) return { name: this.name, kind: "number", values: this.#numbers.finish() };
    return { name: this.name, kind: "text", values: this.#texts, odd: this.#odd };
  }

  #intern(text: string): string {
    const known = this.#interned.get(text);
    if (known !== undefined) return known;
    if (this.#interned.size < internLimit) this.#interned.set(text, text);
    return text;
  }
}
