/** @file Which parts of a source each token of a translation was made from, as a picture: a field of shares, one row a target token. */
import { SluiceError } from "../base/errors.ts";
import { fitText, heading, headWidth, label, px, svgFile, textWidth } from "./svg.ts";

export interface AlignmentPlot {
  readonly title: string;
  readonly subtitle?: string;
  /** Tokens, across. */
  readonly source: readonly string[];
  /** Tokens, down. */
  readonly target: readonly string[];
  /** [target][source]: shares from 0 to 1. */
  readonly weights: readonly ArrayLike<number>[];
}

const edge = 20;
const longest = 150;

/**
 * A self-contained SVG: a cell is as dark as its share, and carries it in percent from a half on.
 * @throws shape: weights that are not one row a target token and one column a source token; range: no tokens
 */
export function alignmentSvg({ title, subtitle, source, target, weights }: AlignmentPlot): string {
  const [S, T] = [source.length, target.length];
  if (S === 0 || T === 0) throw new SluiceError("range", `alignmentSvg: there are ${S} source and ${T} target tokens, expected at least one each`);
  const odd = weights.findIndex((row) => row.length !== S);
  if (weights.length !== T || odd >= 0) {
    throw new SluiceError("shape", `alignmentSvg: weights are [${weights.length}, ${weights[Math.max(odd, 0)]?.length ?? 0}], expected [${T}, ${S}]; one row a target token, one column a source token`);
  }
  const cell = Math.max(10, Math.min(36, Math.floor(720 / Math.max(S, T))));
  const left = edge + Math.min(longest, Math.max(...target.map((token) => textWidth(token)))) + 10;
  const tall = Math.min(longest, Math.max(...source.map((token) => textWidth(token))));
  // The last column's name leans over the edge.
  const width = Math.max(headWidth(title, edge), left + S * cell + tall / 2 + edge);
  const [head, begin] = heading(title, subtitle, edge, width);
  const top = begin + 0.87 * tall + 16;
  const parts: string[] = [];
  for (const [s, token] of source.entries()) {
    const x = left + s * cell + cell / 2 + 4;
    parts.push(label(0, 0, fitText(token, longest)).replace('x="0" y="0"', `transform="translate(${px(x)} ${px(top - 6)}) rotate(-60)"`));
  }
  for (const [t, row] of weights.entries()) {
    const y = top + t * cell;
    parts.push(label(left - 8, y + cell / 2 + 4, fitText(target[t]!, longest), { anchor: "end" }));
    for (let s = 0; s < S; s++) {
      const share = Math.min(1, Math.max(0, row[s]!));
      const [x, side] = [left + s * cell + 1, cell - 2];
      parts.push(`<rect class="f-forecast" fill-opacity="${(0.04 + 0.86 * share).toFixed(2)}" x="${px(x)}" y="${px(y + 1)}" width="${px(side)}" height="${px(side)}" rx="2"/>`);
      if (share >= 0.5 && cell >= 26) parts.push(label(x + side / 2, y + cell / 2 + 4, String(Math.round(100 * share)), { anchor: "middle" }));
    }
  }
  return svgFile(width, top + T * cell + edge, title, head + parts.join(""));
}
