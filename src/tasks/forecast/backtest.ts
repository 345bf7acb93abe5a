/** @file Rolling backtest: the whole training again and again on ever more of the past, each time scored on what came next. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { Table } from "../../data/table.ts";
import type { RunOptions } from "../common/run.ts";
import type { ForecastOptions } from "./options.ts";
import type { ForecastReport } from "./report.ts";
import { type ForecastEvent, trainForecast } from "./train.ts";

/** JSON. */
export interface BacktestReport {
  folds: { trainUntil: number; report: ForecastReport }[];
  /** Mean over the folds, by forecaster ("network" and the baselines). */
  mean: Record<string, { mse: number; mae: number }>;
  /** In how many folds the network had the least squared error. */
  won: number;
}

export type BacktestEvent = { type: "fold"; fold: number; folds: number } | ForecastEvent;

/**
 * Trains `folds` forecasters from nothing. Fold k sees the first part of every series and is tested on the stretch after it; together the
 * test stretches cover the last `share` of the rows, without overlap.
 * @param options.folds from 2
 * @param options.share of the rows that are tested on, above 0 and at most 0.8; default 0.4
 */
export async function* backtestForecast(table: Table, options: ForecastOptions & { folds: number; share?: number }, run: Omit<RunOptions, "checkpoint" | "resume"> = {}): AsyncGenerator<BacktestEvent, BacktestReport, void> {
  const { folds, share = 0.4, ...rest } = options;
  if (!Number.isInteger(folds) || folds < 2) throw new SluiceError("range", `backtest: folds is ${folds}, expected a whole number from 2`, { folds });
  if (!(share > 0 && share <= 0.8)) throw new SluiceError("range", `backtest: share is ${share}, expected a number above 0, at most 0.8`, { share });
  const width = share / folds;
  const done: BacktestReport["folds"] = [];
  for (let fold = 0; fold < folds; fold++) {
    yield { type: "fold", fold: fold + 1, folds };
    const until = 1 - share + fold * width;
    const valid = Math.min(0.1, until / 4);
    const { report } = yield* trainForecast(table, { ...rest, split: { by: "fractions", train: until - valid, valid, test: width } }, run);
    done.push({ trainUntil: until, report });
    if (run.signal?.aborted) break;
  }
  const scores = (r: ForecastReport) => ({ network: r.test, ...r.baselines });
  const names = Object.keys(scores(done[0]!.report));
  const mean = Object.fromEntries(
    names.map((name) => {
      const of = done.map(({ report }) => (scores(report) as Record<string, ForecastReport["test"]>)[name]!);
      const average = (key: "mse" | "mae") => of.reduce((sum, s) => sum + s[key]!, 0) / of.length;
      return [name, { mse: average("mse"), mae: average("mae") }];
    }),
  );
  return { folds: done, mean, won: done.filter(({ report }) => report.verdict.best === "network").length };
}
