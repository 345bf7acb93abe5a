/**
 * The loop on real, tiny problems. Truth: known answers (a line's coefficients, XOR), laws (same seed = same bytes, what a limit says
 * is where it ends, weights at the end are those of the best result) and prescribed validation results.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { Rng } from "../base/random.ts";
import { createEngine, type Engine, type Param } from "../engine/index.ts";
import { tanh } from "../ops/elementwise.ts";
import { linear } from "../ops/linear.ts";
import { bceWithLogits, mse } from "../ops/loss.ts";
import { gru } from "../ops/recurrent.ts";
import { CarriedState, type Checkpoint, sgd, type TrainEvent, type TrainOptions, type TrainTask, train } from "./index.ts";

type Event<K extends TrainEvent["type"]> = Extract<TrainEvent, { type: K }>;
const of = <K extends TrainEvent["type"]>(events: TrainEvent[], type: K): Event<K>[] =>
  events.filter((e): e is Event<K> => e.type === type);
async function run(task: TrainTask, options: TrainOptions): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const e of train(task, options)) events.push(e);
  return events;
}

function named(e: Engine, params: Record<string, [shape: number[], data?: number[]]>): Param[] {
  return Object.entries(params).map(([name, [shape, data]]) => {
    const p = e.param(shape, data);
    p.name = name;
    return p;
  });
}

/** y = 2·x₀ − 3·x₁ + 0.5 without noise, 8 batches of 4. */
function line(e = createEngine()): TrainTask & { w: Param; b: Param } {
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

afterEach(() => vi.restoreAllMocks());

describe("it learns", () => {
  test("a line's coefficients, to 1e-3", async () => {
    const task = line();
    const events = await run(task, { epochs: 40, optimizer: sgd({ momentum: 0.5 }), lr: 0.05 });
    expect(task.w.data[0]).toBeCloseTo(2, 3);
    expect(task.w.data[1]).toBeCloseTo(-3, 3);
    expect(task.b.item()).toBeCloseTo(0.5, 3);
    const last = of(events, "epoch").at(-1)!;
    expect(last.trainLoss).toBeLessThan(of(events, "epoch")[0]!.trainLoss / 1000);
    expect(of(events, "step")).toHaveLength(320);
    expect(of(events, "step").map((s) => s.step)).toEqual(Array.from({ length: 320 }, (_, i) => i + 1));
    expect(of(events, "step")[8]!.epoch).toBe(2);
  });

  test("XOR, with one hidden layer", async () => {
    const e = createEngine();
    const rng = new Rng(5);
    const draw = (n: number) => Array.from({ length: n }, () => rng.normal());
    const params = named(e, { "hidden.w": [[8, 2], draw(16)], "hidden.b": [[8]], "out.w": [[1, 8], draw(8)], "out.b": [[1]] });
    const [w1, b1, w2, b2] = params as [Param, Param, Param, Param];
    const logits = () =>
      linear({ x: tanh({ x: linear({ x: e.tensor([4, 2], [0, 0, 0, 1, 1, 0, 1, 1]), w: w1, b: b1 }).y }).y, w: w2, b: b2 }).y;
    const task: TrainTask = {
      engine: e,
      params,
      batchesPerEpoch: 1,
      loss: () => bceWithLogits({ logits: logits(), target: e.tensor([4, 1], [0, 1, 1, 0]) }).y,
    };
    await run(task, { steps: 300, lr: "cosine(0.1)" });
    expect(e.scope(() => [...logits().data].map((v) => v > 0))).toEqual([false, true, true, false]);
  });
});

describe("laws", () => {
  test("same seed, same bytes; another seed, others", async () => {
    const results = [];
    for (const seed of [3, 3, 4]) {
      const task = line();
      const events = await run(task, { epochs: 3, seed });
      results.push([...task.w.data, ...task.b.data, ...of(events, "step").map((s) => s.loss)]);
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).not.toEqual(results[0]);
  });

  test("two batches accumulated are one step of twice the size", async () => {
    const [one, two] = [line(), line()];
    const a = of(
      await run({ ...one, startEpoch: one.startEpoch }, { epochs: 1, accumulate: 2, optimizer: sgd(), lr: 0.01 }),
      "step",
    );
    expect(a).toHaveLength(4);
    // by hand: the mean of two gradients, from the same order of batches
    two.startEpoch!(new Rng(0));
    const e = two.engine;
    const gradient = (index: number) => {
      for (const p of two.params) p.grad?.fill(0);
      e.scope(() => e.backward(e.record(() => two.loss(index, new Rng(0)))));
      return [...two.w.grad!, ...two.b.grad!];
    };
    for (let i = 0; i < 8; i += 2) {
      const [g, h] = [gradient(i), gradient(i + 1)];
      const step = g.map((v, j) => (0.01 * (v + h[j]!)) / 2);
      two.w.data.set([two.w.data[0]! - step[0]!, two.w.data[1]! - step[1]!]);
      two.b.data[0]! -= step[2]!;
    }
    for (const i of [0, 1]) expect(one.w.data[i]).toBeCloseTo(two.w.data[i]!, 6);
    expect(one.b.item()).toBeCloseTo(two.b.item(), 6);
  });

  test("the last step of an epoch takes the batches that are left", async () => {
    const events = await run(line(), { epochs: 2, accumulate: 3 });
    expect(of(events, "step").map((s) => s.epoch)).toEqual([1, 1, 1, 2, 2, 2]);
  });

  test("clipping by norm bounds the step; the event tells the norm before", async () => {
    const task = line();
    const [first] = of(await run(task, { steps: 1, clipNorm: 0.5, optimizer: sgd(), lr: 1 }), "step");
    expect(first!.gradientNorm).toBeGreaterThan(1);
    expect(Math.hypot(...task.w.data, ...task.b.data)).toBeCloseTo(0.5, 5);
    const cut = line();
    await run(cut, { steps: 1, clipValue: 0.25, optimizer: sgd(), lr: 1 });
    expect([...cut.w.data]).toEqual([0.25, -0.25]);
  });

  test("50 steady steps take no new memory", async () => {
    const e = createEngine();
    const [wx, wh, out] = named(e, { wx: [[24, 3]], wh: [[24, 8]], out: [[1, 8]] }) as [Param, Param, Param];
    const x = new Float32Array(20 * 16 * 3).fill(0.1);
    const task: TrainTask = {
      engine: e,
      params: [wx, wh, out],
      batchesPerEpoch: 10,
      loss: () =>
        mse({ pred: linear({ x: gru({ x: e.tensor([20, 16, 3], x), wx, wh }).hn, w: out }).y, target: e.tensor([16, 1]) }).y,
    };
    let before = null;
    for await (const event of train(task, { steps: 60 })) {
      if (event.type !== "step") continue;
      if (event.step === 10) before = e.memory.usage;
      if (event.step > 10) expect(e.memory.usage).toEqual(before);
    }
    expect(before).not.toBe(null);
  });

  test("schedules see the number of finished steps, plateau the results", async () => {
    const rates = of(await run(line(), { epochs: 2, lr: "step(1e-3, every=1 epoch, gamma=.5)" }), "step").map((s) => s.lr);
    expect(rates).toEqual([...Array(8).fill(1e-3), ...Array(8).fill(5e-4)]);
    const flat = { ...line(), validate: () => 1 };
    const falling = of(await run(flat, { epochs: 3, lr: "plateau(1e-3, patience=0)" }), "step").map((s) => s.lr);
    expect([falling[0], falling[8], falling[16]]).toEqual([1e-3, 1e-3, 1e-4]);
  });
});

describe("the best weights", () => {
  /** Validation that gives these results, and remembers the weights at each. */
  function prescribed(results: number[]) {
    const task = line();
    const seen: number[][] = [];
    return { ...task, seen, validate: () => (seen.push([...task.w.data]), results[seen.length - 1]!) };
  }

  test("patience ends the training, and the best weights come back", async () => {
    const task = prescribed([5, 3, 4, 2, 2.5, 2.4, 2.1, 1]);
    const events: TrainEvent[] = [];
    for await (const e of train(task, { epochs: 20, patience: 3 })) {
      events.push(e);
      if (e.type === "end") expect([...task.w.data], "already when the end is told").toEqual(task.seen[3]);
    }
    expect(of(events, "epoch").map((e) => e.improved)).toEqual([true, true, false, true, false, false, false]);
    expect(of(events, "end")[0]).toMatchObject({
      reason: "patience",
      epoch: 7,
      step: 56,
      best: { value: 2, epoch: 4, step: 32 },
    });
    expect([...task.w.data]).toEqual(task.seen[3]);
    expect(task.seen[3]).not.toEqual(task.seen[6]);
  });

  test("with ema, validation and the end see the average of the weights, and training is not touched by it", async () => {
    const plain = line();
    const task = line();
    const weights: number[][] = [];
    for await (const e of train(plain, { steps: 16, seed: 1 })) if (e.type === "step") weights.push([...plain.w.data]);
    const due = [0, 0];
    for (const [i, w] of weights.slice(0, 8).entries()) {
      const keep = Math.min(0.5, (2 + i) / (11 + i));
      for (const j of [0, 1]) due[j] = keep * due[j]! + (1 - keep) * w[j]!;
    }
    const seen: number[][] = [];
    const stepped: number[][] = [];
    const validate = () => (seen.push([...task.w.data]), 1);
    for await (const e of train({ ...task, validate }, { steps: 16, seed: 1, ema: 0.5 }))
      if (e.type === "step") stepped.push([...task.w.data]);
    expect(stepped).toEqual(weights);
    for (const j of [0, 1]) expect(seen[0]![j]).toBeCloseTo(due[j]!, 6);
    expect([...task.w.data]).toEqual(seen[0]);
    expect(Math.abs(seen[0]![0]! - weights[7]![0]!)).toBeGreaterThan(1e-4);
  });

  test("keep: last leaves the last weights, however they were measured", async () => {
    const events = await run(prescribed([5, 4, 6]), { epochs: 3, keep: "last" });
    expect(events.at(-1)).toMatchObject({ type: "end", best: { value: 6, epoch: 3 } });
  });
  test("minDelta asks for more than any improvement", async () => {
    const events = await run(prescribed([5, 4.95, 4.8]), { epochs: 3, minDelta: 0.1 });
    expect(of(events, "epoch").map((e) => e.improved)).toEqual([true, false, true]);
  });

  test("validateEvery skips epochs but not the last", async () => {
    const events = await run(prescribed([5, 4, 3]), { epochs: 5, validateEvery: 2 });
    expect(of(events, "epoch").map((e) => e.validLoss)).toEqual([null, 5, null, 4, 3]);
  });

  test("a limit in the middle of an epoch still takes stock", async () => {
    const task = prescribed([5, 4]);
    const events = await run(task, { steps: 11 });
    expect(of(events, "epoch").map((e) => [e.epoch, e.complete])).toEqual([
      [1, true],
      [2, false],
    ]);
    expect(of(events, "end")[0]).toMatchObject({ reason: "steps", step: 11, epoch: 1, best: { value: 4, step: 11 } });
  });

  test("they also come back after an abort, and when the consumer leaves", async () => {
    const task = prescribed([1, 2, 3]);
    const abort = new AbortController();
    const events: TrainEvent[] = [];
    for await (const e of train(task, { epochs: 9, signal: abort.signal })) {
      events.push(e);
      if (e.type === "step" && e.step === 19) abort.abort();
    }
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "aborted", step: 19, epoch: 2 });
    expect([...task.w.data]).toEqual(task.seen[0]);
    expect(task.seen).toHaveLength(2);

    const other = prescribed([1, 2, 3]);
    for await (const e of train(other, { epochs: 9 })) if (e.type === "step" && e.step === 19) break;
    expect([...other.w.data]).toEqual(other.seen[0]);
  });
});

describe("it ends", () => {
  test("within one step of an abort: at an epoch's last step nothing validates any more", async () => {
    const abort = new AbortController();
    const validate = vi.fn(() => 1);
    for await (const e of train({ ...line(), validate }, { epochs: 5, signal: abort.signal }))
      if (e.type === "step" && e.step === 8) abort.abort();
    expect(validate).not.toHaveBeenCalled();
  });

  test("during validation, when that stops because of the abort", async () => {
    const abort = new AbortController();
    const task = line();
    const validate = () => {
      abort.abort();
      throw new Error("stopped");
    };
    const events = await run({ ...task, validate }, { epochs: 5, signal: abort.signal });
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "aborted", step: 8, epoch: 0, best: null });
    expect((await run(line(), { epochs: 5, signal: abort.signal })).map((e) => e.type)).toEqual(["end"]);
  });

  test("when a timer aborts: tiny steps let the event loop run", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 20);
    const end = (await run(line(), { steps: 1e7, timeLimit: 30, signal: abort.signal })).at(-1);
    expect(end).toMatchObject({ type: "end", reason: "aborted" });
  });

  test("at the time limit", async () => {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const task = line();
    const loss = (i: number, r: Rng) => {
      now += 1000;
      return task.loss(i, r);
    };
    const slow = { ...task, loss };
    const events = await run(slow, { timeLimit: 3 });
    expect(of(events, "end")[0]).toMatchObject({ reason: "time", step: 3 });
    expect(of(events, "step")[1]!.samplesPerSecond).toBe(4);
  });

  test("the iterator's result is the end event", async () => {
    const loop = train(line(), { epochs: 1 });
    let last: TrainEvent | undefined;
    for (;;) {
      const { done, value } = await loop.next();
      if (done) {
        expect({ type: "end", ...value }).toEqual(last);
        break;
      }
      last = value;
    }
  });
});

describe("numbers that are not finite", () => {
  test("a rate that is too high: step, advice, and the best weights", async () => {
    const task = line();
    let before: number[] = [];
    const validate = () => {
      before = before.length ? before : [...task.w.data, ...task.b.data];
      return before.length && task.w.data[0] === before[0] ? 1 : 2;
    };
    const error = await run({ ...task, validate }, { epochs: 50, optimizer: sgd(), lr: 3 }).catch((e) => e);
    expect(error).toMatchObject({ name: "SluiceError", code: "numeric", details: { lr: 3 } });
    expect(error.message).toMatch(
      /^train: (loss|gradient norm) of step \d+ is (Infinity|NaN), expected a finite number; (mse|linear of net), (forward|backward): \w+ is (-?Infinity|NaN) at \[.*; lower the learning rate \(it was 3: try 0\.3\) or clip gradients \(clipNorm 1\)\. The weights are those of epoch 1, the best$/,
    );
    expect([...task.w.data, ...task.b.data]).toEqual(before);
    expect(task.engine.watch).toBe(false);
    expect(task.engine.where).toBe("");
  });

  test("a bad number in the data: the op, its layer and the gate; weights of the start", async () => {
    const e = createEngine();
    const params = named(e, {
      "encoder.wx": [
        [6, 1],
        [1, 2, 3, 4, 5, 6],
      ],
      "encoder.wh": [[6, 2]],
    }) as [Param, Param];
    const [wx, wh] = params;
    const task: TrainTask = {
      engine: e,
      params,
      batchesPerEpoch: 5,
      loss: (i) =>
        mse({ pred: gru({ x: e.tensor([3, 1, 1], [0, i === 2 ? Number.NaN : 1, 0]), wx, wh }).hn, target: e.tensor([1, 2]) }).y,
    };
    const error = await run(task, { epochs: 2 }).catch((x) => x);
    expect(error.message).toMatch(
      /^train: loss of step 3 is NaN, expected a finite number; gru of encoder, forward: y is NaN at \[1, 0, 0\]; gate n is the first bad one, at time step 1, .*; input x is NaN at \[1, 0, 0\]/,
    );
    expect(error.message).toMatch(/The weights are those of the start$/);
    expect([...wx.data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("what chance or the carried state led to is found again", async () => {
    const e = createEngine();
    const [w] = named(e, { "net.w": [[1, 1], [1]] }) as [Param];
    const carried = new CarriedState(e);
    const task = (isBad: (count: number, rng: Rng) => boolean): TrainTask => ({
      engine: e,
      params: [w],
      batchesPerEpoch: 9,
      carried,
      startEpoch: () => carried.reset(),
      loss(_, rng) {
        const count = carried.read("count", [1]).item();
        carried.write("count", e.tensor([1], [count + 1]));
        return mse({ pred: linear({ x: e.tensor([1, 1], [isBad(count, rng) ? Number.NaN : 1]), w }).y, target: e.tensor([1, 1]) })
          .y;
      },
    });
    const draws = new Rng(0);
    const fourth = [0, 1, 2, 3].map(() => draws.word()).at(-1);
    for (const isBad of [(count: number) => count === 3, (_: number, rng: Rng) => rng.word() === fourth]) {
      await expect(run(task(isBad), { epochs: 1 })).rejects.toThrow(
        "train: loss of step 4 is NaN, expected a finite number; linear of net, forward: y is NaN at [0, 0]; input x is NaN at [0, 0]",
      );
    }
  });

  test("a validation result", async () => {
    await expect(run({ ...line(), validate: () => Number.NaN }, { epochs: 1 })).rejects.toThrow(
      "train: validation after step 8 is NaN, expected a finite number",
    );
  });
});

describe("what can't be meant", () => {
  const bad: [string, TrainOptions, string][] = [
    ["no end", {}, "train: no end is given, expected epochs, steps or timeLimit"],
    ["half an epoch", { epochs: 0.5 }, "train: epochs is 0.5, expected a whole number from 0"],
    ["no accumulation", { epochs: 1, accumulate: 0 }, "train: accumulate is 0, expected a whole number from 1"],
    ["an average of the past alone", { epochs: 1, ema: 1 }, "train: ema is 1, expected a number above 0, below 1"],
    ["no clipping", { epochs: 1, clipNorm: 0 }, "train: clipNorm is 0, expected a number above 0"],
    ["no time", { timeLimit: 0 }, "train: timeLimit is 0, expected seconds above 0"],
    [
      "a rate in words",
      { epochs: 1, lr: "fast" },
      'train: lr is "fast", expected a number above 0 or a schedule like "cosine(1e-3, warmup=200)"',
    ],
    ["a rate of 0", { epochs: 1, lr: 0 }, "train: lr: constant's rate is 0, expected a number above 0"],
    ["one cycle without end", { timeLimit: 1, lr: "oneCycle" }, "train: lr: oneCycle has no end"],
    ["an optimizer", { epochs: 1, optimizer: { kind: "lion" } as never }, 'optimizer: kind is "lion"'],
    ["a checkpoint never", { epochs: 1, checkpoint: { every: 0, save() {} } }, "train: checkpoint.every is 0"],
  ];
  for (const [what, options, message] of bad) {
    test(what, async () => {
      await expect(run(line(), options)).rejects.toThrow(message);
    });
  }
  test("parameters without names of their own, or none to train, or no data", async () => {
    const task = line();
    await expect(run({ ...task, batchesPerEpoch: 0 }, { epochs: 1 })).rejects.toThrow(
      "train: an epoch has 0 batches, expected at least 1",
    );
    task.b.name = "net.w";
    await expect(run(task, { epochs: 1 })).rejects.toThrow('a parameter\'s name is "net.w", twice');
    for (const p of task.params) p.frozen = true;
    await expect(run(task, { epochs: 1 })).rejects.toThrow("no parameter is free to be trained");
  });
  test("a failing save is passed on, and the weights stay as trained", async () => {
    const task = line();
    const save = () => {
      throw new Error("disk full");
    };
    await expect(run(task, { epochs: 3, checkpoint: { every: 3, save } })).rejects.toThrow("disk full");
    expect(task.w.data[0]).not.toBe(0);
  });
  test("a checkpoint of another version, optimizer, model or data", async () => {
    const saved: Checkpoint[] = [];
    await run(line(), { steps: 3, checkpoint: { every: 1, save: (c) => void saved.push(c) } });
    const resume = saved.at(-1)!;
    await expect(run(line(), { epochs: 1, resume: { ...resume, json: { ...resume.json, version: 9 } } })).rejects.toThrow(
      "checkpoint: version is 9, expected 1",
    );
    await expect(run(line(), { epochs: 1, resume, optimizer: sgd() })).rejects.toThrow(
      "checkpoint: optimizer is adam, expected sgd",
    );
    await expect(run({ ...line(), batchesPerEpoch: 7 }, { epochs: 1, resume })).rejects.toThrow(
      "checkpoint: an epoch has 8 batches, expected 7",
    );
    const { "net.w": _, ...tensors } = resume.tensors;
    await expect(run(line(), { epochs: 1, resume: { ...resume, tensors } })).rejects.toThrow('checkpoint: no tensor "net.w"');
  });
});
