/** @file A backtest as a table for a person. Node-only. */
import type { BacktestReport } from "../tasks/forecast/backtest.ts";

export function showBacktest({ folds, mean, won }: BacktestReport): string {
  const names = Object.keys(mean);
  const mse = (fold: BacktestReport["folds"][number], name: string): number | null =>
    name === "network" ? fold.report.test.mse : (fold.report.baselines[name]?.mse ?? null);
  const show = (v: number | null): string => (v === null ? "–" : v.toPrecision(4));
  const rows = [
    ["MSE, trained on the first", ...names],
    ...folds.map((fold) => [`${Math.round(fold.trainUntil * 100)}% of the rows`, ...names.map((name) => show(mse(fold, name)))]),
    ["mean", ...names.map((name) => show(mean[name]!.mse))],
  ];
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join("  "),
  );
  return `${lines.join("\n")}\n\nThe network had the least squared error in ${won} of ${folds.length} folds.`;
}
