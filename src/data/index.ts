/** @file `sluice/data`: tables, regular series, scalers, splits and windows. */
export * from "./calendar.ts";
export { parseNumber } from "./cells.ts";
export { type CsvOptions, detectDelimiter, parseCsv } from "./csv.ts";
export {
  addSteps,
  type Frequency,
  frequency,
  parseFrequency,
  rowFrequency,
  seasonCandidates,
  seasonOf,
  stepsBetween,
  weekdayFrequency,
} from "./frequency.ts";
export { fillGaps, type GapReport } from "./gaps.ts";
export { inferFrequency } from "./infer-frequency.ts";
export { type ParquetOptions, parseParquet } from "./parquet.ts";
export { readCsv, readParquet, readTable } from "./read.ts";
export * from "./scale.ts";
export { historyLength, requireRows, type Series, type SeriesOptions, type SeriesSet, timeAt, toSeries } from "./series.ts";
export * from "./split.ts";
export { type Column, column, type NumberColumn, numberColumn, type Table, type TextColumn, type TimeColumn } from "./table.ts";
export { formatTime, type ParseTimesOptions, parseTimes } from "./time.ts";
export { findTimeColumn, timesOf } from "./time-columns.ts";
export { sampleWeather, type WeatherOptions } from "./weather.ts";
export { type WindowOptions, windowStarts } from "./windows.ts";
export { quoteCell, toCsv } from "./write.ts";
