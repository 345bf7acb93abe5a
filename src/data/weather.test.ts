/**
 * @file Truth: physics a station must obey, determinism, and the two things built in for a forecaster to find: clouds that
 * damp the day, and a barometer that falls before the temperature changes.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { parseCsv } from "./csv.ts";
import { fillGaps } from "./gaps.ts";
import { toSeries } from "./series.ts";
import { column, numberColumn } from "./table.ts";
import { sampleWeather } from "./weather.ts";
import { toCsv } from "./write.ts";

const whole = sampleWeather({ years: 3, gaps: false });
const of = (name: string) => numberColumn(whole, name);
const mean = (v: ArrayLike<number>) => Array.from(v).reduce((a, b) => a + b, 0) / v.length;
const at = (hourOfDay: number, monthFrom: number, monthTo: number, name: string) => {
  const times = column(whole, "time").values as Float64Array;
  return mean(
    of(name).filter((_, i) => {
      const d = new Date(times[i]!);
      return d.getUTCHours() === hourOfDay && d.getUTCMonth() >= monthFrom && d.getUTCMonth() <= monthTo;
    }),
  );
};

test("same seed, same bytes; another seed, other weather", () => {
  const hash = (seed: number) =>
    createHash("sha256")
      .update([...toCsv(sampleWeather({ seed, years: 0.2 }))].join(""))
      .digest("hex");
  expect(hash(1)).toBe(hash(1));
  expect(hash(1)).not.toBe(hash(2));
});

test("every quantity is in its range", () => {
  const limits = {
    temperature: [-30, 45],
    humidity: [0, 100],
    pressure: [940, 1060],
    wind: [0, 40],
    cloud: [0, 1],
    solar: [0, 1100],
    rain: [0, 60],
  };
  for (const [name, [least, most]] of Object.entries(limits)) {
    expect(
      of(name).every((v) => v >= least! && v <= most!),
      name,
    ).toBe(true);
    expect(new Set(of(name)).size, name).toBeGreaterThan(8);
  }
});

test("summers are warmer than winters, afternoons than nights, and more so in summer", () => {
  expect(at(12, 5, 7, "temperature") - at(12, 0, 1, "temperature")).toBeGreaterThan(12);
  const daily = (from: number, to: number) => at(15, from, to, "temperature") - at(4, from, to, "temperature");
  expect(daily(5, 7)).toBeGreaterThan(5);
  expect(daily(0, 1)).toBeGreaterThan(0.5);
  expect(daily(5, 7)).toBeGreaterThan(2 * daily(0, 1));
  expect(at(0, 5, 7, "solar")).toBe(0);
});

test("cloud damps the daily cycle by a factor", () => {
  const [t, cloud] = [of("temperature"), of("cloud")];
  const swing = (low: number, high: number) => {
    const days = Array.from({ length: 365 * 3 }, (_, d) => d).filter((d) => d % 365 > 120 && d % 365 < 240);
    const chosen = days.filter(
      (d) => mean(cloud.subarray(d * 24, d * 24 + 24)) >= low && mean(cloud.subarray(d * 24, d * 24 + 24)) < high,
    );
    return mean(chosen.map((d) => t[d * 24 + 15]! - t[d * 24 + 4]!));
  };
  expect(swing(0, 0.3)).toBeGreaterThan(1.5 * swing(0.6, 1.01));
});

test("a falling barometer tells of a change of temperature to come", () => {
  const [t, p] = [of("temperature"), of("pressure")];
  const change = (falling: boolean) => {
    const found: number[] = [];
    for (let i = 48; i < t.length - 48; i += 6) {
      const fall = p[i - 6]! - p[i]!;
      // The same hour of two days, so that the daily cycle is out of it.
      if (falling ? fall > 2.5 : Math.abs(fall) < 0.7) found.push(Math.abs(t[i + 24]! - t[i]!));
    }
    return mean(found);
  };
  expect(change(true)).toBeGreaterThan(1.4 * change(false));
});

test("outages and missing cells are few, and the series can be fed after short ones are filled", () => {
  const table = sampleWeather();
  const back = parseCsv([...toCsv(table)].join(""));
  expect(back.rows).toBe(table.rows);
  const set = toSeries(back, { targets: "temperature", past: ["humidity", "pressure"] });
  expect(set.freq.name).toBe("1h");
  expect(set.series[0]!.length).toBe(4 * 365 * 24);
  expect(set.notes.join()).toMatch(/\d gaps of/);
  const { report } = fillGaps(set);
  expect(report.filled).toBeGreaterThan(100);
  expect(report.left).toBeLessThan(400);
  expect(() => sampleWeather({ years: 0 })).toThrow("years is 0");
});
