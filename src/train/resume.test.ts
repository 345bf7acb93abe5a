/**
 * Interrupt + resume = uninterrupted. Truth: the uninterrupted run itself. Each case is stopped after every single step in turn and goes on from
 * the checkpoint in an engine of its own; every event and every byte must be those of the run that was never stopped.
 */
import { describe, expect, test } from "vitest";
import { Rng } from "../base/random.ts";
import { createEngine, type Param } from "../engine/index.ts";
import { dropoutBy } from "../ops/dropout.ts";
import { tanh } from "../ops/elementwise.ts";
import { linear } from "../ops/linear.ts";
import { mse } from "../ops/loss.ts";
import { gru } from "../ops/recurrent.ts";
import { CarriedState, type Checkpoint, Streams, type TrainEvent, type TrainOptions, type TrainTask, train } from "./index.ts";

function parameters(e: ReturnType<typeof createEngine>, shapes: Record<string, number[]>): Record<string, Param> {
  const rng = new Rng(11);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const p = e.param(shape);
      p.name = name;
      p.data.set(Array.from({ length: p.size }, () => 0.5 * rng.normal()));
      return [name, p];
    }),
  );
}

/** Shuffled batches, a hidden layer with dropout, a noisy target: 5 batches of 6. */
function shuffled(): TrainTask {
  const e = createEngine();
  const p = parameters(e, { "a.w": [7, 2], "a.b": [7], "b.w": [1, 7] });
  const data = new Rng(2);
  const xs = Array.from({ length: 36 }, () => [data.normal(), data.normal()]);
  const ys = xs.map(([a, b]) => Math.sin(a!) * b! + 0.3 * data.normal());
  let order: number[] = [];
  const loss = (rows: number[], rng: Rng | null) => {
    const hidden = tanh({
      x: linear({
        x: e.tensor(
          [6, 2],
          rows.flatMap((i) => xs[i]!),
        ),
        w: p["a.w"]!,
        b: p["a.b"],
      }).y,
    }).y;
    const pred = linear({ x: rng ? dropoutBy(hidden, 0.3, rng) : hidden, w: p["b.w"]! }).y;
    return mse({
      pred,
      target: e.tensor(
        [6, 1],
        rows.map((i) => ys[i]!),
      ),
    }).y;
  };
  return {
    engine: e,
    params: Object.values(p),
    batchesPerEpoch: 5,
    startEpoch(rng) {
      order = rng.shuffle(Array.from({ length: 30 }, (_, i) => i));
    },
    loss: (index, rng) => loss(order.slice(index * 6, index * 6 + 6), rng),
    validate: () => e.scope(() => loss([30, 31, 32, 33, 34, 35], null).item()),
  };
}

/** Truncated BPTT: a GRU that carries its state through 4 chunks of 3 streams, over the epoch's border too. */
function stateful(): TrainTask {
  const e = createEngine();
  const p = parameters(e, { "rnn.wx": [12, 1], "rnn.wh": [12, 4], "out.w": [1, 4] });
  const streams = new Streams({ length: 67, streams: 3, chunk: 6 });
  const wave = Array.from({ length: 67 }, (_, t) => Math.sin(t / 3));
  const carried = new CarriedState(e);
  return {
    engine: e,
    params: Object.values(p),
    batchesPerEpoch: streams.chunks,
    carried,
    loss(index, rng) {
      const rows = streams.rows(index);
      const L = streams.lengthOf(index);
      const x = e.tensor(
        [L, 3, 1],
        [...rows].map((r) => wave[r]!),
      );
      const { y, hn } = gru({ x, h0: carried.read("h", [3, 4]), wx: p["rnn.wx"]!, wh: p["rnn.wh"]! });
      carried.write("h", hn);
      return mse({
        pred: linear({ x: dropoutBy(y, 0.2, rng), w: p["out.w"]! }).y,
        target: e.tensor(
          [L, 3, 1],
          [...rows].map((r) => wave[r + 1]!),
        ),
      }).y;
    },
  };
}

/** What must be equal: no clock. */
const facts = (e: TrainEvent): object => {
  const { seconds: _, samplesPerSecond: __, ...rest } = e as { seconds?: number; samplesPerSecond?: number };
  return rest;
};
const bytes = (task: TrainTask) =>
  task.params.map((p) => Buffer.from(new Uint8Array((p.toArray() as Float32Array).buffer)).toString("hex"));

async function run(
  task: TrainTask,
  options: TrainOptions,
  stopAfter = Infinity,
): Promise<{ events: object[]; end: TrainEvent; last: Checkpoint }> {
  const abort = new AbortController();
  const all: TrainEvent[] = [];
  const saved: Checkpoint[] = [];
  const checkpoint = { every: options.checkpoint?.every ?? ("epoch" as const), save: (c: Checkpoint) => void saved.push(c) };
  for await (const e of train(task, { ...options, checkpoint, signal: abort.signal })) {
    all.push(e);
    if (e.type === "step" && e.step === stopAfter) abort.abort();
  }
  const events = all.filter((e) => e.type === "step" || e.type === "epoch").map(facts);
  // What a file does to it: JSON for one part, bytes for the other.
  const { json, tensors } = saved.at(-1)!;
  return { events, end: all.at(-1)!, last: { json: JSON.parse(JSON.stringify(json)), tensors: structuredClone(tensors) } };
}

const cases: Record<string, { make: () => TrainTask; options: TrainOptions }> = {
  "dropout, Adam, clipping, averaged weights": {
    make: shuffled,
    options: { epochs: 3, lr: 0.02, clipNorm: 0.5, ema: 0.8, seed: 5 },
  },
  "momentum, plateau, early stop": {
    make: shuffled,
    options: {
      epochs: 12,
      optimizer: { kind: "sgd", momentum: 0.9 },
      lr: "plateau(0.3, factor=.5, patience=0, warmup=3)",
      patience: 3,
    },
  },
  "accumulated batches, amsgrad, one-cycle, a step limit": {
    make: shuffled,
    options: {
      steps: 8,
      accumulate: 2,
      optimizer: { kind: "adamw", amsgrad: true },
      lr: "oneCycle(0.05)",
      checkpoint: { every: 3, save() {} },
    },
  },
  "carried state, dropout, RMSprop, training loss as the measure": {
    make: stateful,
    options: { epochs: 3, optimizer: { kind: "rmsprop", momentum: 0.5, centered: true }, lr: 0.003, clipValue: 0.5 },
  },
};

for (const [name, { make, options }] of Object.entries(cases)) {
  describe(name, () => {
    test("stopped after each step in turn and resumed: same events, same bytes", async () => {
      const whole = make();
      const expected = await run(whole, options);
      const steps = expected.end.type === "end" ? expected.end.step : 0;
      expect(steps).toBeGreaterThan(5);
      for (let stop = 1; stop < steps; stop++) {
        const first = await run(make(), options, stop);
        expect(first.end).toMatchObject({ reason: "aborted", step: stop });
        const again = make();
        const second = await run(again, { ...options, resume: first.last });
        expect([...first.events, ...second.events], `stopped after step ${stop}`).toEqual(expected.events);
        expect(bytes(again), `stopped after step ${stop}`).toEqual(bytes(whole));
        expect(second.last).toEqual(expected.last);
        expect(facts(second.end)).toEqual(facts(expected.end));
      }
    });
  });
}

test("the early stop did stop, and the plateau did fall, so the cases above mean something", async () => {
  const { events, end, last } = await run(
    cases["momentum, plateau, early stop"]!.make(),
    cases["momentum, plateau, early stop"]!.options,
  );
  expect(end).toMatchObject({ reason: "patience" });
  expect(last.json.schedule.state!.rate).toBeLessThan(0.3);
  expect(events.length).toBeGreaterThan(20);
});

test("a finished run goes on with more epochs as if it had been asked for them at once", async () => {
  const options = { lr: 0.02 };
  const whole = shuffled();
  const expected = await run(whole, { ...options, epochs: 4 });
  const first = await run(shuffled(), { ...options, epochs: 2 });
  const again = shuffled();
  const second = await run(again, { ...options, epochs: 4, resume: first.last });
  expect([...first.events, ...second.events]).toEqual(expected.events);
  expect(bytes(again)).toEqual(bytes(whole));
});

test("a checkpoint holds current and best weights, optimizer and carried state under their names", async () => {
  const { last } = await run(stateful(), { epochs: 1 });
  const names = ["rnn.wx", "rnn.wh", "out.w"];
  const due = [
    ...names,
    ...names.map((n) => `best.${n}`),
    ...names.flatMap((n) => [`optimizer.${n}.exp_avg`, `optimizer.${n}.exp_avg_sq`]),
    "carried.h",
  ];
  expect(Object.keys(last.tensors).sort()).toEqual(due.sort());
  expect(last.json).toMatchObject({ version: 1, step: 4, epoch: 1, index: 0, optimizer: { counters: { "out.w": 4 } } });
});
