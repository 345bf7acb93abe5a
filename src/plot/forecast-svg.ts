/**
 * @file The picture of a forecast: history, fan of intervals, what came, one panel a target; any number of points, below 200 KB.
 */
import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { SluiceError } from "../base/errors.ts";
import { numberFormat, numberTicks, showTime, timeTicks, xAxis, yAxis } from "./axis.ts";
import {
  checkPanel,
  drawable,
  extent,
  type ForecastPanel,
  historyStart,
  type Line,
  type Point,
  type Span,
  thin,
  thinBand,
  widened,
} from "./series.ts";
import { fitText, heading, type LegendEntry, label, legend, rule, svgFile, textWidth } from "./svg.ts";

export interface ForecastPlot {
  readonly title: string;
  readonly subtitle?: string;
  /** One panel a target, drawn below each other. Those beyond the 12th are counted, not drawn. */
  readonly panels: readonly ForecastPanel[];
  /** What the x axis counts: `time`, milliseconds since 1970 shown in UTC, or `step`. */
  readonly axis?: "time" | "step";
  /** How much history to show, in lengths of the forecast; Infinity for all. 4 unless given. */
  readonly context?: number;
  /** In pixels; 800 unless given, at least 320. */
  readonly width?: number;
}

const maxPanels = 12;
const edge = 20;
/** Points in the whole file; each takes about 11 bytes. */
const maxPoints = 13_000;

/**
 * A self-contained SVG, light or dark as the viewer prefers. Gaps (NaN) stay gaps; times are shown in UTC.
 * @throws shape, range: parts that do not fit together, see `checkPanel`; missing: no panel
 */
export function forecastSvg({ title, subtitle, panels, axis = "time", context = 4, width: asked = 800 }: ForecastPlot): string {
  if (panels.length === 0) throw new SluiceError("missing", "forecastSvg: panels is empty, expected at least one series to draw");
  for (const panel of panels) checkPanel(panel, "forecastSvg");
  const width = Math.max(320, asked);
  const shown = panels
    .slice(0, maxPanels)
    .map((panel) => ({ panel, start: historyStart(panel.history, panel.forecast.times, context) }));
  const plotHeight = shown.length === 1 ? 270 : shown.length <= 3 ? 150 : 96;
  const frames = shown.map(({ panel, start }) => frameOf(panel, start, plotHeight));
  const left = Math.max(
    40,
    ...frames.map(({ ticks, format }) => edge + 8 + Math.max(...ticks.map((tick) => textWidth(format(tick))))),
  );
  const right = width - edge;
  const sameTimes = frames.every(({ times }) => times[0] === frames[0]!.times[0] && times[1] === frames[0]!.times[1]);
  const lists = shown.reduce(
    (sum, { panel: { forecast, truth, baseline } }) =>
      sum + 2 + 2 * (forecast.bands?.length ?? 0) + (truth ? 1 : 0) + (baseline ? 1 : 0),
    0,
  );
  const limit = Math.min(1400, Math.floor(maxPoints / lists));

  const [head, headHeight] = heading(title, subtitle, edge, width);
  const [key, keyHeight] = legend(entriesFor(shown.map(({ panel }) => panel)), edge, headHeight, right);
  const body = [head, key];
  let y = headHeight + keyHeight + 4;
  shown.forEach(({ panel, start }, i) => {
    const frame = frames[i]!;
    const ticks = axis === "time" ? timeTicks(frame.times, left, right) : numberTicks(frame.times, left, right);
    const top = y + 26;
    body.push(
      drawPanel(panel, start, frame, { left, right, top, bottom: top + plotHeight, ticks: ticks.map(({ x }) => x), axis, limit }),
    );
    y = top + plotHeight + 6;
    if (!sameTimes || i === shown.length - 1) {
      body.push(xAxis(ticks, y - 6, width));
      y += ticks.some((tick) => tick.context) ? 40 : 24;
    }
  });
  if (panels.length > maxPanels) {
    y += 14;
    body.push(label(edge, y, `and ${panels.length - maxPanels} more series`, { className: "muted" }));
  }
  return svgFile(width, y + 8, title, body.join(""));
}

interface Frame {
  readonly times: [number, number];
  readonly values: [number, number];
  readonly ticks: number[];
  readonly format: (value: number) => string;
}

/** What the axes of a panel span. Intervals may add to the values' range no more than its own size on each side. */
function frameOf({ history, forecast, truth, baseline }: ForecastPanel, start: number, height: number): Frame {
  const seen = Array.from({ length: history.times.length - start }, (_, i) => history.values[start + i]!);
  let [low, high] = widened(extent(seen, forecast.point, truth?.values ?? [], baseline?.values ?? []));
  const [bandLow, bandHigh] = extent(...(forecast.bands ?? []).flatMap((band) => [band.lower, band.upper]));
  const room = high - low;
  [low, high] = [Math.max(Math.min(low, bandLow), low - room), Math.min(Math.max(high, bandHigh), high + room)];
  const air = (high - low) * 0.06;
  const count = Math.max(2, Math.round(height / 45));
  const scale = scaleLinear([low - air, high + air], [0, 1]);
  const span = extent(Array.from(history.times).slice(start), forecast.times, truth?.times ?? [], baseline?.times ?? []);
  const times: [number, number] = span[0] < span[1] ? span : span[0] === span[1] ? [span[0] - 1, span[1] + 1] : [0, 1];
  return { times, values: scale.domain() as [number, number], ticks: scale.ticks(count), format: numberFormat(scale, count) };
}

interface Place {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Where the vertical grid lines stand. */
  readonly ticks: readonly number[];
  readonly axis: "time" | "step";
  /** Most points of one line. */
  readonly limit: number;
}

function drawPanel(panel: ForecastPanel, start: number, frame: Frame, place: Place): string {
  const { name, unit, history, forecast, truth, baseline } = panel;
  const { left, right, top, bottom, limit } = place;
  const x = scaleLinear(frame.times, [left, right]);
  const y = scaleLinear(frame.values, [bottom, top]);
  const draw = line<Point>(
    ([t]) => x(t),
    ([, v]) => y(v),
  )
    .defined(([, v]) => drawable(v))
    .digits(1);
  const fill = area<Span>()
    .x(([t]) => x(t))
    .y0(([, low]) => y(low))
    .y1(([, , high]) => y(high))
    .defined(([, low, high]) => drawable(low) && drawable(high))
    .digits(1);
  const path = (className: string, d: string | null): string => (d ? `<path class="line ${className}" d="${d}"/>` : "");

  // The forecast continues the last known value, so that the eye sees one line and not two.
  const n = history.times.length;
  const last: Point[] = n > 0 && drawable(history.values[n - 1]) ? [[history.times[n - 1]!, history.values[n - 1]!]] : [];
  const onwards = (part: Line): Point[] => [
    ...(drawable(part.values[0]) && (last[0]?.[0] ?? Infinity) < part.times[0]! ? last : []),
    ...thin(part, limit),
  ];
  const bands = [...(forecast.bands ?? [])]
    .sort((a, b) => b.level - a.level)
    .map((band) => {
      const spans = thinBand(forecast.times, band, limit);
      return fill([...last.map(([t, v]): Span => [t, v, v]), ...spans]);
    });

  const past = thin(history, limit, start);
  const grid =
    place.ticks.map((at) => rule(at, top, at, bottom, "grid")).join("") + yAxis(y, frame.ticks, frame.format, left, right);
  const lines = [
    ...bands.map((d) => `<path class="f-forecast" fill-opacity="${bandOpacity}" d="${d}"/>`),
    path(past.length > right - left ? "fine l-history" : "l-history", draw(past)),
    baseline ? path("l-baseline dash", draw(onwards(baseline))) : "",
    truth ? path("l-truth", draw(onwards(truth))) : "",
    path("l-forecast bold", draw(onwards({ times: forecast.times, values: forecast.point }))),
  ].join("");
  // A nested svg clips at its edges without needing an id.
  const clipped = `<svg x="${left}" y="${top - 2}" width="${right - left}" height="${bottom - top + 4}" viewBox="${left} ${top - 2} ${right - left} ${bottom - top + 4}">${lines}</svg>`;

  const heading = unit ? `${name} (${unit})` : name;
  const split = n > 0 ? x(history.times[n - 1]!) : left;
  const since = n > 0 ? (place.axis === "time" ? showTime(history.times[n - 1]!) : `step ${history.times[n - 1]}`) : "";
  return (
    grid +
    clipped +
    (n > 0 && n > start ? rule(split, top - 4, split, bottom, "split") : "") +
    panelHead(heading, since && `known up to ${since}`, split, place)
  );
}

/** The panel's name at the left, and above the split line where knowledge ends: on the side that has room, or not at all. */
function panelHead(name: string, note: string, split: number, { right, top }: Place): string {
  const noteWidth = textWidth(note);
  const end = split - 6;
  const roomLeft = end - noteWidth - 16 - edge;
  const beside = note !== "" && textWidth(name, boldSize) <= roomLeft;
  const shown = fitText(name, beside ? roomLeft : right - edge, boldSize);
  return (
    label(edge, top - 12, shown, { className: "name ink" }) +
    (beside ? label(split + 4, top - 12, note, { anchor: "end", className: "muted" }) : "")
  );
}

const bandOpacity = 0.16;
/** 13 pixels, bold, which runs wider. */
const boldSize = 14.5;

/** One entry for each kind of line that some panel has. */
function entriesFor(panels: readonly ForecastPanel[]): LegendEntry[] {
  const entries: LegendEntry[] = [
    { text: "history", ink: "history", mark: "line" },
    { text: "forecast", ink: "forecast", mark: "line" },
  ];
  const levels = [...new Set(panels.flatMap(({ forecast }) => (forecast.bands ?? []).map(({ level }) => level)))].sort(
    (a, b) => b - a,
  );
  levels.forEach((level, i) => {
    // Narrower intervals lie on wider ones, so their colour adds up.
    entries.push({
      text: `${Math.round(level * 1000) / 10}% interval`,
      ink: "forecast",
      mark: "block",
      opacity: Math.round(100 * (1 - (1 - bandOpacity) ** (i + 1))) / 100,
    });
  });
  if (panels.some(({ truth }) => truth)) entries.push({ text: "what came", ink: "truth", mark: "line" });
  const names = [...new Set(panels.flatMap(({ baseline }) => (baseline ? [baseline.name] : [])))];
  if (names.length > 0) entries.push({ text: names.join(", "), ink: "baseline", mark: "dash" });
  return entries;
}
