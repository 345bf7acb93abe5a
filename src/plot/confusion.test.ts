/** Pictures of a classifier's scores. Truth: what is drawn is counted in the file itself. */
import { expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { confusionSvg, confusionText } from "./confusion.ts";
import { reliabilitySvg } from "./reliability.ts";

const counts = [
  [8, 2, 0],
  [1, 5, 0],
  [0, 0, 4],
];
const classes = ["sad", "<glad>", "neither of the two, as names can be long"];

test("a confusion matrix has a cell a pair, its counts, and no mark of its own in names", () => {
  const svg = confusionSvg({ title: "which for which", classes, counts });
  expect(svg.match(/<rect class="f-baseline"/g)).toHaveLength(3);
  expect(svg.match(/<rect class="f-truth"/g)).toHaveLength(6);
  for (const n of [8, 2, 1, 5, 4]) expect(svg).toContain(`>${n}</text>`);
  expect(svg).toContain('fill-opacity="0.70"'); // 0.06 + 0.8 · 8/10
  expect(svg).not.toContain("<glad>");
  expect(svg.match(/<text[^>]*>/g)!.every((tag) => !/NaN|undefined/.test(tag))).toBe(true);
});

test("a title has room beside a small matrix, and is cut where it is longer than a picture", () => {
  const svg = (title: string) => confusionSvg({ title, classes: ["a", "b"], counts: [[1, 0], [0, 1]] });
  expect(svg("reviews.csv: which class is taken for which")).toMatch(/<text[^>]*>reviews.csv: which class is taken for which</);
  expect(svg("x".repeat(300))).toMatch(/viewBox="0 0 720 .*<text[^>]*>x+…</);
});

test("in a terminal: a line a class, zeros as dots; of many classes the worst pairs, first the worst", () => {
  const lines = confusionText({ title: "", classes, counts }).split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[1]).toMatch(/^sad +8 +2 +·$/);
  const C = 30;
  const many = Array.from({ length: C }, (_, i) => Array.from({ length: C }, (__, j) => (i === j ? 9 : i === 3 && j === 4 ? 7 : i === 1 && j === 2 ? 2 : 0)));
  expect(confusionText({ title: "", classes: many.map((_, i) => `c${i}`), counts: many }).split("\n").slice(1)).toEqual(["  c3 answered as c4: 7", "  c1 answered as c2: 2"]);
  expect(confusionText({ title: "", classes: ["a\u001b[31mb", "c"], counts: [[1, 0], [0, 1]] })).not.toContain("\u001b");
});

test("a reliability diagram has a bar for each bin with answers, as high as the share that was right", () => {
  const bins = [
    { from: 0, to: 0.5, count: 0, confidence: 0, accuracy: 0 },
    { from: 0.5, to: 1, count: 10, confidence: 0.8, accuracy: 0.75 },
  ];
  const svg = reliabilitySvg({ title: "80%?", bins });
  expect(svg.match(/<rect class="f-forecast"/g)).toHaveLength(1);
  expect(svg).toContain('height="270"'); // 0.75 of 360
  expect(failure(() => reliabilitySvg({ title: "", bins: bins.slice(0, 1) })).message).toMatch(/there are 0 answers/);
});

test("counts that are no square of the classes are refused", () => {
  expect(failure(() => confusionSvg({ title: "", classes: ["a", "b"], counts: [[1, 2]] })).message).toMatch(/counts are \[1, 2\], expected \[2, 2\]/);
  expect(failure(() => confusionText({ title: "", classes: [], counts: [] })).code).toBe("range");
});
