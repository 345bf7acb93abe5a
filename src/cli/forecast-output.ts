/** @file Forecasts as a person and a program want them: CSV, SVG, and a small plot in the terminal. Node-only. */
import type { Column, Table } from "../data/table.ts";
import type { SeriesSet } from "../data/series.ts";
import { writeAtomic } from "../formats/files.ts";
import { type ForecastPlot, forecastSvg, forecastText } from "../plot/index.ts";
import { forecastPlot, holdOut } from "../tasks/forecast/apply.ts";
import type { Forecaster, SeriesForecast } from "../tasks/forecast/forecaster.ts";
import { list } from "./show.ts";

/** The last horizon of a table, forecast from the rows before it. */
export const heldOut = (model: Forecaster, set: SeriesSet): SeriesForecast[] => model.predict(holdOut(set, model.horizon));

/** Seven digits: as many as a float32 has. */
const rounded = (v: number): number => (Number.isFinite(v) ? Number(v.toPrecision(7)) : Number.NaN);

/**
 * The forecasts as a table. One target: a row for each step, the point under the target's own name. Several: a row for each step and target, with a
 * column that names it. Then the quantiles (`q0.1` …), and with `truth` what came.
 */
export function forecastTable(model: Forecaster, set: SeriesSet, forecasts: readonly SeriesForecast[], truth: boolean): Table {
  const { id, timeNames, targetNames } = model.preprocessing;
  const single = targetNames.length === 1;
  const rows = forecasts.flatMap((f) => {
    const s = set.series.find((one) => one.id === f.id)!;
    const rowAt = new Map(Array.from(s.times, (t, row) => [t, row]));
    return Array.from(f.times, (time, m) =>
      f.targets.map((target, c) => ({ id: f.id, time, target, m, truth: measuredAt(s, rowAt.get(time), c) })),
    ).flat();
  });
  const numbers = (name: string, pick: (row: (typeof rows)[number]) => number): Column => ({
    name,
    kind: "number",
    values: Float64Array.from(rows, (row) => rounded(pick(row))),
  });
  const times = Float64Array.from(rows, (row) => row.time);
  const levels = forecasts[0]?.targets[0]?.quantiles.map(({ level }) => level) ?? [];
  const columns: Column[] = [
    ...(id === undefined ? [] : [{ name: id, kind: "text" as const, values: rows.map((row) => row.id) }]),
    set.timed
      ? { name: timeNames.length === 1 ? timeNames[0]! : "time", kind: "time", values: times }
      : { name: "row", kind: "number", values: times.map((t) => t + 1) },
    ...(single ? [] : [{ name: "target", kind: "text" as const, values: rows.map((row) => row.target.name) }]),
    numbers(single ? targetNames[0]! : "point", (row) => row.target.point[row.m]!),
    ...levels.map((level, q) => numbers(`q${level}`, (row) => row.target.quantiles[q]!.values[row.m]!)),
    ...(truth ? [numbers("truth", (row) => row.truth)] : []),
  ];
  return { source: "forecast", rows: rows.length, columns, notes: [] };
}

const measuredAt = (s: SeriesSet["series"][number], row: number | undefined, c: number): number =>
  row === undefined ? Number.NaN : s.measured[row * s.width + c]!;

function plotOf(model: Forecaster, set: SeriesSet, forecasts: readonly SeriesForecast[], source: string): ForecastPlot {
  const { targetNames, freq } = model.preprocessing;
  return forecastPlot(
    model,
    set,
    forecasts,
    `${list(targetNames, 3)}: ${model.horizon} ${freq.unit === "row" ? "rows" : `× ${freq.name}`} ahead (${source})`,
  );
}

/** Writes the SVG. */
export function drawForecast(
  path: string,
  model: Forecaster,
  set: SeriesSet,
  forecasts: readonly SeriesForecast[],
  source: string,
): void {
  writeAtomic(path, forecastSvg(plotOf(model, set, forecasts, source)));
}

/** The first few targets as plots of letters. */
export function terminalPlot(
  model: Forecaster,
  set: SeriesSet,
  forecasts: readonly SeriesForecast[],
  columns: number,
  colour: boolean,
): string {
  const { panels, axis = "time", context = 4 } = plotOf(model, set, forecasts, "");
  const shown = panels
    .slice(0, 3)
    .map((panel) =>
      forecastText(panel, { columns: Math.min(columns, 110), rows: panels.length > 1 ? 8 : 12, colour, axis, context }),
    );
  return [...shown, ...(panels.length > 3 ? [`… and ${panels.length - 3} more; --plot file.svg draws up to 12`] : [])].join(
    "\n\n",
  );
}
