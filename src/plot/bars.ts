/**
 * @file Horizontal bars side by side: a model beside its baselines for each horizon, one library beside another in a benchmark.
 */
import { scaleLinear } from "d3-scale";
import { SluiceError } from "../base/errors.ts";
import { numberFormat, showNumber, xAxis } from "./axis.ts";
import { drawable, extent } from "./series.ts";
import { fitText, heading, type Ink, type LegendEntry, label, legend, px, rule, svgFile, textWidth } from "./svg.ts";

export interface Bar {
  /** What is measured, for example `GRU` or `last value`; the legend when a group has several. */
  readonly name: string;
  /** NaN, where there is none, is written as – and has no bar. */
  readonly value: number;
}

export interface BarGroup {
  /** At the left of the group, for example `1 h ahead`. */
  readonly label: string;
  readonly bars: readonly Bar[];
}

export interface BarsPlot {
  readonly title: string;
  readonly subtitle?: string;
  readonly groups: readonly BarGroup[];
  /** What the values are, under the axis: `MSE`, `samples/s`. */
  readonly valueName?: string;
  /** The best bar of each group gets full colour of its number; absent: none does. */
  readonly better?: "lower" | "higher";
  readonly width?: number;
}

const inks: readonly Ink[] = ["forecast", "history", "baseline", "truth", "other"];
const edge = 20;
const thick = 16;

/**
 * A self-contained SVG. Bars start at 0; each carries its value.
 * @throws range: no group, a group without bars, or more than five names
 */
export function barsSvg({ title, subtitle, groups, valueName, better, width: asked = 800 }: BarsPlot): string {
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  if (groups.some(({ bars }) => bars.length === 0))
    throw new SluiceError("range", "barsSvg: a group has no bars, expected at least one each");
  if (names.length === 0 || names.length > inks.length)
    throw new SluiceError("range", `barsSvg: there are ${names.length} different bars, expected 1 to ${inks.length}`);
  const width = Math.max(320, asked);
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const [low, high] = extent(values, [0]);
  const whole = values.every((value) => Number.isInteger(value) || Number.isNaN(value));
  const write = (value: number): string => showNumber(value, !whole);
  const [head, headHeight] = heading(title, subtitle, edge, width);
  const entries = names.length > 1 ? names.map((name, i): LegendEntry => ({ text: name, ink: inks[i]!, mark: "block" })) : [];
  const [key, keyHeight] = legend(entries, edge, headHeight, width - edge);
  const room = Math.max(...values.map((value) => textWidth(write(value)))) + 10;
  const labelWidth = Math.min(width * 0.35, Math.max(...groups.map((group) => textWidth(group.label))));
  const left = edge + labelWidth + 12 + (low < 0 ? room : 0);
  const right = width - edge - room;
  const x = scaleLinear([low, high - low > 1e-250 ? high : low + 1], [left, right]);
  const count = Math.max(2, Math.floor((right - left) / 110));
  const format = numberFormat(x, count);
  const ticks = x.ticks(count).map((value) => ({ x: x(value), text: format(value) }));

  const top = headHeight + keyHeight + 8;
  const bars: string[] = [];
  let y = top;
  for (const group of groups) {
    const height = group.bars.length * (thick + 3);
    bars.push(label(edge + labelWidth, y + height / 2 + 6, fitText(group.label, labelWidth), { anchor: "end" }));
    const best = bestOf(group.bars, better);
    for (const { name, value } of group.bars) {
      bars.push(drawBar(x, y + 4, value, write(value), inks[names.indexOf(name)]!, best === undefined || value === best));
      y += thick + 3;
    }
    y += 10;
  }
  const grid = ticks.map((tick) => rule(tick.x, top, tick.x, y, "grid")).join("") + rule(x(0), top, x(0), y, "zero");
  const foot = valueName ? label((left + right) / 2, y + 36, valueName, { anchor: "middle", className: "muted" }) : "";
  return svgFile(width, y + (valueName ? 48 : 32), title, head + key + grid + bars.join("") + xAxis(ticks, y, width) + foot);
}

function bestOf(bars: readonly Bar[], better: BarsPlot["better"]): number | undefined {
  const [low, high] = extent(bars.map(({ value }) => value));
  return better === "lower" ? low : better === "higher" ? high : undefined;
}

function drawBar(x: (value: number) => number, y: number, value: number, text: string, ink: Ink, strong: boolean): string {
  const zero = x(0);
  const end = drawable(value) ? x(value) : zero;
  const bar =
    end === zero
      ? ""
      : `<rect class="f-${ink}" x="${px(Math.min(zero, end))}" y="${px(y)}" width="${px(Math.abs(end - zero))}" height="${thick}" rx="2"/>`;
  const outwards = end < zero ? -1 : 1;
  return (
    bar +
    label(end + outwards * 6, y + 12.5, text, { anchor: outwards < 0 ? "end" : "start", className: strong ? "ink" : "muted" })
  );
}
