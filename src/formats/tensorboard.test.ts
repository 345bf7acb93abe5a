/**
 * @file Truth: a reader written here from the record and protobuf descriptions, with a bitwise
 * CRC-32C of its own (checked against the value in RFC 3720, B.4), sharing no code with the writer.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterAll, expect, test } from "vitest";
import { SluiceError } from "../base/errors.ts";
import { EventWriter } from "./tensorboard.ts";

const root = fs.mkdtempSync(join(tmpdir(), "sluice-events-"));
afterAll(() => fs.rmSync(root, { recursive: true }));

function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return ((crc / 32768 + (crc % 32768) * 131072 + 0xa282ead8) % 4294967296) >>> 0;
};

/** Payloads of all frames; throws at a bad checksum or a half frame. */
function frames(file: Buffer): Buffer[] {
  const out: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(data.length).toBe(length);
    expect(file.readUInt32LE(at + 8)).toBe(masked(file.subarray(at, at + 8)));
    expect(file.readUInt32LE(at + 12 + length)).toBe(masked(data));
    out.push(data);
    at += 16 + length;
  }
  return out;
}

/** Fields of one protobuf message: number → raw value (varint as number, 64/32-bit and bytes as Buffer). */
function fields(message: Buffer): Record<number, number | Buffer> {
  const out: Record<number, number | Buffer> = {};
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const wire = key & 7;
    if (wire === 0) {
      out[key >> 3] = varint();
      continue;
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : varint();
    out[key >> 3] = message.subarray(at, at + length);
    at += length;
  }
  return out;
}
const buffer = (value: number | Buffer | undefined): Buffer => value as Buffer;

test("the reader's own checksum is right", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa); // RFC 3720, B.4: 32 bytes of zeroes
});

test("the file opens with its version, then holds every scalar with time, step, tag and value", () => {
  let clock = 1_700_000_000_000;
  const writer = new EventWriter(join(root, "run"), () => clock);
  writer.scalar("train/loss", 0.25, 0);
  clock += 1500;
  writer.scalar("Verlust µ", -3.5, 2 ** 40 + 7);
  writer.scalar("bad", Number.NaN, 3);
  writer.close();
  const [version, ...events] = frames(fs.readFileSync(writer.path)).map(fields);
  expect(buffer(version![3]).toString()).toBe("brain.Event:2");
  const read = events.map((event) => {
    const value = fields(buffer(fields(buffer(event[5]))[1]));
    return [buffer(event[1]).readDoubleLE(), event[2], buffer(value[1]).toString(), buffer(value[2]).readFloatLE()];
  });
  expect(read).toEqual([
    [1_700_000_000, 0, "train/loss", 0.25],
    [1_700_000_001.5, 2 ** 40 + 7, "Verlust µ", -3.5],
    [1_700_000_001.5, 3, "bad", Number.NaN],
  ]);
  expect(writer.path).toMatch(/events\.out\.tfevents\.1700000000\./);
});

test("flush, five seconds or 64 KB bring scalars to the disk; until then they wait", () => {
  let clock = 0;
  const writer = new EventWriter(join(root, "run"), () => clock);
  const count = (): number => frames(fs.readFileSync(writer.path)).length;
  writer.scalar("a", 1, 0);
  expect(count()).toBe(1);
  writer.flush();
  expect(count()).toBe(2);
  clock += 5000;
  writer.scalar("a", 1, 1);
  expect(count()).toBe(3);
  for (let i = 0; i < 2000; i++) writer.scalar("a", 1, i);
  expect(count()).toBeGreaterThan(1000);
  writer.close();
  expect(count()).toBe(2003);
});

test.skipIf(process.platform === "win32")("when the disk takes no more, no half frame stays in the file", () => {
  const module = join(root, "node.cjs");
  buildSync({
    entryPoints: [join(import.meta.dirname, "node.ts")],
    bundle: true,
    platform: "node",
    format: "cjs",
    outfile: module,
  });
  const folder = join(root, "full");
  const code = `const { EventWriter } = require(${JSON.stringify(module)}); const w = new EventWriter(${JSON.stringify(folder)});
    try { for (let i = 0; ; i++) { w.scalar("loss", 1, i); w.flush(); } } catch (e) { console.log(e.name, e.code, e.message); }
    try { w.flush(); } catch (e) { console.log(e.name, e.code); }`;
  const { stdout, stderr } = spawnSync("sh", ["-c", 'ulimit -f 16; exec "$0" "$@"', process.execPath, "-e", code], {
    encoding: "utf8",
  });
  expect(stdout + stderr).toMatch(/^SluiceError io .*\(EFBIG\)\nSluiceError io\n$/);
  const [path] = fs.readdirSync(folder);
  expect(frames(fs.readFileSync(join(folder, path!))).length).toBeGreaterThan(100);
});

test("two writers in one folder keep two files", () => {
  const a = new EventWriter(join(root, "both"), () => 0);
  const b = new EventWriter(join(root, "both"), () => 0);
  a.close();
  b.close();
  expect(fs.readdirSync(join(root, "both")).length).toBe(2);
});

test("bad steps, a closed writer and a folder that cannot be are SluiceErrors", () => {
  const writer = new EventWriter(join(root, "run"));
  expect(() => writer.scalar("a", 1, -1)).toThrow(/step is -1, expected a whole number from 0; tag "a"/);
  expect(() => writer.scalar("a", 1, 0.5)).toThrow(SluiceError);
  writer.close();
  writer.close();
  expect(() => writer.scalar("a", 1, 1)).toThrow(/is closed, expected an open one/);
  fs.writeFileSync(join(root, "file"), "");
  expect(() => new EventWriter(join(root, "file", "run"))).toThrow(SluiceError);
});
