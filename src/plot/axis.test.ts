/** @file Truth: calendars (known dates), and that no two labels may touch, by property over any span of time. */
import { scaleLinear } from "d3-scale";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { numberFormat, numberTicks, showNumber, showTime, timeTicks } from "./axis.ts";
import { textWidth } from "./svg.ts";

const at = (text: string): number => Date.parse(text);
const words = (from: string, to: string): string[] =>
  timeTicks([at(from), at(to)], 0, 720).map(({ text, context }) => (context ? `${text}|${context}` : text));

test("the unit of the ticks is written large, what it belongs to below, where it changes; all in UTC", () => {
  expect(words("2016-12-31T18:00Z", "2017-01-02T00:00Z")).toEqual([
    "18:00|31 Dec 2016",
    "21:00",
    "00:00|1 Jan 2017",
    "03:00",
    "06:00",
    "09:00",
    "12:00",
    "15:00",
    "18:00",
    "21:00",
    "00:00|2 Jan 2017",
  ]);
  expect(words("2016-11-01T00:00Z", "2017-05-01T00:00Z")).toEqual(["Nov|2016", "Dec", "Jan|2017", "Feb", "Mar", "Apr", "May"]);
  expect(words("2016-12-28T00:00Z", "2017-01-03T00:00Z")).toEqual([
    "28 Dec|2016",
    "29 Dec",
    "30 Dec",
    "31 Dec",
    "1 Jan|2017",
    "2 Jan",
    "3 Jan",
  ]);
  expect(words("1949-01-01T00:00Z", "1955-01-01T00:00Z")).toEqual(["1949", "1950", "1951", "1952", "1953", "1954", "1955"]);
  expect(words("2017-01-01T00:00:00Z", "2017-01-01T00:00:03Z")[0]).toMatch(/^00\.000 s\|1 Jan 2017 00:00$/);
});

test("of two contexts too close to each other the later one stays", () => {
  const ticks = timeTicks([at("2016-12-31T22:30Z"), at("2017-01-01T04:30Z")], 50, 390);
  expect(ticks.slice(0, 3).map(({ text, context }) => [text, context])).toEqual([
    ["23:00", undefined],
    ["00:00", "1 Jan 2017"],
    ["01:00", undefined],
  ]);
});

test("labels and contexts never touch, whatever the span", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -3e12, max: 5e12, noNaN: true }),
      fc.double({ min: 0.7, max: 12, noNaN: true }),
      fc.integer({ min: 200, max: 1200 }),
      (from, magnitude, width) => {
        const ticks = timeTicks([from, from + 10 ** magnitude], 50, 50 + width);
        for (const part of [
          ticks.map(({ x, text }) => ({ x, text })),
          ticks.flatMap(({ x, context }) => (context ? [{ x, text: context }] : [])),
        ]) {
          for (let i = 1; i < part.length; i++) {
            expect(part[i]!.x - part[i - 1]!.x).toBeGreaterThan((textWidth(part[i]!.text) + textWidth(part[i - 1]!.text)) / 2);
          }
        }
        for (const { x } of ticks) expect(x).toBeGreaterThanOrEqual(49.9);
      },
    ),
    { seed: 6, numRuns: 400 },
  );
});

test("numbers: true minus, no -0, no false digits, whole steps", () => {
  const format = (low: number, high: number, value: number): string => numberFormat(scaleLinear([low, high], [0, 1]), 5)(value);
  expect([
    format(-1, 1, -0.5),
    format(-1, 1, -0),
    format(0, 5000, 1000),
    format(0, 5e6, 2e6),
    format(0, 4e9, 2e9),
    format(0, 1e-6, 2e-7),
  ]).toEqual(["−0.5", "0", "1,000", "2M", "2B", "2e−7"]);
  expect([12.345, 0.04567, 1234.5, 2.5e-7, 0, -3, Number.NaN].map((v) => showNumber(v))).toEqual([
    "12.3",
    "0.0457",
    "1,235",
    "2.5e−7",
    "0",
    "−3",
    "–",
  ]);
  expect(showNumber(0.1, true)).toBe("0.100");
  expect(numberTicks([1, 4], 0, 700).map(({ text }) => text)).toEqual(["1", "2", "3", "4"]);
});

test("a time without a time of day is a date", () => {
  expect([showTime(at("2017-01-03T00:00Z")), showTime(at("2017-01-03T04:05Z"))]).toEqual(["3 Jan 2017", "3 Jan 2017 04:05"]);
});
