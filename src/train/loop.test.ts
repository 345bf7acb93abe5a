/**
 * The loop on real, tiny problems. Truth: known answers (a line's coefficients, XOR) and laws (same seed = same bytes, what a limit says
 * is where it ends).
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { line, named, of, run } from "../../test/training.ts";
import { Rng } from "../base/random.ts";
import { createEngine, type Param } from "../engine/index.ts";
import { tanh } from "../ops/elementwise.ts";
import { linear } from "../ops/linear.ts";
import { bceWithLogits, mse } from "../ops/loss.ts";
import { gru } from "../ops/recurrent.ts";
import { sgd, type TrainEvent, type TrainTask, train } from "./index.ts";

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
