/**
 * @file The picture of a training run: losses over steps, on a logarithmic scale when they fall far, with the best step marked.
 */
import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { SluiceError } from "../base/errors.ts";
import { numberFormat, numberTicks, showNumber, xAxis, yAxis } from "./axis.ts";
import { checkLine, drawable, extent, type Point, thin, widened } from "./series.ts";
import { heading, type Ink, type LegendEntry, label, legend, px, rule, svgFile, textWidth } from "./svg.ts";

export interface LossCurve {
  /** For example `training` or `validation`. */
  readonly name: string;
  /** Step numbers, rising. */
  readonly steps: ArrayLike<number>;
  /** One a step; NaN and Infinity are gaps. */
  readonly values: ArrayLike<number>;
}

export interface LossPlot {
  readonly title: string;
  readonly subtitle?: string;
  /** Up to five. */
  readonly curves: readonly LossCurve[];
  /** The step whose weights were kept. */
  readonly best?: { readonly step: number; readonly value: number };
  /** Under the x axis; `step` unless given. */
  readonly xName?: string;
  /** `auto`, unless given: logarithmic if all values are above 0 and the largest is 12 times the smallest. */
  readonly scale?: "auto" | "linear" | "log";
  readonly width?: number;
}

const inks: readonly Ink[] = ["history", "forecast", "truth", "baseline", "other"];
const edge = 20;

/**
 * A self-contained SVG of one or several curves.
 * @throws shape, range: as `checkLine`; range: no curve or more than five, or a logarithmic scale for values not above 0
 */
export function lossSvg({ title, subtitle, curves, best, xName = "step", scale = "auto", width: asked = 800 }: LossPlot): string {
  if (curves.length === 0 || curves.length > inks.length)
    throw new SluiceError("range", `lossSvg: curves has ${curves.length} entries, expected 1 to ${inks.length}`);
  for (const { name, steps, values } of curves) checkLine(steps, values, `lossSvg: "${name}"`);
  const width = Math.max(320, asked);
  const [low, high] = widened(extent(...curves.map(({ values }) => values), best ? [best.value] : []));
  if (scale === "log" && low <= 0)
    throw new SluiceError(
      "range",
      `lossSvg: the smallest value is ${low}, expected above 0; scale "log" needs it, scale "linear" does not`,
    );
  const log = scale === "log" || (scale === "auto" && low > 0 && high / low > 12);
  const steps = extent(...curves.map((curve) => curve.steps));

  const [head, headHeight] = heading(title, subtitle, edge, width);
  const inkOf = (i: number): Ink => (curves.length === 1 ? "forecast" : inks[i]!);
  const [key, keyHeight] = legend(
    curves.map(({ name }, i): LegendEntry => ({ text: name, ink: inkOf(i), mark: "line" })),
    edge,
    headHeight,
    width - edge,
  );
  const top = headHeight + keyHeight + (best ? 26 : 12);
  const bottom = top + 260;
  const air = (high - low) * 0.04;
  const y = log ? scaleLog([low / 1.1, high * 1.1], [bottom, top]) : scaleLinear([low - air, high + air], [bottom, top]);
  const ticks = log ? logTicks(y.domain()[0]!, y.domain()[1]!) : y.ticks(6);
  const format = log ? showNumber : numberFormat(scaleLinear(y.domain(), [0, 1]), 6);
  const left = Math.max(40, edge + 8 + Math.max(...ticks.map((tick) => textWidth(format(tick)))));
  const right = width - edge;
  const domain: [number, number] =
    steps[0] < steps[1] ? steps : Number.isFinite(steps[0]) ? [steps[0] - 1, steps[0] + 1] : [0, 1];
  const x = scaleLinear(domain, [left, right]);
  const xTicks = numberTicks(domain, left, right);

  const draw = line<Point>(
    ([t]) => x(t),
    ([, v]) => y(v),
  )
    .defined(([, v]) => drawable(v) && (!log || v > 0))
    .digits(1);
  const limit = Math.floor(8000 / curves.length);
  const body = [
    head,
    key,
    ...xTicks.map((tick) => rule(tick.x, top, tick.x, bottom, "grid")),
    yAxis(y, ticks, format, left, right),
  ];
  curves.forEach((curve, i) => {
    const points = thin({ times: curve.steps, values: curve.values }, Math.min(limit, 1400));
    const d = draw(points);
    if (d) body.push(`<path class="line ${points.length > 400 ? "fine " : ""}l-${inkOf(i)}" d="${d}"/>`);
  });
  if (best)
    body.push(
      bestMark(
        x(best.step),
        y(best.value),
        `best ${showNumber(best.value)} at ${xName} ${showNumber(best.step)}`,
        left,
        right,
        top,
      ),
    );
  body.push(
    xAxis(xTicks, bottom, width),
    label((left + right) / 2, bottom + 36, xName, { anchor: "middle", className: "muted" }),
  );
  return svgFile(width, bottom + 48, title, body.join(""));
}

/** A ring on the curve, and words above the plot where no curve can be, joined by a dotted line. */
function bestMark(x: number, y: number, text: string, left: number, right: number, top: number): string {
  const half = textWidth(text) / 2;
  const at = Math.max(left, Math.min(x - half, right - 2 * half));
  const ring = `<circle class="paper l-forecast" stroke-width="2" cx="${px(x)}" cy="${px(y)}" r="4"/>`;
  return rule(x, top - 4, x, y - 5, "split") + ring + label(at, top - 10, text);
}

/** 1, 2, 5 in every power of ten; powers alone when there are many, every second or third of those when there are very many. */
function logTicks(low: number, high: number): number[] {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = to - from;
  const stride = Math.max(1, Math.ceil(decades / 8));
  const ticks: number[] = [];
  for (let p = from; p <= to; p += stride) for (const m of decades <= 3 ? [1, 2, 5] : [1]) ticks.push(Number(`${m}e${p}`));
  return ticks.filter((tick) => tick >= low && tick <= high);
}
