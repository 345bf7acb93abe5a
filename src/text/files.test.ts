/** Text files and parallel lines. Truths: RFC 3629 by way of the platform's own decoder, and files written here. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { alignLines, decodeText, linesOf, readLines, readParallel, readText } from "./index.ts";
import { firstWrongByte } from "./utf8.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-text-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the first wrong byte stands where the platform's decoder gives up", () => {
  const whole = (part: Uint8Array): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(part);
      return true;
    } catch {
      return false;
    }
  };
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x80, 0xbf, 0xc1, 0xc2, 0xe0, 0xa0, 0xed, 0x9f, 0xf0, 0x90, 0xf4, 0x8f, 0xf5));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 12 }), (list) => {
      const all = Uint8Array.from(list);
      const at = firstWrongByte(all);
      expect(at === -1).toBe(whole(all));
      if (at < 0) return;
      expect(whole(all.subarray(0, at))).toBe(true);
      // Nothing that begins there is a character.
      for (let n = 1; n <= 4 && at + n <= all.length; n++) expect(whole(all.subarray(at, at + n))).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

test("byte-order mark and Windows line ends go; other letters stay", () => {
  expect(decodeText(bytes("\ufeffeins\r\nzwei\rdrei\n"), "a.txt")).toBe("eins\nzwei\rdrei\n");
  fc.assert(fc.property(fc.string({ unit: "grapheme", minLength: 1 }).filter((t) => !/[\0\r\ufeff]/.test(t)), (text) => void expect(decodeText(bytes(text), "a")).toBe(text)));
});

test.each<[string, Uint8Array, string]>([
  ["Latin-1", Uint8Array.from([...bytes("eins\nzwei\nf"), 0xfc, 0x72]), "a.txt: byte 11 (line 3) is 0xFC, expected UTF-8; it is perhaps Latin-1 or Windows-1252. Convert it: iconv -f windows-1252 -t utf-8"],
  ["a letter cut in two, after a byte-order mark", Uint8Array.from([...bytes("\ufeffab"), 0xe2, 0x82]), "a.txt: byte 5 (line 1) is 0xE2, expected UTF-8; "],
  ["UTF-16", Uint8Array.of(0xff, 0xfe, 0x61, 0), "a.txt: the text is UTF-16 (it begins with its byte-order mark), expected UTF-8; save it anew as UTF-8"],
  ["a binary file", Uint8Array.of(0x61, 0, 0x62), "a.txt: byte 1 is 0, expected text; a binary file, or UTF-16"],
  ["an empty file", new Uint8Array(), "a.txt: the text is empty, expected some letters; is it the right file?"],
  ["nothing but a byte-order mark", bytes("\ufeff"), "a.txt: the text is empty, expected some letters; is it the right file?"],
])("%s is refused", (_, content, message) => {
  expect(failure(() => decodeText(content, "a.txt")).message.slice(0, message.length)).toBe(message);
});

test("files: what they hold, line by line, side by side; and what they don't", async () => {
  const at = (name: string): string => join(folder, name);
  writeFileSync(at("a.de"), "ein mann\r\n\r\neine frau\r\n");
  writeFileSync(at("a.en"), "a man\n\na woman");
  expect(await readText(at("a.de"))).toBe("ein mann\n\neine frau\n");
  expect(await readLines(at("a.de"))).toEqual(["ein mann", "", "eine frau"]);
  expect(await readParallel(at("a.de"), at("a.en"))).toEqual({ source: ["ein mann", "eine frau"], target: ["a man", "a woman"], skipped: [2] });
  await expect(readText(at("b.de"))).rejects.toThrow(`${at("b.de")}: there is no such file, expected a text file`);
  await expect(readText(folder)).rejects.toThrow("it is a folder");
});

test("lines that do not belong together are refused with their numbers", () => {
  const names = ["a.de", "a.en"] as const;
  expect(failure(() => alignLines(["x", "y", "z"], ["x", "", "y", "z"], names)).message).toBe(
    "a.de and a.en: the first has 3 lines, the second 4, expected as many; line n of one belongs to line n of the other. Line 2 is empty in one of them: they may part there",
  );
  expect(failure(() => alignLines(["x", "y"], ["x"], names)).message).toContain("The second ends at line 1");
  expect(failure(() => alignLines(["x", " "], ["x", "y"], names)).message).toBe(
    "a.de and a.en: line 2 of a.de is empty, expected text as in a.en; line n of one belongs to line n of the other. Remove the line from both, or ask for such lines to be left out",
  );
  expect(alignLines(["x", " ", "z"], ["x", "y", "z"], names, { skipEmpty: true })).toEqual({ source: ["x", "z"], target: ["x", "z"], skipped: [2] });
  expect(failure(() => alignLines([""], [""], names)).code).toBe("data");
  expect(linesOf("a\n\nb\n")).toEqual(["a", "", "b"]);
});
