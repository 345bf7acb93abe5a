/** @file Reading the values of flags. Truth: arithmetic, and for quoting the shell itself. */
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SluiceError } from "../base/errors.ts";
import { choice, duration, levels, names, shellWords, showClock, wholeNumber } from "./command.ts";

test("durations", () => {
  const read = (text: string) => duration("--time-limit")(text, undefined);
  const hour = 3600;
  const cases = { "90s": 90, "5m": 300, "1h30m": 1.5 * hour, "1.5h": 1.5 * hour, "2h1m5s": 2 * hour + 65, "45": 45, "0.5s": 0.5 };
  for (const [text, seconds] of Object.entries(cases)) expect(read(text)).toBeCloseTo(seconds, 9);
  for (const text of ["", "soon", "0", "-5m", "5x", "m", "5m1h", "1e3", "5 m"]) expect(() => read(text)).toThrow(SluiceError);
});

test("a clock shows what a duration says", () => {
  expect([0, 5, 65, 3599.6, 3661].map(showClock)).toEqual(["0:00", "0:05", "1:05", "1:00:00", "1:01:01"]);
});

test("whole numbers, levels and names refuse what they cannot mean", () => {
  expect(wholeNumber("--n", 0)("0", undefined)).toBe(0);
  for (const text of ["-1", "1.5", "", " ", "0x10", "Infinity", "1e99", "ten"])
    expect(() => wholeNumber("--n", 0)(text, undefined)).toThrow(/--n is/);
  expect(levels("--q")(".1,.5, 0.9", undefined)).toEqual([0.1, 0.5, 0.9]);
  for (const text of ["0", "1", ".1,,.9", "a"]) expect(() => levels("--q")(text, undefined)).toThrow(/above 0 and below 1/);
  expect(names("--target")("c", names("--target")("a, b", undefined))).toEqual(["a", "b", "c"]);
  expect(() => names("--target")("a,,b", undefined)).toThrow(/names between commas/);
  expect(() => choice("--cell", ["gru", "lstm"])("lst", undefined)).toThrow("expected gru or lstm; did you mean lstm?");
});

test("words that a shell is given come back as they were", () => {
  // One process for all: the shell prints every word followed by a zero byte.
  const word = fc.string({ unit: "grapheme", maxLength: 12 });
  const words = fc
    .sample(word, 300)
    .concat(["", "it's", "a b", "$HOME", "~", "*", "-x", 'say "hi"', "a\nb", "--out=x y", "#", "!"]);
  const printed = execFileSync("bash", ["-c", `printf '%s\\0' ${shellWords(words)}`], { encoding: "utf8" });
  expect(printed.split("\0").slice(0, -1)).toEqual(words);
});
