/**
 * @file Delimited text into a Table. Where there are quotes, cells are split by csv-parse; this decides delimiter, header, kinds
 * of columns and messages.
 * Needs no file system. A browser's bundle takes csv-parse's own build for browsers (package.json, "browser"), as csv-parse wants a Buffer.
 */
import { CsvError, parse } from "csv-parse/sync";
import { SluiceError } from "../base/errors.ts";
import { ColumnBuilder, GrowingNumbers, parseNumber } from "./cells.ts";
import type { Table } from "./table.ts";

export interface CsvOptions {
  /** What messages call the text; default "table". */
  source?: string;
  /** Default: found from the first lines among tab, `;`, `,` and `|`. */
  delimiter?: string;
  /** Whether row 1 holds names. Default: yes, unless every cell of it is a number. Without names, columns are "1", "2", … */
  header?: boolean;
  /** Default: "," is read as a decimal comma when the delimiter is ";". Points are always read. */
  decimal?: "." | ",";
  /** Columns that must be numbers: another cell is an error that names it. */
  numeric?: readonly string[];
  /** Columns kept as they are written ("007"), such as ids. */
  text?: readonly string[];
  /** A label of the Encoding Standard, such as "windows-1252"; default "utf-8". */
  encoding?: string;
}

/**
 * Reads delimited text: quoted fields, `\n`, `\r\n` or `\r`, a byte order mark. A column is numbers if every cell is a number or
 * missing ("", NA, N/A, NaN, null, None, -, ?), text otherwise. Blank lines are skipped, except inside a table of one column,
 * where they are missing cells.
 * @throws format: not text, empty, header only, a ragged row, broken quotes, two columns of one name
 * @throws type: a cell of a `numeric` column is not a number
 */
export function parseCsv(input: string | Uint8Array, options: CsvOptions = {}): Table {
  const source = options.source ?? "table";
  let text: string;
  if (typeof input === "string") text = input.replace(/^\uFEFF/, "");
  else {
    refuseBinary(input, source, options.encoding);
    const decoder = new TextDecoder(options.encoding ?? "utf-8", { fatal: true });
    text = decodeText(decoder, input, source, false);
  }
  const sink = new CsvSink(source, text, options);
  const rest = sink.takePlain(text);
  sink.takeLast(rest, (quoted) => parse(quoted, sink.parserOptions()));
  return sink.finish();
}

/** Takes rows as csv-parse finds them and builds the columns. Shared by `parseCsv` and the streaming `readCsv`. */
export class CsvSink {
  readonly #delimiter: string;
  readonly #comma: boolean;
  #columns: ColumnBuilder[] | null = null;
  #row = 0; // rows of the file so far, as a spreadsheet counts
  #numbers = new GrowingNumbers(); // file row of each table row
  #blank: number[] = []; // blank lines not yet known to be inside the table
  #plain: boolean; // no quote so far: lines can simply be cut

  /** @param beginning the first lines, to find the delimiter in */
  constructor(
    readonly source: string,
    beginning: string,
    readonly options: CsvOptions,
  ) {
    if (beginning.trim() === "") {
      throw new SluiceError("format", `${source}: the file is empty, expected a header line and rows of cells`, { source });
    }
    this.#delimiter = options.delimiter ?? detectDelimiter(beginning);
    this.#comma = options.decimal === undefined ? this.#delimiter === ";" : options.decimal === ",";
    this.#plain = this.#delimiter.length === 1 && beginning.includes("\n"); // otherwise csv-parse finds the line ends
  }

  /** False from the first quote on: from there, all text must go through csv-parse. */
  get plain(): boolean {
    return this.#plain;
  }

  /**
   * Takes the whole lines of `text` as long as no quote has been seen, which is several times as fast as
   * expecting one anywhere.
   * @returns what is left over: the last, unfinished line, or from the first text with a quote on everything
   */
  takePlain(text: string): string {
    if (!this.#plain || text.includes('"')) {
      this.#plain = false;
      return text;
    }
    let from = 0;
    for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
      this.#push(text.slice(from, to).split(this.#delimiter)); // a \r at the end goes with the trimming of cells
      from = to + 1;
    }
    return text.slice(from);
  }

  /** Takes the end of the text: as one last line, or, once there were quotes, through `parseQuoted`. */
  takeLast(rest: string, parseQuoted: (text: string) => void): void {
    if (this.#plain) {
      if (rest !== "") this.#push(rest.split(this.#delimiter));
      return;
    }
    const before = this.#row;
    try {
      parseQuoted(rest);
    } catch (error) {
      throw csvError(error, this.source, before);
    }
  }

  /** Rows of the file so far. */
  get fileRows(): number {
    return this.#row;
  }

  parserOptions() {
    return {
      delimiter: this.#delimiter,
      relax_column_count: true, // the count is checked here, where the row is known
      max_record_size: 1 << 20, // an unclosed quote must not swallow the file
      on_record: (cells: string[]): null => this.#push(cells),
    };
  }

  #push(cells: string[]): null {
    const row = ++this.#row;
    if (cells.length === 1 && cells[0]!.trim() === "") {
      this.#blank.push(row);
      return null;
    }
    if (this.#columns === null) {
      this.#blank = [];
      if (this.#readHeader(cells)) return null;
    }
    const columns = this.#columns!;
    if (cells.length !== columns.length) {
      throw new SluiceError(
        "format",
        `${this.source}: row ${row} has ${cells.length} cells, expected ${columns.length}; the first row has ${columns.length}` +
          ` (delimiter "${show(this.#delimiter)}"). A cell that holds the delimiter must stand in double quotes; another delimiter can be given`,
        { source: this.source, row, cells: cells.length, expected: columns.length },
      );
    }
    if (this.#blank.length > 0) {
      if (columns.length === 1) for (const blank of this.#blank) this.#keep([""], blank);
      this.#blank = [];
    }
    this.#keep(cells, row);
    return null;
  }

  #keep(cells: string[], row: number): void {
    const columns = this.#columns!;
    for (let c = 0; c < columns.length; c++) columns[c]!.push(cells[c]!, row);
    this.#numbers.push(row);
  }

  /** Makes the columns; returns false when the first row is data already. */
  #readHeader(cells: string[]): boolean {
    const headed = this.options.header ?? !cells.every((cell) => !Number.isNaN(parseNumber(cell, this.#comma) ?? Number.NaN));
    const names = cells.map((cell, c) => (headed && cell.trim() !== "" ? cell.trim() : String(c + 1)));
    names.forEach((name, c) => {
      const first = names.indexOf(name);
      if (first === c) return;
      throw new SluiceError(
        "format",
        `${this.source}: columns ${first + 1} and ${c + 1} are both called "${name}", expected different names; rename one in row ${this.#row}`,
        { source: this.source, column: name },
      );
    });
    const numeric = new Set(this.options.numeric);
    const text = new Set(this.options.text);
    this.#columns = names.map(
      (name) =>
        new ColumnBuilder(this.source, name, numeric.has(name) ? "number" : text.has(name) ? "text" : undefined, this.#comma),
    );
    return headed;
  }

  /** @throws format: no rows */
  finish(): Table {
    const rows = this.#numbers.length;
    if (this.#columns === null || rows === 0) {
      const what = this.#columns === null ? "the file is empty" : "there is a header but no row below it";
      throw new SluiceError("format", `${this.source}: ${what}, expected a header line and rows of cells`, {
        source: this.source,
      });
    }
    const notes: string[] = [];
    if (this.#numbers.finish()[0] === 1)
      notes.push(`${this.source} has no header: its columns are called 1 to ${this.#columns.length}`);
    if (this.#delimiter !== ",") notes.push(`${this.source} is read with delimiter "${show(this.#delimiter)}"`);
    const columns = this.#columns.map((c) => c.finish());
    return { source: this.source, rows, columns, rowNumbers: Uint32Array.from(this.#numbers.finish()), notes };
  }
}

const show = (delimiter: string): string => (delimiter === "\t" ? "tab" : delimiter);

/**
 * The likeliest delimiter of a text: one that stands equally often in each of its first lines, outside quotes. Where several do,
 * tab and `;` win over `,`, which may be a decimal comma.
 */
export function detectDelimiter(text: string): string {
  const candidates = ["\t", ";", "|", ","];
  const counts: number[][] = [];
  let line = candidates.map(() => 0);
  let quoted = false;
  let filled = false;
  for (let i = 0; i < text.length && counts.length < 20; i++) {
    const ch = text[i]!;
    if (ch === '"') quoted = !quoted;
    else if (!quoted && (ch === "\n" || ch === "\r")) {
      if (filled) counts.push(line);
      line = candidates.map(() => 0);
      filled = false;
      continue;
    } else if (!quoted) {
      const c = candidates.indexOf(ch);
      if (c >= 0) line[c]!++;
    }
    filled = true;
  }
  if (counts.length === 0) counts.push(line);
  const steady = candidates.findIndex((_, c) => counts[0]![c]! > 0 && counts.every((l) => l[c] === counts[0]![c]));
  if (steady >= 0) return candidates[steady]!;
  // Ragged or broken: the most frequent of the first line, so that the error speaks of the right thing.
  const most = Math.max(...counts[0]!);
  return most === 0 ? "," : candidates[counts[0]!.indexOf(most)]!;
}

/** @throws format: the first bytes are those of something that is not delimited text */
export function refuseBinary(bytes: Uint8Array, source: string, encoding?: string): void {
  const starts = (...magic: number[]) => magic.every((b, i) => bytes[i] === b);
  const refuse = (what: string, way: string): never => {
    throw new SluiceError("format", `${source}: the file is ${what}, expected delimited text (CSV); ${way}`, { source });
  };
  if (starts(0x50, 0x4b, 3, 4)) refuse("a zip archive or an .xlsx workbook", "unpack it, or save the sheet as CSV UTF-8");
  if (starts(0x1f, 0x8b)) refuse("gzip-compressed", "unpack it with gunzip");
  if (starts(0x50, 0x41, 0x52, 0x31)) refuse("a Parquet file", 'read it with readTable or name it ".parquet"');
  if (encoding !== undefined) return;
  if (starts(0xff, 0xfe) || starts(0xfe, 0xff)) refuse("UTF-16 text", 'save it as UTF-8, or pass encoding "utf-16le"');
  if (bytes.subarray(0, 4096).includes(0)) refuse("binary (it has zero bytes)", "export it as CSV");
}

/** @throws format: the bytes are not text of the decoder's encoding */
export function decodeText(decoder: TextDecoder, bytes: Uint8Array, source: string, more: boolean): string {
  try {
    return decoder.decode(bytes, { stream: more });
  } catch (cause) {
    throw new SluiceError(
      "format",
      `${source}: the file is not ${decoder.encoding.toUpperCase()} text, expected ${decoder.encoding.toUpperCase()};` +
        ' save it as UTF-8, or pass its encoding (for Western European exports "windows-1252")',
      { source },
      { cause },
    );
  }
}

/** csv-parse's errors in our words; ours pass as they are. @param before lines taken before csv-parse began to count */
export function csvError(error: unknown, source: string, before: number): unknown {
  if (!(error instanceof CsvError)) return error;
  const line = typeof error["lines"] === "number" ? before + error["lines"] : undefined;
  const what =
    error.code === "CSV_QUOTE_NOT_CLOSED" || error.code === "CSV_MAX_RECORD_SIZE"
      ? "a double quote is opened and never closed"
      : "a double quote stands inside a cell";
  return new SluiceError(
    "format",
    `${source}: ${line === undefined ? "" : `line ${line}: `}${what}, expected quotes around whole cells, and doubled ("") inside them`,
    { source, line },
    { cause: error },
  );
}
