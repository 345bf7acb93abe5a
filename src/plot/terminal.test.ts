/** @file Truth: small pictures drawn by hand, and the width every terminal line must keep. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type ForecastPanel, forecastText, sparkline } from "./index.ts";

const count = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);
const rising: ForecastPanel = {
  name: "load",
  unit: "kW",
  history: { times: count(60), values: count(60) },
  forecast: { times: count(20, 60), point: count(20, 60) },
};

/**
 * Dots of the plot area, `[x, y from the bottom]`, decoded from
 * Unicode's own numbering of braille dots (7 and 8 are the lowest row).
 */
function dots(lines: readonly string[]): [x: number, y: number][] {
  const place = [
    [0, 3],
    [0, 2],
    [0, 1],
    [1, 3],
    [1, 2],
    [1, 1],
    [0, 0],
    [1, 0],
  ] as const;
  return lines.flatMap((line, row) =>
    [...line.slice(line.indexOf("┤") + 1)].flatMap((letter, column) => {
      const bits = letter.codePointAt(0)! - 0x2800;
      if (bits < 0 || bits > 255) return [];
      return place
        .filter((_, bit) => bits & (1 << bit))
        .map(([dx, dy]): [number, number] => [column * 2 + dx, (lines.length - 1 - row) * 4 + dy]);
    }),
  );
}

test("a straight line is straight: one dot a column, from the bottom left to the top right, each within one dot of where it belongs", () => {
  const lines = forecastText(rising, { columns: 44, rows: 5, axis: "step", context: Infinity }).split("\n");
  expect([lines[0], lines[6], lines[7]]).toEqual([
    "load (kW)",
    "    step 0                           step 79",
    "    ⠒⠒ history   ⠒⠒ forecast after ┊",
  ]);
  expect(lines.slice(1, 6).map((line) => line.split("┤")[0])).toEqual(["79 ", "   ", "40 ", "   ", " 0 "]);
  const drawn = dots(lines.slice(1, 6)).sort(([a], [b]) => a - b);
  expect(new Set(drawn.map(([x]) => x))).toEqual(new Set(count(80)));
  for (const [x, y] of drawn) expect(Math.abs(y - (x * 19) / 79)).toBeLessThanOrEqual(0.75);
});

test("what came is marked where the forecast is not; the widest interval is shaded", () => {
  const text = forecastText(
    {
      ...rising,
      truth: { times: count(20, 60), values: count(20).map(() => 10) },
      forecast: { ...rising.forecast, bands: [{ level: 0.9, lower: count(20, 40), upper: count(20, 80) }] },
    },
    { axis: "step" },
  );
  expect(text).toMatch(/o{10}/);
  expect(text).toMatch(/░{3}/);
  expect(text).toMatch(/o what came {3}░ 90% interval$/);
});

test("a gap is a gap", () => {
  const values = count(60).map((i) => (i > 20 && i < 40 ? Number.NaN : 5));
  const plot = forecastText(
    { ...rising, history: { times: count(60), values }, forecast: { times: count(20, 60), point: count(20).map(() => 5) } },
    { axis: "step", context: Infinity },
  );
  expect(plot.split("\n").find((line) => /[⠀-⣿]{9}/.test(line))).toMatch(/┤[⠁-⣿]{15,25} {15,25}[⠁-⣿]{30,}$/);
});

test("no line is wider than asked, no letter is a control character, whatever the name and the numbers", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.array(fc.double()),
      fc.array(fc.double(), { minLength: 1 }),
      fc.integer({ min: 40, max: 120 }),
      fc.integer({ min: 4, max: 20 }),
      (name, past, ahead, columns, rows) => {
        const panel = {
          name,
          history: { times: count(past.length), values: past },
          forecast: {
            times: count(ahead.length, past.length),
            point: ahead,
            bands: [{ level: 0.5, lower: ahead, upper: ahead }],
          },
        };
        const lines = forecastText(panel, { columns, rows, axis: "time" }).split("\n");
        expect(lines.length).toBeGreaterThanOrEqual(rows + 3);
        for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns);
        expect(lines.join("")).not.toMatch(/\p{Cc}/u);
      },
    ),
    { seed: 8, numRuns: 200 },
  );
});

test("colours come only when asked, and are taken back at the end of each line", () => {
  expect(forecastText(rising)).not.toContain("\x1b");
  const coloured = forecastText(rising, { colour: true })
    .split("\n")
    .filter((line) => line.includes("\x1b"));
  expect(coloured.length).toBeGreaterThan(3);
  for (const line of coloured) expect(line.lastIndexOf("\x1b[0m")).toBe(line.lastIndexOf("\x1b"));
  for (const part of coloured.join("\n").split("\x1b").slice(1)) expect(part).toMatch(/^\[[\d;]*m/);
});

test("sparkline: lowest ▁, highest █, gaps empty, equal values in the middle, means when short of room", () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe("▁▂▃▄▅▆▇█");
  expect(sparkline([0, Number.NaN, 7])).toBe("▁ █");
  expect(sparkline([3, 3])).toBe("▄▄");
  expect(sparkline([])).toBe("");
  expect(sparkline([0, 0, 7, 7, 3, 4], 3)).toBe("▁█▅");
});
