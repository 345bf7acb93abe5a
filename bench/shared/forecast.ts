/** @file Trains a forecaster by the command line, as a user would, and reads the report that `--json` ends with. Needs `npm run build`. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ForecastReport } from "../../src/tasks/forecast/report.ts";

/** Public data sets beside the repository; they are no part of it. */
export const publicData = join("..", "shared", "data", "forecasting");
const scratch = join("bench", "out");

/** Where a file of the public data is; null where it is absent, which is then said. */
export function dataFile(name: string): string | null {
  const path = join(publicData, name);
  if (existsSync(path)) return path;
  console.log(`${name.padEnd(28)} skipped: ${path} is not there`);
  return null;
}

/** Runs `sluice` with these words and returns the last line it prints. */
export function sluice(words: readonly string[]): string {
  const main = join("dist", "cli", "main.js");
  if (!existsSync(main)) throw new Error(`bench: ${main} is missing, expected the built program; run "npm run build"`);
  mkdirSync(scratch, { recursive: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], { encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`bench: sluice ${words.join(" ")} ended with ${status}, expected 0:\n${stderr}`);
  return stdout.trimEnd().split("\n").at(-1)!;
}

/** A generated file in the scratch folder. */
export function sampleWeatherFile(): string {
  mkdirSync(scratch, { recursive: true });
  const path = join(scratch, "weather.csv");
  sluice(["sample-data", "weather", "--out", path]);
  return path;
}

/** What `sluice train forecast <path> <words>` reports. */
export function trainForecast(path: string, words: readonly string[]): ForecastReport {
  return JSON.parse(sluice(["train", "forecast", path, ...words, "--out", join(scratch, "forecast.safetensors"), "--quiet", "--json"])) as ForecastReport;
}
