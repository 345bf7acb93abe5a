/** @file The door to plots: self-contained SVG pictures and plots for a terminal. Runs in browsers. */
export { type AlignmentPlot, alignmentSvg } from "./alignment.ts";
export { type Bar, type BarGroup, type BarsPlot, barsSvg } from "./bars.ts";
export { type ConfusionPlot, confusionSvg, confusionText } from "./confusion.ts";
export { type ForecastPlot, forecastSvg } from "./forecast-svg.ts";
export { type LossCurve, type LossPlot, lossSvg } from "./loss-svg.ts";
export { type ReliabilityPlot, type ReliabilityPoint, reliabilitySvg } from "./reliability.ts";
export type { Band, ForecastPanel, Line } from "./series.ts";
export { forecastText, sparkline, type TerminalOptions } from "./terminal.ts";
