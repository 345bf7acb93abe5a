/** @file Tiny trainings for tests of the loop: one whose answer is known, and what came of a run. */
import { Rng } from "../src/base/random.ts";
import { createEngine, type Engine, type Param } from "../src/engine/index.ts";
import { linear } from "../src/ops/linear.ts";
import { mse } from "../src/ops/loss.ts";
import { type TrainEvent, type TrainOptions, type TrainTask, train } from "../src/train/index.ts";

type Event<K extends TrainEvent["type"]> = Extract<TrainEvent, { type: K }>;
/** The events of one type, in their order. */
export const of = <K extends TrainEvent["type"]>(events: TrainEvent[], type: K): Event<K>[] =>
  events.filter((e): e is Event<K> => e.type === type);
/** All events of a training. */
export async function run(task: TrainTask, options: TrainOptions): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const e of train(task, options)) events.push(e);
  return events;
}

/** Parameters with these names, shapes and numbers; zeros where none are given. */
export function named(e: Engine, params: Record<string, [shape: number[], data?: number[]]>): Param[] {
  return Object.entries(params).map(([name, [shape, data]]) => {
    const p = e.param(shape, data);
    p.name = name;
    return p;
  });
}

/** y = 2·x₀ − 3·x₁ + 0.5 without noise, 8 batches of 4. */
export function line(e = createEngine()): TrainTask & { w: Param; b: Param } {
  const rng = new Rng(1);
  const xs = Array.from({ length: 32 }, () => [rng.normal(), rng.normal()]);
  const [w, b] = named(e, { "net.w": [[1, 2]], "net.b": [[1]] }) as [Param, Param];
  let order: number[] = [];
  return {
    engine: e,
    params: [w, b],
    w,
    b,
    batchesPerEpoch: 8,
    samplesPerEpoch: 32,
    startEpoch(r) {
      order = r.shuffle(xs.map((_, i) => i));
    },
    loss(index) {
      const rows = order.slice(index * 4, index * 4 + 4).map((i) => xs[i]!);
      const x = e.tensor([4, 2], rows.flat());
      const target = e.tensor(
        [4, 1],
        rows.map(([p, q]) => 2 * p! - 3 * q! + 0.5),
      );
      return mse({ pred: linear({ x, w, b }).y, target }).y;
    },
  };
}
