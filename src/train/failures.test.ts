/** What goes wrong in a training, by its numbers or by what was asked for. Truth: the messages, and the weights that must be left. */
import { describe, expect, test } from "vitest";
import { line, named, run } from "../../test/training.ts";
import { Rng } from "../base/random.ts";
import { createEngine, type Param } from "../engine/index.ts";
import { linear } from "../ops/linear.ts";
import { mse } from "../ops/loss.ts";
import { gru } from "../ops/recurrent.ts";
import { CarriedState, type Checkpoint, sgd, type TrainOptions, type TrainTask } from "./index.ts";

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
