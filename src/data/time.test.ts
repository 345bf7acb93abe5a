/** @file Truth: the platform's own Date.UTC, calendars worked out by hand, and laws (format then parse, add then count). */
import fc from "fast-check";
import { expect, test } from "vitest";
import { calendarFeatures, calendarNames } from "./calendar.ts";
import {
  addSteps,
  parseFrequency,
  rowFrequency,
  seasonCandidates,
  seasonOf,
  stepsBetween,
  weekdayFrequency,
} from "./frequency.ts";
import { inferFrequency } from "./infer-frequency.ts";
import { parseCsv } from "./csv.ts";
import { findTimeColumn, timesOf } from "./time-columns.ts";
import { formatTime, parseTimes } from "./time.ts";

const utc = Date.UTC;
const one = (cell: string, format?: string) => parseTimes([cell], { format }).times[0]!;
const hour = 3_600_000;
const day = 24 * hour;

test("every form of text gives the moment it means", () => {
  const noon = utc(2016, 6, 1, 13, 5, 0);
  const cases: [string, number][] = [
    ["2016-07-01 13:05:00", noon],
    ["2016-07-01T13:05", noon],
    ["2016-07-01T13:05:00.250Z", noon + 250],
    ["2016-07-01T15:05:00+02:00", noon],
    ["2016-07-01 08:05:00 -0500", noon],
    ["2016/7/1 13:05", noon],
    ["2016-07-01 1:05 PM", noon],
    ["20160701T130500Z", noon],
    ["01.07.2016 13:05", noon],
    ["31/12/2016", utc(2016, 11, 31)],
    ["12/31/2016 12:30 AM", utc(2016, 11, 31, 0, 30)],
    ["12/31/99", utc(1999, 11, 31)],
    ["1 July 2016", utc(2016, 6, 1)],
    ["01-Jul-2016", utc(2016, 6, 1)],
    ["Jul 1, 2016", utc(2016, 6, 1)],
    ["2016-07-01", utc(2016, 6, 1)],
    ["1949-01", utc(1949, 0, 1)],
    ["1959Q3", utc(1959, 6, 1)],
    ["2021-W01", utc(2021, 0, 4)], // ISO 8601: week 1 of 2021 began on Monday 4 January
    ["2020-W53-7", utc(2021, 0, 3)],
    ["2016-12-31 24:00", utc(2017, 0, 1)],
    ["2016-02-29", utc(2016, 1, 29)],
    ["1467378300", noon],
    ["20160701", utc(2016, 6, 1)],
  ];
  for (const [cell, due] of cases) expect([cell, one(cell)]).toEqual([cell, due]);
});

test("numbers are years, months, days or counts since 1970, by their size", () => {
  const read = (...v: number[]) => parseTimes(Float64Array.from(v));
  expect(Array.from(read(1949, 1950).times)).toEqual([utc(1949, 0, 1), utc(1950, 0, 1)]);
  expect(read(194901).times[0]).toBe(utc(1949, 0, 1));
  expect(read(20160701).times[0]).toBe(utc(2016, 6, 1));
  for (const scale of [1, 1e3, 1e6, 1e9]) expect(read(1.4673783e9 * scale).times[0]).toBeCloseTo(1467378300000, 0);
  expect(() => read(20161301)).toThrow("YYYYMMDD");
  expect(() => read(42000)).toThrow("Excel");
  expect(() => read(1, 2, 3)).toThrow("rows are counted");
  expect(() => read(1949, Number.NaN)).toThrow("row 2: the time is missing");
});

test("day and month are told apart by the whole column or not at all", () => {
  expect(Array.from(parseTimes(["01/02/2020", "13/02/2020"]).times)).toEqual([utc(2020, 1, 1), utc(2020, 1, 13)]);
  expect(Array.from(parseTimes(["01/02/2020", "02/13/2020"]).times)).toEqual([utc(2020, 0, 2), utc(2020, 1, 13)]);
  expect(() => parseTimes(["01/02/2020", "03/04/2020"])).toThrow('say which with a time format such as "DD/MM/YYYY HH:mm"');
  expect(() => parseTimes(["13/02/2020", "02/13/2020"])).toThrow('row 2: time is "02/13/2020"');
  expect(one("01/02/2020", "MM/DD/YYYY")).toBe(utc(2020, 0, 2));
});

test("a format of the user's is taken literally, and refused without a year", () => {
  expect(one("5.2.21 7:08", "D.M.YY H:mm")).toBe(utc(2021, 1, 5, 7, 8));
  expect(() => one("5.2.21", "YYYY-MM-DD")).toThrow("expected a time written as YYYY-MM-DD");
  expect(() => one("5.2.", "D.M.")).toThrow("expected YYYY or YY");
});

test("what is no moment is refused with its place", () => {
  for (const bad of [
    "2016-02-30",
    "2015-02-29",
    "2016-13-01",
    "2016-07-01 25:00",
    "2016-07-01 24:01",
    "2016-07-01 12:60",
    "2016-07-01 13:00 PM",
    "2016-07-01x",
    "soon",
  ]) {
    expect(() => parseTimes(["2016-07-01", bad]), bad).toThrow(`row 2: time is "${bad}"`);
  }
  expect(() => parseTimes(["2016-07-01", ""])).toThrow("row 2: the time is missing");
});

test("law: a time that is formatted reads back to the millisecond", () => {
  fc.assert(
    fc.property(fc.integer({ min: utc(1000, 0, 1), max: utc(2999, 11, 31) }), (ms) => void expect(one(formatTime(ms))).toBe(ms)),
  );
});

test("times from several columns", () => {
  const parts = parseCsv("No,year,month,day,hour\n1,2010,1,1,0\n2,2010,12,31,23\n");
  expect(Array.from(timesOf(parts, ["year", "month", "day", "hour"]).times)).toEqual([utc(2010, 0, 1), utc(2010, 11, 31, 23)]);
  expect(Array.from(timesOf(parts, ["hour", "day", "month", "year"]).times)).toEqual([utc(2010, 0, 1), utc(2010, 11, 31, 23)]);
  const joined = parseCsv("date,clock\n2010-01-01,05:30\n2010-01-02,06:30\n");
  expect(timesOf(joined, ["date", "clock"]).times[1]).toBe(utc(2010, 0, 2, 6, 30));
  expect(findTimeColumn(joined)).toBe("date");
  expect(findTimeColumn(parts)).toBeUndefined();
  const bad = parseCsv("year,month,day\n2010,2,30\n", { source: "p.csv" });
  expect(() => timesOf(bad, ["year", "month", "day"])).toThrow(
    'p.csv, row 2: day (column "day") is 30, expected a whole number from 1 to 28',
  );
  expect(() => timesOf(bad, ["month", "day"])).toThrow("expected a year");
});

test("frequencies have one canonical name however they are written", () => {
  const cases = {
    "15min": "15min",
    "60 min": "1h",
    H: "1h",
    hourly: "1h",
    D: "1D",
    "7D": "1W",
    "14D": "2W",
    M: "1M",
    ME: "1M",
    "3M": "1Q",
    Q: "1Q",
    "12M": "1Y",
    Y: "1Y",
    B: "weekday",
    row: "row",
  };
  for (const [text, name] of Object.entries(cases)) expect(parseFrequency(text).name).toBe(name);
  expect(() => parseFrequency("fortnight")).toThrow("frequency: it is");
  expect(() => parseFrequency("5m")).toThrow('Did you mean "min" or "M"?');
  for (const text of ["0h", "-1D"]) expect(() => parseFrequency(text)).toThrow(/or "row"$/); // no guess: the unit is known
});

test("seasons", () => {
  const season = (text: string) => seasonOf(parseFrequency(text));
  expect(["15min", "30min", "1h", "1D", "1W", "1M", "1Q", "1Y", "weekday", "row", "1min", "1s", "7h"].map(season)).toEqual([
    96, 48, 24, 7, 52, 12, 4, 1, 5, 1, 1440, 60, 1,
  ]);
  expect(seasonCandidates(parseFrequency("1h"))).toEqual([24, 168, 8766]);
  expect(seasonCandidates(parseFrequency("1D"))).toEqual([7, 365]);
  expect(seasonCandidates(rowFrequency)).toEqual([]);
});

test("adding steps keeps to the calendar", () => {
  const month = parseFrequency("M");
  expect(addSteps(utc(2020, 0, 31), month, 1)).toBe(utc(2020, 1, 29));
  expect(addSteps(utc(2020, 0, 15), month, -1)).toBe(utc(2019, 11, 15));
  expect(addSteps(utc(2021, 1, 28), parseFrequency("ME"), 1)).toBe(utc(2021, 2, 31));
  expect(addSteps(utc(2024, 4, 3), weekdayFrequency, 1)).toBe(utc(2024, 4, 6)); // Friday to Monday
  expect([4, 5, 6, 7].map((d) => stepsBetween(utc(2024, 4, d), utc(2024, 4, 7), weekdayFrequency))).toEqual([1, 1, 1, 0]); // Saturday on
  expect(addSteps(utc(2024, 4, 6), weekdayFrequency, -1)).toBe(utc(2024, 4, 3));
});

test("law: n steps further on are n steps away", () => {
  const freqs = ["1h", "15min", "D", "W", "M", "Q", "Y"].map(parseFrequency).concat(rowFrequency);
  const whole = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((h) => h * hour);
  fc.assert(
    fc.property(
      whole,
      fc.integer({ min: -500, max: 500 }),
      fc.constantFrom(...freqs),
      (t, n, f) => void expect(stepsBetween(t, addSteps(t, f, n), f)).toBe(n),
    ),
  );
  // Weekdays begin on a weekday: the Monday after.
  const monday = fc.integer({ min: -2000, max: 2000 }).map((w) => utc(2024, 4, 6) + w * 7 * day);
  fc.assert(
    fc.property(
      monday,
      fc.integer({ min: -500, max: 500 }),
      (t, n) => void expect(stepsBetween(t, addSteps(t, weekdayFrequency, n), weekdayFrequency)).toBe(n),
    ),
  );
});

/** Times of a frequency with every k-th left out. */
const axis = (text: string, n: number, start: number, skip = 0) =>
  Float64Array.from(
    Array.from({ length: n }, (_, i) => addSteps(start, parseFrequency(text), i)).filter(
      (_, i) => skip === 0 || i % skip !== skip - 1,
    ),
  );
const infer = (times: Float64Array) => inferFrequency(times).freq.name;

test("the frequency is found through gaps and repeats", () => {
  for (const name of ["1s", "1min", "15min", "1h", "6h", "1D", "1W", "2W", "1M", "1Q", "1Y"]) {
    const start = utc(2019, 0, 1, 0, 0, 0);
    expect(infer(axis(name, 60, start))).toBe(name);
    expect(infer(axis(name, 60, start, 7)), `${name} with gaps`).toBe(name);
  }
  const hourly = axis("1h", 50, 0);
  expect(infer(Float64Array.from([...hourly, ...hourly]).sort())).toBe("1h");
  expect(inferFrequency(axis("ME", 30, utc(2020, 0, 31))).freq).toMatchObject({ name: "1M", monthEnd: true });
});

test("the frequency is found through jitter and daylight saving, and refused when there is none", () => {
  const jitter = axis("1min", 300, utc(2020, 0, 1)).map((t, i) => t + ((i * 7919) % 11) * 200);
  expect(infer(jitter)).toBe("1min");
  const days = axis("D", 400, utc(2020, 0, 1)).map((t) =>
    new Date(t).getUTCMonth() > 2 && new Date(t).getUTCMonth() < 9 ? t - hour : t,
  );
  expect(infer(days)).toBe("1D");
  const wild = Float64Array.from({ length: 60 }, (_, i) => i * i * 1.7e6);
  expect(() => infer(wild)).toThrow("the times are irregular");
  expect(() => infer(Float64Array.of(0, hour))).toThrow("at least 3");
});

test("trading days are weekdays; trading hours are rows", () => {
  const weekdays = Float64Array.from({ length: 300 }, (_, i) => addSteps(utc(2024, 0, 1), weekdayFrequency, i)).filter(
    (_, i) => i % 37 !== 5,
  );
  expect(infer(weekdays)).toBe("weekday");
  const sessions = axis("1h", 24 * 40, utc(2024, 0, 1)).filter(
    (t) => new Date(t).getUTCHours() >= 9 && new Date(t).getUTCHours() < 16,
  );
  expect(inferFrequency(sessions)).toMatchObject({ freq: { unit: "row" }, note: expect.stringContaining("rows are counted") });
});

test("calendar features are points on circles, chosen by the frequency", () => {
  const names = (f: string) =>
    calendarNames(parseFrequency(f))
      .filter((_, i) => i % 2 === 0)
      .map((n) => n.slice(0, -4));
  expect(names("15min")).toEqual(["hour", "day", "week", "year"]);
  expect(names("1h")).toEqual(["day", "week", "year"]);
  expect(names("1D")).toEqual(["week", "year"]);
  expect(names("weekday")).toEqual(["week", "year"]);
  expect(names("1W")).toEqual(["year"]);
  expect(names("1M")).toEqual(["year"]);
  expect(names("1Y")).toEqual([]);
  expect(names("row")).toEqual([]);
  // Monday 1 January 2024, 06:00: a quarter through the day, 1/28 through the week, nearly the year's beginning.
  const { values } = calendarFeatures(Float64Array.of(utc(2024, 0, 1, 6)), parseFrequency("1h"));
  const due = [1, 0, Math.sin((2 * Math.PI) / 28), Math.cos((2 * Math.PI) / 28), Math.sin((2 * Math.PI * 0.25) / 366), 1];
  due.forEach((v, i) => void expect(values[i]).toBeCloseTo(v, 4));
  fc.assert(
    fc.property(fc.integer({ min: -4e12, max: 4e12 }), (t) => {
      const { values: v } = calendarFeatures(Float64Array.of(t), parseFrequency("15min"));
      for (let k = 0; k < v.length; k += 2) expect(v[k]! ** 2 + v[k + 1]! ** 2).toBeCloseTo(1, 5);
    }),
  );
});
