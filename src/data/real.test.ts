/**
 * @file Truth: the known facts of six public data sets (their row counts, steps, missing values). Skips where the files are not
 * at hand.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { fillGaps } from "./gaps.ts";
import { readTable } from "./read.ts";
import { fitScaler } from "./scale.ts";
import type { SeriesOptions } from "./series.ts";
import { toSeries } from "./series.ts";
import { parseSplit, splitSeries } from "./split.ts";
import { windowStarts } from "./windows.ts";

const folder = fileURLToPath(new URL("../../../shared/data/forecasting/", import.meta.url));
const there = existsSync(folder);
if (!there) console.log("real.test.ts: skipped, ../shared/data/forecasting is not there");
const load = async (name: string, options: SeriesOptions) => toSeries(await readTable(folder + name), options);

describe.skipIf(!there)("public data sets", () => {
  test("ETTh1: hourly, whole, and the windows of the published protocol", async () => {
    const set = await load("ETTh1.csv", { time: "date", targets: "all" });
    const s = set.series[0]!;
    expect([set.freq.name, s.length, set.targetNames.join()]).toEqual(["1h", 17420, "HUFL,HULL,MUFL,MULL,LUFL,LULL,OT"]);
    expect(set.notes).toEqual([]);
    const split = splitSeries(s, parseSplit("8640,2880,2880"));
    const count = (part: "train" | "valid" | "test") => windowStarts(s, split[part], { lookback: 96, horizon: 96, part }).length;
    expect([count("train"), count("valid"), count("test")]).toEqual([8449, 2785, 2785]);
    // Standardised by the training hours, as published.
    const scaler = fitScaler("standard", [{ values: s.values, from: 0, to: 8640 }], s.width);
    let [error, n] = [0, 0];
    for (const start of windowStarts(s, split.test, { lookback: 96, horizon: 96, part: "test" })) {
      for (let h = 0; h < 96; h++) {
        for (let c = 0; c < 7; c++) {
          error += ((s.values[(start + 96 + h) * 7 + c]! - s.values[(start + 95) * 7 + c]!) / scaler.all.scale[c]!) ** 2;
          n++;
        }
      }
    }
    expect(error / n).toBeCloseTo(1.294, 3); // repeating the last value, measured by another program
  });

  test("Beijing PM2.5: time from four columns, NA in 2,067 rows", async () => {
    const set = await load("beijing-pm25.csv", {
      time: ["year", "month", "day", "hour"],
      targets: "pm2.5",
      past: ["TEMP", "cbwd"],
    });
    expect([set.freq.name, set.series[0]!.length, set.pastNames.join()]).toEqual([
      "1h",
      43824,
      "TEMP,cbwd=NE,cbwd=NW,cbwd=SE,cbwd=cv",
    ]);
    const { report } = fillGaps(set);
    expect(report.filled + report.left).toBe(2067);
    expect(report.left).toBeGreaterThanOrEqual(24); // the first day is never filled
  });

  test("Melbourne: no 29 February and two days absent", async () => {
    const set = await load("daily-min-temperatures.csv", { time: "Date", targets: "Temp" });
    expect([set.freq.name, set.series[0]!.length]).toEqual(["1D", 3652]);
    expect(set.notes).toEqual([expect.stringContaining("2 gaps of 2 absent rows in all, the longest 1")]);
  });

  test("airline passengers, exchange rates, S&P 500: months, rows, weekdays", async () => {
    const air = await load("airline-passengers.csv", { time: "Month", targets: "Passengers" });
    expect([air.freq.name, air.series[0]!.length, air.notes.length]).toEqual(["1M", 144, 0]);
    const rates = await load("exchange_rate.csv", { targets: "all" });
    expect([rates.freq.name, rates.series[0]!.length, rates.targetNames.join(), rates.timed]).toEqual([
      "row",
      7588,
      "1,2,3,4,5,6,7,8",
      false,
    ]);
    const sp = await load("sp500-2000.csv", { time: "date", targets: "close" });
    expect([sp.freq.name, sp.series[0]!.length]).toEqual(["weekday", 5105]);
  });
});
