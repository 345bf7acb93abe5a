/** Which weights a training leaves. Truth: prescribed validation results, and the weights that stood at each of them. */
import { describe, expect, test } from "vitest";
import { line, of, run } from "../../test/training.ts";
import { type TrainEvent, train } from "./index.ts";

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
