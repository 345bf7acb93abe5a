/** @file Which classes are taken for which: a confusion matrix as a picture and for a terminal. */
import { SluiceError } from "../base/errors.ts";
import { fitText, heading, headWidth, label, px, svgFile, textWidth } from "./svg.ts";

export interface ConfusionPlot {
  readonly title: string;
  readonly subtitle?: string;
  readonly classes: readonly string[];
  /** [true class][answered class] */
  readonly counts: readonly (readonly number[])[];
}

const edge = 20;

/** @throws shape: not a square of the classes; range: no class */
function check({ classes, counts }: ConfusionPlot, where: string): void {
  const C = classes.length;
  if (C === 0) throw new SluiceError("range", `${where}: there are 0 classes, expected at least one`);
  if (counts.length !== C || counts.some((row) => row.length !== C)) {
    throw new SluiceError("shape", `${where}: counts are [${counts.length}, ${counts[0]?.length ?? 0}], expected [${C}, ${C}]; one row and one column a class`);
  }
}

/** Share of each true class that a cell holds; rows without items are 0. */
const shares = (row: readonly number[]): number[] => {
  const sum = row.reduce((a, b) => a + b, 0);
  return row.map((n) => (sum > 0 ? n / sum : 0));
};

/**
 * A self-contained SVG: true classes down, answers across; a cell is as dark as its share of its row and carries its count.
 * @throws shape: not a square of the classes; range: no class
 */
export function confusionSvg(plot: ConfusionPlot): string {
  check(plot, "confusionSvg");
  const { title, subtitle, classes, counts } = plot;
  const C = classes.length;
  const cell = Math.max(12, Math.min(56, Math.floor(720 / C)));
  const names = Math.min(160, Math.max(...classes.map((name) => textWidth(name)))) + 8;
  const left = edge + names + 18;
  const width = Math.max(headWidth(title, edge), left + C * cell + edge);
  const [head, top0] = heading(title, subtitle, edge, width);
  const turned = Math.max(...classes.map((name) => textWidth(name))) > cell - 4;
  const top = top0 + 24 + (turned ? Math.min(120, names) : 14);
  const parts: string[] = [
    label(left + (C * cell) / 2, top0 + 14, "answered", { anchor: "middle", className: "muted" }),
    `<text class="t muted" text-anchor="middle" transform="translate(${px(edge + 8)} ${px(top + (C * cell) / 2)}) rotate(-90)">true</text>`,
  ];
  for (const [i, row] of counts.entries()) {
    const y = top + i * cell;
    if (cell >= 12) parts.push(label(left - 8, y + cell / 2 + 4, fitText(classes[i]!, names), { anchor: "end" }));
    const x0 = left + i * cell + cell / 2;
    const name = fitText(classes[i]!, turned ? 112 : cell);
    parts.push(turned ? turnedLabel(x0 + 4, top - 6, name) : label(x0, top - 6, name, { anchor: "middle" }));
    const of = shares(row);
    for (const [j, n] of row.entries()) {
      const x = left + j * cell;
      const ink = i === j ? "baseline" : "truth";
      parts.push(`<rect class="f-${ink}" fill-opacity="${(0.06 + 0.8 * of[j]!).toFixed(2)}" x="${px(x + 1)}" y="${px(y + 1)}" width="${px(cell - 2)}" height="${px(cell - 2)}" rx="2"/>`);
      if (n > 0 && textWidth(String(n)) < cell - 2) parts.push(label(x + cell / 2, y + cell / 2 + 4, String(n), { anchor: "middle" }));
    }
  }
  return svgFile(width, top + C * cell + edge, title, head + parts.join(""));
}

function turnedLabel(x: number, y: number, text: string): string {
  const plain = label(0, 0, text);
  return plain.replace('x="0" y="0"', `transform="translate(${px(x)} ${px(y)}) rotate(-60)"`);
}

/** The classes that a terminal shows; more than these are too many to read there. */
const MOST = 20;

/**
 * The same for a terminal: a line a true class, with counts; of many classes the pairs that are taken for one another most.
 * @throws shape: not a square of the classes; range: no class
 */
export function confusionText(plot: ConfusionPlot): string {
  check(plot, "confusionText");
  const { classes, counts } = plot;
  const clean = classes.map((name) => [...name.replaceAll(/[\p{Cc}\p{Cf}\p{Surrogate}]/gu, "\ufffd")].slice(0, 16).join(""));
  if (classes.length <= MOST) {
    const head = ["true \\ answered", ...clean];
    const rows = counts.map((row, i) => [clean[i]!, ...row.map((n) => (n === 0 ? "·" : String(n)))]);
    const widths = head.map((cell, c) => Math.max(cell.length, ...rows.map((row) => row[c]!.length)));
    return [head, ...rows].map((row) => row.map((cell, c) => (c === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[c]!))).join("  ")).join("\n");
  }
  const pairs = counts.flatMap((row, i) => row.flatMap((n, j) => (i !== j && n > 0 ? [{ n, i, j }] : [])));
  const worst = pairs.sort((a, b) => b.n - a.n || a.i - b.i).slice(0, 10);
  if (worst.length === 0) return "no class is taken for another";
  return ["taken for another most often:", ...worst.map(({ n, i, j }) => `  ${clean[i]} answered as ${clean[j]}: ${n}`)].join("\n");
}
