/** @file Truth: files written by another library (hyparquet-writer), and damage done to them byte by byte. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, expect, test } from "vitest";
import { SluiceError } from "../base/errors.ts";
import { parseParquet } from "./parquet.ts";
import { readParquet, readTable } from "./read.ts";
import { toSeries } from "./series.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-parquet-"));
afterAll(() => rmSync(folder, { recursive: true }));

const nan = Number.NaN;
const start = Date.UTC(2020, 0, 1);
const hourly = (n: number) =>
  parquetWriteBuffer({
    columnData: [
      { name: "time", data: Array.from({ length: n }, (_, i) => new Date(start + i * 3_600_000)), type: "TIMESTAMP" },
      { name: "y", data: Float64Array.from({ length: n }, (_, i) => Math.sin(i)), type: "DOUBLE" },
      { name: "name", data: Array.from({ length: n }, (_, i) => ["north", "south"][i % 2]!), type: "STRING" },
    ],
    rowGroupSize: 100,
  });

test("numbers, whole and decimal and 64-bit, booleans, times, dates, texts; null is missing", async () => {
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: "double", data: [1.5, null, -2] },
      { name: "long", data: [1n, 2n ** 40n, null] },
      { name: "flag", data: [true, false, null] },
      { name: "price", data: [1.25, 2.5, null] },
      { name: "moment", data: [new Date(start + 1), null, new Date(start)] },
      { name: "micros", data: [1577836800000250n, null, 0n] },
      { name: "date", data: [new Date(start), null, new Date(start)] },
      { name: "name", data: ["ä", null, "7"] },
      { name: "list", data: [{ a: [1] }, null, null] },
    ],
    schema: [
      { name: "root", num_children: 9 },
      { name: "double", type: "DOUBLE", repetition_type: "OPTIONAL" },
      { name: "long", type: "INT64", repetition_type: "OPTIONAL" },
      { name: "flag", type: "BOOLEAN", repetition_type: "OPTIONAL" },
      { name: "price", type: "INT32", converted_type: "DECIMAL", scale: 2, precision: 6, repetition_type: "OPTIONAL" },
      { name: "moment", type: "INT64", converted_type: "TIMESTAMP_MILLIS", repetition_type: "OPTIONAL" },
      {
        name: "micros",
        type: "INT64",
        logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
        repetition_type: "OPTIONAL",
      },
      { name: "date", type: "INT32", converted_type: "DATE", repetition_type: "OPTIONAL" },
      { name: "name", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      { name: "list", type: "BYTE_ARRAY", converted_type: "JSON", repetition_type: "OPTIONAL" },
    ],
  });
  const table = await parseParquet(buffer);
  expect(table.rows).toBe(3);
  expect(Object.fromEntries(table.columns.map((c) => [c.name, [c.kind, ...c.values]]))).toEqual({
    double: ["number", 1.5, nan, -2],
    long: ["number", 1, 2 ** 40, nan],
    flag: ["number", 1, 0, nan],
    price: ["number", 1.25, 2.5, nan],
    moment: ["time", start + 1, nan, start],
    micros: ["time", start + 0.25, nan, 0],
    date: ["time", start, nan, start],
    name: ["text", "ä", "", "7"],
  });
  expect(table.notes).toEqual(['column "list" is left out: it holds lists, maps or bytes']);
});

test("a file of several row groups becomes a series, whatever its name; only the asked columns are read", async () => {
  const path = join(folder, "data.bin");
  writeFileSync(path, new Uint8Array(hourly(350)));
  const table = await readTable(path);
  const set = toSeries(table, { targets: "y" });
  expect([set.freq.name, set.series[0]!.length, set.timeNames]).toEqual(["1h", 350, ["time"]]);
  expect(set.series[0]!.values[349]).toBeCloseTo(Math.sin(349), 6);
  expect((await readParquet(path, { columns: ["y"] })).columns.map((c) => c.name)).toEqual(["y"]);
});

test("gzip is unpacked; a codec we cannot read is named", async () => {
  const columnData = [{ name: "y", data: Float64Array.from({ length: 50 }, (_, i) => i), type: "DOUBLE" as const }];
  const path = join(folder, "zip.parquet");
  writeFileSync(
    path,
    new Uint8Array(parquetWriteBuffer({ columnData, codec: "GZIP", compressors: { GZIP: (bytes) => gzipSync(bytes) } })),
  );
  expect((await readTable(path)).columns[0]!.values[49]).toBe(49);
  writeFileSync(
    path,
    new Uint8Array(parquetWriteBuffer({ columnData, codec: "LZ4", compressors: { LZ4: (bytes) => bytes.slice() } })),
  );
  await expect(readTable(path)).rejects.toThrow("its compression is LZ4");
});

test("what is no whole Parquet file is refused", async () => {
  const whole = new Uint8Array(hourly(20));
  const path = join(folder, "bad.parquet");
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(), "not a Parquet file"],
    [new TextEncoder().encode("a,b\n1,2\n3,4\n5,6\n"), "not a Parquet file"],
    [whole.subarray(0, whole.length - 10), "cut short"],
    [Uint8Array.from([...whole.subarray(0, 40), ...whole.subarray(-4)]), "damaged"],
  ];
  for (const [bytes, due] of cases) {
    writeFileSync(path, bytes);
    await expect(readTable(path)).rejects.toThrow(due);
  }
  await expect(readTable(join(folder, "none.parquet"))).rejects.toMatchObject({ code: "missing" });
});

test("law: a file with any one byte changed is either read or refused in our words", async () => {
  const whole = new Uint8Array(hourly(30));
  for (let at = 0; at < whole.length; at++) {
    for (const flip of [0x01, 0x0c, 0x10, 0x80, 0xff]) {
      const bytes = whole.slice();
      bytes[at]! ^= flip;
      await parseParquet(bytes.buffer).then(
        (table) => expect(table.rows).toBeGreaterThan(0),
        (error) => expect(error, `byte ${at} ^ ${flip}`).toBeInstanceOf(SluiceError),
      );
    }
  }
});
