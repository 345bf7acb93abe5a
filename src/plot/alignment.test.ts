/** @file Truth: what is drawn is counted in the file itself. */
import { expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { alignmentSvg } from "./alignment.ts";
import { textWidth } from "./svg.ts";

const plot = { title: "who made what", source: ["ein", "<hund>", "läuft"], target: ["a", "dog"], weights: [[0.9, 0.1, 0], Float32Array.of(0.2, 0.4, 0.4)] };

test("an alignment has a cell a pair, as dark as its share, and no mark of its own in tokens", () => {
  const svg = alignmentSvg(plot);
  expect(svg.match(/<rect class="f-forecast"/g)).toHaveLength(6);
  expect(svg).toContain('fill-opacity="0.81"'); // 0.04 + 0.86 · 0.9
  expect(svg.match(/>90<\/text>/g)).toHaveLength(1);
  for (const token of ["ein", "läuft", "a", "dog"]) expect(svg).toContain(`>${token}</text>`);
  expect(svg).not.toContain("<hund>");
  expect(svg).not.toMatch(/NaN|undefined/);
});

test("the field begins where the longest target token ends, and source tokens stand below the subtitle", () => {
  const svg = alignmentSvg({ title: "t", subtitle: "s", source: ["abcdefghijkl", "b"], target: ["a", "<beginning>"], weights: [[1, 0], [0, 1]] });
  const [, x, y] = /<rect class="f-forecast"[^>]* x="([\d.]+)" y="([\d.]+)"/.exec(svg)!;
  expect(Number(x)).toBeGreaterThan(20 + textWidth("<beginning>"));
  expect(Number(y)).toBeGreaterThan(64 + 0.86 * textWidth("abcdefghijkl")); // turned by 60°: sin 60° = 0.87
});

test("weights that are not rows of targets and columns of sources are refused", () => {
  expect(failure(() => alignmentSvg({ ...plot, weights: [[1, 0, 0]] })).message).toMatch(/weights are \[1, 3\], expected \[2, 3\]/);
  expect(failure(() => alignmentSvg({ ...plot, weights: [[1, 0, 0], [1, 0]] })).message).toMatch(/weights are \[2, 2\], expected \[2, 3\]/);
  expect(failure(() => alignmentSvg({ ...plot, source: [] })).code).toBe("range");
});
