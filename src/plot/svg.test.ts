/**
 * @file Truth: the pictures are read back. A strict little XML reader (tags closed, attributes quoted, no stray `<` or `&`)
 * takes them apart; values are recovered from path coordinates through the printed tick labels and must be those that went in.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SluiceError } from "../base/errors.ts";
import { barsSvg, type ForecastPanel, forecastSvg, lossSvg } from "./index.ts";

interface Element {
  readonly name: string;
  readonly attributes: Record<string, string>;
  text: string;
}

/** All elements in document order; throws where the text is not well-formed XML. */
function parse(svg: string): Element[] {
  const elements: Element[] = [];
  const open: Element[] = [];
  const decode = (text: string): string => {
    expect(text.replaceAll(/&#\d+;/g, "")).not.toMatch(/[&<\ufffe\uffff]|\p{Surrogate}|\p{Cc}/u);
    return text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
  };
  let rest = svg.trim();
  while (rest.length > 0) {
    const tag = /^<(\/?)([a-z]+)((?: [a-zA-Z0-9-]+="[^"<]*")*)(\/?)>/.exec(rest);
    if (tag) {
      const [all, closing, name, attributes, empty] = tag as unknown as [string, string, string, string, string];
      if (closing) expect(open.pop()?.name).toBe(name);
      else {
        const element: Element = { name, attributes: {}, text: "" };
        for (const [, key, value] of attributes.matchAll(/ ([a-zA-Z0-9-]+)="([^"]*)"/g))
          element.attributes[key!] = decode(value!);
        elements.push(element);
        if (!empty) open.push(element);
      }
      rest = rest.slice(all.length);
    } else {
      const text = /^[^<]+/.exec(rest)?.[0];
      if (!text || open.length === 0) throw new Error(`not XML at: ${rest.slice(0, 80)}`);
      open.at(-1)!.text += decode(text);
      rest = rest.slice(text.length);
    }
  }
  expect(open).toEqual([]);
  for (const { name, attributes } of elements)
    if (name !== "style") expect(Object.values(attributes).join(" ")).not.toMatch(/NaN|Infinity|undefined/);
  return elements;
}

const hours = (n: number, from = 0): number[] =>
  Array.from({ length: n }, (_, i) => Date.UTC(2017, 0, 1) + (from + i) * 3_600_000);
const wave = (n: number, size = 1): number[] => Array.from({ length: n }, (_, i) => size * Math.sin(i / 4));
const panel: ForecastPanel = {
  name: "OT",
  unit: "°C",
  history: { times: hours(60), values: wave(60, 8) },
  forecast: {
    times: hours(12, 60),
    point: wave(12, 5),
    bands: [{ level: 0.8, lower: wave(12, 5).map((v) => v - 1), upper: wave(12, 5).map((v) => v + 1) }],
  },
};
const withClass = (elements: Element[], name: string): Element[] =>
  elements.filter(({ attributes }) => attributes.class?.split(" ").includes(name));
const points = (d: string): [number, number][] =>
  [...d.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
const pathOf = (elements: Element[], name: string): string =>
  withClass(elements, name).find(({ attributes }) => (attributes.d?.length ?? 0) > 30)?.attributes.d ?? "";

/** From a pixel height to a value, by the two outermost labels at the left axis. */
function yScale(elements: Element[]): (y: number) => number {
  const labels = elements
    .filter(({ attributes }) => attributes["text-anchor"] === "end" && attributes.class === "t muted")
    .filter(({ text }) => /^−?[\d.,]+$/.test(text));
  const [a, b] = [labels[0]!, labels.at(-1)!].map(({ attributes, text }) => [
    Number(attributes.y) - 4,
    Number(text.replace("−", "-").replaceAll(",", "")),
  ]) as [[number, number], [number, number]];
  return (y) => a[1] + ((y - a[0]) * (b[1] - a[1])) / (b[0] - a[0]);
}

describe("forecast", () => {
  test("the values that went in can be read off the picture", () => {
    const elements = parse(forecastSvg({ title: "t", panels: [panel] }));
    const value = yScale(elements);
    const drawn = points(pathOf(elements, "l-forecast"));
    const expected = [panel.history.values[59]!, ...Array.from(panel.forecast.point)]; // the line goes on from the last known value
    expect(drawn.length).toBe(13);
    for (const [i, [, y]] of drawn.entries()) expect(Math.abs(value(y) - expected[i]!)).toBeLessThan(0.02);
    const steps = drawn.slice(1).map(([x], i) => x - drawn[i]![0]);
    for (const step of steps) expect(Math.abs(step - steps[0]!)).toBeLessThan(0.21);
  });

  test("a gap in the history breaks its line; infinite values are gaps", () => {
    const values = wave(60, 8);
    const unbroken = pathOf(parse(forecastSvg({ title: "t", panels: [panel] })), "l-history");
    values[20] = Number.NaN;
    values[40] = Infinity;
    const broken = pathOf(
      parse(forecastSvg({ title: "t", panels: [{ ...panel, history: { times: hours(60), values } }] })),
      "l-history",
    );
    expect([unbroken.split("M").length - 1, broken.split("M").length - 1]).toEqual([1, 3]);
  });

  test("the legend names what is there and nothing else", () => {
    const legendOf = (p: ForecastPanel): string[] =>
      withClass(parse(forecastSvg({ title: "t", panels: [p] })), "muted")
        .map(({ text }) => text)
        .filter((text) => /^[a-z%0-9 .]*[a-z]{4}/.test(text) && !text.startsWith("known"));
    expect(legendOf({ ...panel, forecast: { ...panel.forecast, bands: [] } })).toEqual(["history", "forecast"]);
    expect(
      legendOf({
        ...panel,
        truth: { times: hours(12, 60), values: wave(12) },
        baseline: { name: "last value", times: hours(12, 60), values: wave(12) },
      }),
    ).toEqual(["history", "forecast", "80% interval", "what came", "last value"]);
  });

  test("any text and any finite or missing numbers give a well-formed picture", () => {
    const number = fc.oneof(fc.double(), fc.constant(Number.NaN), fc.double({ min: -10, max: 10 }));
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("<script>alert(1)</script>", "\ud800\u0000&\"'", "]]>", ""),
    ); // binary: any code point
    fc.assert(
      fc.property(
        text,
        text,
        fc.array(number, { maxLength: 20 }),
        fc.array(number, { minLength: 1, maxLength: 5 }),
        fc.constantFrom("time" as const, "step" as const),
        (title, name, past, ahead, axis) => {
          const p: ForecastPanel = {
            name,
            unit: title,
            history: { times: hours(past.length), values: past },
            forecast: {
              times: hours(ahead.length, past.length),
              point: ahead,
              bands: [{ level: 0.5, lower: ahead, upper: ahead.toReversed() }],
            },
            baseline: { name: title, times: hours(ahead.length, past.length), values: ahead },
          };
          parse(forecastSvg({ title, subtitle: name, axis, panels: [p, { ...panel, name }] }));
        },
      ),
      { seed: 9, numRuns: 150 },
    );
  });

  test("below 200 KB for 20 targets of 30,000 points with three intervals each; 12 are drawn, the rest counted", () => {
    const n = 30_000;
    const noise = Array.from({ length: n }, (_, i) => Math.sin(i * i) * 1000);
    const band = (level: number): { level: number; lower: number[]; upper: number[] } => ({
      level,
      lower: noise.map((v) => v - level),
      upper: noise.map((v) => v + level),
    });
    const line = { times: hours(n, n), values: noise };
    const big: ForecastPanel = {
      name: "x",
      history: { times: hours(n), values: noise },
      truth: line,
      baseline: { name: "b", ...line },
      forecast: { times: line.times, point: noise, bands: [band(0.5), band(0.8), band(0.95)] },
    };
    for (const panels of [[big], Array.from({ length: 20 }, () => big)]) {
      const svg = forecastSvg({ title: "t", context: Infinity, panels });
      expect(svg.length).toBeLessThan(200_000);
      const elements = parse(svg);
      expect(withClass(elements, "name").length).toBe(Math.min(12, panels.length));
      expect(elements.some(({ text }) => text === "and 8 more series")).toBe(panels.length > 12);
    }
  });

  test("it stands alone: no script, link, id or font file; dark colours come with it", () => {
    const svg = forecastSvg({ title: "t", panels: [panel] });
    expect(svg).not.toMatch(/<script|href|url\(|@import|@font-face| id=/);
    expect(svg).toMatch(/@media \(prefers-color-scheme:dark\)\{\.sluice-plot \.paper\{fill:#0d1117\}/);
    expect(svg.match(/https?:[^"]*/g)).toEqual(["http://www.w3.org/2000/svg"]);
  });

  test("no panel, or one that does not fit, is refused", () => {
    expect(() => forecastSvg({ title: "t", panels: [] })).toThrow(SluiceError);
    expect(() => forecastSvg({ title: "t", panels: [{ ...panel, history: { times: [1], values: [] } }] })).toThrow(
      /"OT" history/,
    );
  });
});

describe("loss", () => {
  const steps = Array.from({ length: 500 }, (_, i) => i);
  const tickTexts = (svg: string): string[] =>
    withClass(parse(svg), "muted")
      .filter(({ attributes }) => attributes["text-anchor"] === "end")
      .map(({ text }) => text);

  test("a loss that falls far is drawn on powers of ten, one that does not on even steps", () => {
    const falling = lossSvg({
      title: "t",
      curves: [{ name: "training", steps, values: steps.map((i) => 10 * Math.exp(-i / 50)) }],
    });
    expect(tickTexts(falling)).toEqual(["0.001", "0.01", "0.1", "1", "10"]);
    const flat = lossSvg({ title: "t", curves: [{ name: "training", steps, values: steps.map((i) => 1 + Math.exp(-i / 50)) }] });
    expect(tickTexts(flat)).toEqual(["1.0", "1.2", "1.4", "1.6", "1.8", "2.0"]);
    const below = lossSvg({
      title: "t",
      curves: [{ name: "nll", steps, values: steps.map((i) => 100 * Math.exp(-i / 20) - 1) }],
    });
    expect(tickTexts(below)).toContain("0");
  });

  test("the best step is ringed where the curve passes", () => {
    const values = steps.map((i) => 1 + (i - 300) ** 2 / 1e5);
    const elements = parse(
      lossSvg({ title: "t", curves: [{ name: "validation", steps, values }], best: { step: 300, value: 1 } }),
    );
    const ring = elements.find(({ name }) => name === "circle")!.attributes;
    expect([Number(ring.cx), Number(ring.cy)]).toEqual(points(pathOf(elements, "l-forecast"))[300]);
    expect(elements.some(({ text }) => text === "best 1 at step 300")).toBe(true);
  });

  test("NaN, one point, no point; what cannot be drawn is refused", () => {
    parse(lossSvg({ title: "t", curves: [{ name: "a", steps: [1, 2, 3], values: [Number.NaN, 1, Infinity] }] }));
    parse(lossSvg({ title: "t", curves: [{ name: "a", steps: [1], values: [3] }] }));
    parse(lossSvg({ title: "t", curves: [{ name: "a", steps: [], values: [] }] }));
    expect(() => lossSvg({ title: "t", curves: [] })).toThrow(SluiceError);
    expect(() => lossSvg({ title: "t", scale: "log", curves: [{ name: "a", steps: [1, 2], values: [0, 1] }] })).toThrow(
      /smallest value is 0, expected above 0/,
    );
    expect(() => lossSvg({ title: "t", curves: [{ name: "a", steps: [2, 1], values: [0, 1] }] })).toThrow(/"a": time 1 is 1/);
  });
});

describe("bars", () => {
  test("lengths are in proportion to values, from a common zero, negative ones to the left", () => {
    const elements = parse(
      barsSvg({
        title: "t",
        groups: [
          {
            label: "a",
            bars: [
              { name: "x", value: 2 },
              { name: "y", value: -1 },
            ],
          },
          {
            label: "b",
            bars: [
              { name: "x", value: 0.5 },
              { name: "y", value: Number.NaN },
            ],
          },
        ],
      }),
    );
    const rects = elements
      .filter(({ name, attributes }) => name === "rect" && attributes.height === "16")
      .map(({ attributes }) => [Number(attributes.x), Number(attributes.width)] as const);
    expect(rects.length).toBe(3);
    const [[zero, two], [minus, one], [also, half]] = rects as [
      readonly [number, number],
      readonly [number, number],
      readonly [number, number],
    ];
    expect(two / one).toBeCloseTo(2, 2);
    expect(two / half).toBeCloseTo(4, 1);
    expect([also, minus + one]).toEqual([zero, expect.closeTo(zero, 0)]);
    expect(elements.map(({ text }) => text)).toEqual(expect.arrayContaining(["2.00", "−1.00", "0.500", "–"]));
  });

  test("the best of each group, and only it, is written strongly", () => {
    const groups = [
      {
        label: "1 h",
        bars: [
          { name: "GRU", value: 3 },
          { name: "naive", value: 4 },
        ],
      },
      {
        label: "2 h",
        bars: [
          { name: "GRU", value: 6 },
          { name: "naive", value: 5 },
        ],
      },
    ];
    const strong = (better: "lower" | "higher"): string[] =>
      withClass(parse(barsSvg({ title: "t", groups, better })), "ink")
        .map(({ text }) => text)
        .filter((text) => /^\d$/.test(text));
    expect([strong("lower"), strong("higher")]).toEqual([
      ["3", "5"],
      ["4", "6"],
    ]);
  });

  test("nothing to draw is refused", () => {
    expect(() => barsSvg({ title: "t", groups: [] })).toThrow(SluiceError);
    expect(() => barsSvg({ title: "t", groups: [{ label: "a", bars: [] }] })).toThrow(/a group has no bars/);
  });
});
