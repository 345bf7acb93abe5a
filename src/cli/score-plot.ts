/** @file The picture of scores: squared error of the network and its baselines, by step ahead. Node-only. */
import { writeAtomic } from "../formats/files.ts";
import { barsSvg } from "../plot/index.ts";
import type { Evaluation } from "../tasks/forecast/evaluate.ts";

/** Steps shown: the first, the last, and four between. */
const most = 6;

export function writeScorePlot(path: string, title: string, { network, baselines }: Evaluation, cell: string): void {
  const rivals = [[`network (${cell})`, network] as const, ...Object.entries(baselines)];
  const steps = network.perStep.mse.length;
  const chosen = [
    ...new Set(
      Array.from({ length: Math.min(most, steps) }, (_, i) =>
        Math.round((i * (steps - 1)) / Math.max(1, Math.min(most, steps) - 1)),
      ),
    ),
  ];
  const groups = [
    { label: "all steps", bars: rivals.map(([name, { mse }]) => ({ name, value: mse ?? Number.NaN })) },
    ...chosen.map((s) => ({
      label: `step ${s + 1}`,
      bars: rivals.map(([name, { perStep }]) => ({ name, value: perStep.mse[s] ?? Number.NaN })),
    })),
  ];
  writeAtomic(path, barsSvg({ title, groups, valueName: "MSE", better: "lower" }));
}
