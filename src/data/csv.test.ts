/** @file Truth: hand-made files, RFC 4180, and a law: what is written reads back the same. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { SluiceError } from "../base/errors.ts";
import { parseNumber } from "./cells.ts";
import type { CsvOptions } from "./csv.ts";
import { detectDelimiter, parseCsv } from "./csv.ts";
import { readCsv, readTable } from "./read.ts";
import type { Table } from "./table.ts";
import { column, numberColumn } from "./table.ts";
import { toCsv } from "./write.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-csv-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The error a text is refused with. */
function refusal(text: string | Uint8Array, options: CsvOptions = {}): SluiceError {
  try {
    parseCsv(text, { source: "a.csv", ...options });
  } catch (error) {
    if (error instanceof SluiceError) return error;
    throw error;
  }
  throw new Error("was read");
}

const values = (table: Table, name: string) => Array.from(column(table, name).values as Iterable<string | number>);

test("kinds, missing marks, quotes, \\r\\n and a byte order mark", () => {
  const table = parseCsv('\uFEFFdate,"a ""b""",c\r\n2020-01-01,1.5,x\r\n"2020-01-02",NA,"y,\r\nz"\r\n2020-01-03,-1e3,\r\n');
  expect(table.rows).toBe(3);
  expect(table.columns.map((c) => [c.name, c.kind])).toEqual([
    ["date", "text"],
    ['a "b"', "number"],
    ["c", "text"],
  ]);
  expect(values(table, 'a "b"')).toEqual([1.5, Number.NaN, -1000]);
  expect(values(table, "c")).toEqual(["x", "y,\r\nz", ""]);
});

test("a number cell is a decimal number and nothing else", () => {
  const good: [string, number][] = [
    ["1", 1],
    ["-.5", -0.5],
    ["+2e-3", 0.002],
    [" 7 ", 7],
    ["Inf", Infinity],
    ["-infinity", -Infinity],
  ];
  for (const [cell, due] of good) expect(parseNumber(cell)).toBe(due);
  for (const cell of ["", "  ", "NA", "NaN", "null", "-", "?"]) expect(parseNumber(cell)).toBeNaN();
  for (const cell of ["0x10", "1,5", "1_0", "1e", "12 3", "abc", "--1", "1.2.3", "0b1"])
    expect(parseNumber(cell)).toBeUndefined();
  expect(parseNumber("-1,5", true)).toBe(-1.5);
  expect(parseNumber("1.234,5", true)).toBeUndefined();
});

test("delimiters: semicolon with decimal comma, tab, pipe", () => {
  const german = parseCsv("zeit;wert;rest\n2020-01-01 00:00;1,5;2\n2020-01-01 01:00;-2,25;3\n");
  expect(values(german, "wert")).toEqual([1.5, -2.25]);
  expect(detectDelimiter("1,5;2,5\n1,0;2,0\n")).toBe(";");
  expect(detectDelimiter('a\tb\n"x,y"\t1\n')).toBe("\t");
  expect(detectDelimiter("a|b\n1|2")).toBe("|");
  expect(detectDelimiter("one\n1\n2")).toBe(",");
});

test("header: found, forced, absent; columns without a name get their number", () => {
  expect(parseCsv("1,2\n3,4\n").columns.map((c) => c.name)).toEqual(["1", "2"]);
  expect(values(parseCsv("1,2\n3,4\n"), "2")).toEqual([2, 4]);
  expect(values(parseCsv("1,2\n3,4\n", { header: true }), "2")).toEqual([4]);
  expect(parseCsv("a,b\n3,4\n", { header: false }).rows).toBe(2);
  expect(parseCsv(",b\n3,4\n").columns.map((c) => c.name)).toEqual(["1", "b"]);
});

test("blank lines are skipped, but are missing cells inside a table of one column", () => {
  const wide = parseCsv("\na,b\n1,2\n\n3,4\n\n\n");
  expect(wide.rows).toBe(2);
  expect(Array.from(wide.rowNumbers!)).toEqual([3, 5]);
  expect(values(parseCsv("a\n1\n\n3\n\n"), "a")).toEqual([1, Number.NaN, 3]);
});

test("declared text keeps its zeros; undeclared codes become numbers, and text from the first odd cell on", () => {
  expect(values(parseCsv("id,v\n007,1\n7,2\n", { text: ["id"] }), "id")).toEqual(["007", "7"]);
  const mixed = column(parseCsv("id,v\n12,1\nNA,2\nb,3\n"), "id");
  expect(mixed).toMatchObject({ kind: "text", values: ["12", "", "b"], odd: { row: 4, cell: "b" } });
});

test("refusals name file, row, column and the way out", () => {
  const cell = refusal("t,OT\n1,2\n2,3O\n", { numeric: ["OT"] });
  expect(cell).toMatchObject({ code: "type", details: { row: 3, column: "OT", cell: "3O" } });
  expect(cell.message).toContain('a.csv: row 3, column "OT" is "3O", expected a number');
  expect(refusal("a,b\n1,2\n1,2,3\n")).toMatchObject({ code: "format", details: { row: 3, cells: 3, expected: 2 } });
  expect(refusal("").message).toContain("the file is empty");
  expect(refusal(" \n\n").message).toContain("the file is empty");
  expect(refusal("a,b\n").message).toContain("no row below");
  expect(refusal("a,a\n1,2\n").message).toContain('columns 1 and 2 are both called "a"');
  expect(refusal('a,b\n1,"2\n3,4\n').message).toContain("never closed");
  expect(refusal('a,b\n1,x"y"\n').message).toContain("inside a cell");
});

test("binary and wrongly encoded files are refused with a way out", () => {
  const bytes = (...b: number[]) => Uint8Array.from(b);
  expect(refusal(bytes(0x50, 0x4b, 3, 4, 20, 0)).message).toContain(".xlsx");
  expect(refusal(bytes(0x1f, 0x8b, 8, 0)).message).toContain("gunzip");
  expect(refusal(bytes(0x50, 0x41, 0x52, 0x31)).message).toContain("Parquet");
  expect(refusal(bytes(0xff, 0xfe, 0x61, 0)).message).toContain("UTF-16");
  expect(refusal(bytes(0x61, 0, 0x62)).message).toContain("binary");
  const latin = bytes(0x74, 0xe9, 0x0a, 0x31, 0x0a); // "té" in Latin-1
  expect(refusal(latin).message).toContain("not UTF-8");
  expect(parseCsv(latin, { encoding: "windows-1252" }).columns[0]!.name).toBe("té");
});

test("a missing column is answered with similar names and the list", () => {
  const table = parseCsv("date,HUFL,OT\n2020,1,2\n", { source: "a.csv" });
  expect(() => column(table, "HUFl")).toThrow(
    'a.csv: column "HUFl" is not there, expected one of: date, HUFL, OT. Did you mean "HUFL"?',
  );
  expect(() => numberColumn(parseCsv("a,b\nx,1\n"), "a")).toThrow('row 2, column "a" is "x", expected a number');
});

test("the stream reads what the text reads, even when a chunk ends inside a letter or a quote", async () => {
  const line = '"Zürich, ""Ä""",1.5,2020-01-01\n';
  const text = `ort,wert,tag\n${line.repeat(60_000)}`; // above two chunks of a megabyte
  const path = join(folder, "big.csv");
  writeFileSync(path, text);
  const table = await readTable(path);
  expect(table.rows).toBe(60_000);
  expect(new Set(column(table, "ort").values as string[])).toEqual(new Set(['Zürich, "Ä"']));
  expect(table.columns).toEqual(parseCsv(text).columns);
});

test("law: lines cut by hand and lines split by csv-parse are the same rows", async () => {
  const filler = "x".repeat(40); // above a megabyte in all
  const rows = Array.from({ length: 24_000 }, (_, i) => `${i},${i % 7 === 0 ? "" : i / 8},${filler}${i % 5}`);
  const path = join(folder, "late.csv");
  // The quote comes in the last part of the file, so the reader changes over on the way.
  writeFileSync(path, `a,b,c\r\n${rows.with(23_940, `23940,"",${filler}0`).join("\r\n")}\r\n`);
  const late = await readCsv(path);
  const plain = parseCsv(`a,b,c\n${rows.join("\n")}`);
  const quoted = parseCsv(`"a",b,c\n${rows.join("\n")}\n`);
  expect(late.columns).toEqual(plain.columns);
  expect(quoted.columns).toEqual(plain.columns);
  expect(late.rowNumbers).toEqual(plain.rowNumbers);
  writeFileSync(path, `a,b,c\n${rows.with(23_940, '1,"2').join("\n")}\n`);
  await expect(readCsv(path)).rejects.toThrow("never closed");
  writeFileSync(path, `a,b,c\n${rows.with(23_940, '1,"2",x,y').join("\n")}\n`);
  await expect(readCsv(path)).rejects.toThrow("row 23942 has 4 cells");
});

test("old line ends of \\r alone are found", () => {
  expect(values(parseCsv("a,b\r1,2\r3,4\r"), "b")).toEqual([2, 4]);
});

test("files that cannot be read say so", async () => {
  await expect(readCsv(join(folder, "none.csv"))).rejects.toMatchObject({ code: "missing" });
  await expect(readCsv(folder)).rejects.toMatchObject({ code: "io" });
  const cases: [string, string | Uint8Array, string][] = [
    ["empty.csv", "", "empty"],
    ["cut.csv", Uint8Array.from([0x61, 0x0a, 0x31, 0x0a, 0xc3]), "not UTF-8"],
    ["open.csv", 'a,b\n1,"2\n', "never closed"],
    ["ragged.csv", "a,b\n1,2\n3\n", "row 3 has 1 cells"],
  ];
  for (const [name, content, due] of cases) {
    writeFileSync(join(folder, name), content);
    await expect(readCsv(join(folder, name))).rejects.toThrow(due);
  }
});

test("law: a table written with any delimiter reads back the same", () => {
  const cell = fc.oneof(
    fc.double({ noDefaultInfinity: true }).map((v) => (Object.is(v, -0) ? 0 : v)),
    fc.constant(Number.NaN),
  );
  // A text that is trimmed and neither missing nor a number keeps its column text; everything else is up to quoting.
  const text = fc
    .string({ unit: fc.constantFrom("a", "ß", ",", ";", "\t", '"', "\n", "\r", " ", "1", "|") })
    .map((s) => `x${s}y`);
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 12 })
        .chain((n) =>
          fc.record({ v: fc.array(cell, { minLength: n, maxLength: n }), t: fc.array(text, { minLength: n, maxLength: n }) }),
        ),
      fc.constantFrom(",", ";", "\t", "|"),
      text,
      ({ v, t }, delimiter, name) => {
        const table: Table = {
          ...{ source: "t", rows: v.length, notes: [] },
          columns: [
            { name, kind: "text", values: t },
            { name: "v", kind: "number", values: Float64Array.from(v) },
          ],
        };
        const back = parseCsv([...toCsv(table, { delimiter })].join(""), { delimiter });
        expect(back.columns.map(({ name: n, kind, values: x }) => ({ name: n, kind, values: x }))).toEqual(table.columns);
      },
    ),
  );
});

test("law: one column with missing cells reads back the same", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(1, 2.5, Number.NaN), { minLength: 1 }), (v) => {
      const table: Table = {
        source: "t",
        rows: v.length,
        notes: [],
        columns: [{ name: "a", kind: "number", values: Float64Array.from(v) }],
      };
      expect(values(parseCsv([...toCsv(table)].join("")), "a")).toEqual(v);
    }),
  );
});
