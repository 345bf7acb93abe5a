/** @file The picture of a training's losses. Node-only. */
import { writeAtomic } from "../formats/files.ts";
import { lossSvg } from "../plot/index.ts";
import type { TrainEvent } from "../train/index.ts";

export type EpochEvent = Extract<TrainEvent, { type: "epoch" }>;

/** Writes the SVG; without a finished epoch there is nothing to draw, and nothing is written. */
export function writeLossPlot(path: string, title: string, events: readonly EpochEvent[]): void {
  if (events.length === 0) return;
  const steps = events.map((e) => e.epoch);
  const valid = events.filter((e) => e.validLoss !== null);
  const best = events.at(-1)!.best;
  const svg = lossSvg({
    title: `Loss while training on ${title}`,
    xName: "epoch",
    curves: [
      { name: "training (with dropout)", steps, values: events.map((e) => e.trainLoss) },
      ...(valid.length > 0
        ? [{ name: "validation", steps: valid.map((e) => e.epoch), values: valid.map((e) => e.validLoss!) }]
        : []),
    ],
    ...(best ? { best: { step: best.epoch, value: best.value } } : {}),
  });
  writeAtomic(path, svg);
}
