/** @file Whether 80% means 80%: a reliability diagram. */
import { scaleLinear } from "d3-scale";
import { SluiceError } from "../base/errors.ts";
import { xAxis } from "./axis.ts";
import { heading, label, px, rule, svgFile } from "./svg.ts";

/** Answers whose stated probability lies between `from` and `to`. */
export interface ReliabilityPoint {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean stated probability. */
  readonly confidence: number;
  /** Share that was right. */
  readonly accuracy: number;
}

export interface ReliabilityPlot {
  readonly title: string;
  readonly subtitle?: string;
  readonly bins: readonly ReliabilityPoint[];
}

const edge = 20;
const side = 360;

/**
 * A self-contained SVG: bars of the share that was right over the probability that was stated, beside the diagonal where the two are equal;
 * under them how many answers each stands for.
 * @throws range: no answer
 * @see Niculescu-Mizil and Caruana 2005; Guo et al. 2017, arXiv:1706.04599
 */
export function reliabilitySvg({ title, subtitle, bins }: ReliabilityPlot): string {
  const all = bins.reduce((sum, b) => sum + b.count, 0);
  if (all === 0) throw new SluiceError("range", "reliabilitySvg: there are 0 answers, expected at least one");
  const width = side + 2 * edge + 60;
  const [head, top] = heading(title, subtitle, edge, width);
  const left = edge + 44;
  const x = scaleLinear([0, 1], [left, left + side]);
  const y = scaleLinear([0, 1], [top + 16 + side, top + 16]);
  const most = Math.max(...bins.map((b) => b.count));
  const parts: string[] = [];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(rule(x(0), y(share), x(1), y(share), "grid"), label(left - 8, y(share) + 4, `${100 * share}%`, { anchor: "end", className: "muted" }));
  }
  for (const { from, to, count, accuracy } of bins) {
    if (count === 0) continue;
    const w = x(to) - x(from) - 2;
    parts.push(`<rect class="f-forecast" fill-opacity="${(0.25 + (0.6 * count) / most).toFixed(2)}" x="${px(x(from) + 1)}" y="${px(y(accuracy))}" width="${px(w)}" height="${px(y(0) - y(accuracy))}" rx="1"><title>${count}</title></rect>`);
  }
  parts.push(rule(x(0), y(0), x(1), y(1), "line dash l-truth"));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => ({ x: x(share), text: `${100 * share}%` }));
  const foot = y(0) + 44;
  parts.push(label(left + side / 2, foot, "stated probability (darker: more answers)", { anchor: "middle", className: "muted" }), label(left, top + 6, "share that was right", { className: "muted" }));
  return svgFile(width, foot + edge, title, head + parts.join("") + xAxis(ticks, y(0), width));
}
