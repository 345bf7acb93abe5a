/** What all tasks share. Truth: the meaning of "better" and "as good"; a run never stopped; files changed by hand that say one thing that cannot be meant. */
import { expect, test } from "vitest";
import { failure } from "../../../test/failure.ts";
import { Rng } from "../../base/random.ts";
import { createEngine } from "../../engine/index.ts";
import { decodeModel, encodeModel, type LoadedModel, type ModelFile } from "../../formats/model.ts";
import { Init } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { parametersOf } from "../../nn/module.ts";
import { mse } from "../../ops/loss.ts";
import { optionsOf, requireSameData, resumeFrom } from "./checkpoint.ts";
import { refuseTooLarge } from "./memory.ts";
import { type FileCheck, fileCheck, loadTensors, requireTask, tensorsOf } from "./model-file.ts";
import { judgeBy, layOut } from "./report.ts";
import { type RunOptions, type TaskModel, trainModel } from "./run.ts";
import { requireOneSource } from "./split.ts";
import { atOnce, inTurns, type Steps } from "./turns.ts";

const engine = createEngine({ simd: "plain" });

/** The smallest task there can be: y = 2x + 1. */
function makeModel(seed = 1): TaskModel & { layer: Linear } {
  const layer = new Linear({ inputSize: 1, outputSize: 1 }, new Init(engine, new Rng(seed)));
  const params = parametersOf(layer);
  return {
    ...{ engine, params, layer },
    toFile: (writer) => ({ task: "line", writer, config: {}, preprocessing: {}, provenance: {}, tensors: tensorsOf(params) }),
  };
}

interface Options {
  epochs: number;
  lr?: number;
  hidden?: number;
}

async function learn(options: Options, run: RunOptions = {}): Promise<{ model: TaskModel; kinds: string[] }> {
  const model = makeModel();
  const saved = run.resume ? resumeFrom<Options>(run.resume, "line") : null;
  const asked = optionsOf(options, saved);
  requireSameData(saved, "da7a");
  const task = {
    batchesPerEpoch: 3,
    loss: (i: number, rng: Rng) => {
      const x = Float32Array.from({ length: 4 }, (_, k) => i + k / 4 + rng.uniform() / 100);
      return mse({ pred: model.layer.forward(engine.tensor([4, 1], x)), target: engine.tensor([4, 1], x.map((v) => 2 * v + 1)) }).y;
    },
  };
  const kinds: string[] = [];
  for await (const event of trainModel({ model, task, settings: { epochs: asked.epochs, lr: asked.lr ?? 0.05, seed: 1 }, options: asked, hash: "da7a", saved }, run)) kinds.push(event.type);
  return { model, kinds };
}

const reread = (file: ModelFile): LoadedModel => decodeModel(encodeModel(file), "line.ckpt");

test("stopped after any epoch and resumed through a file = never stopped, to the last bit", async () => {
  const files: ModelFile[] = [];
  const { model, kinds } = await learn({ epochs: 4, hidden: 3 }, { writer: "test", checkpoint: (file) => void files.push(reread(file)) });
  expect(kinds.filter((kind) => kind === "checkpoint")).toHaveLength(4);
  expect(kinds.at(-1)).toBe("end");
  expect(files[0]!.checkpoint).toMatchObject({ options: { epochs: 4, hidden: 3 }, hash: "da7a" });
  for (const file of files.slice(0, 3)) {
    const again = await learn({ epochs: 4 }, { resume: reread(file) });
    expect(encodeModel(again.model.toFile("x"))).toEqual(encodeModel(model.toFile("x")));
  }
});

test("of a resumed run only epochs, time limit and rate are new", () => {
  const saved = { checkpoint: {} as never, hash: "", options: { epochs: 5, hidden: 8, lr: 1, timeLimit: 9 } };
  expect(optionsOf({ epochs: 7, hidden: 9, lr: undefined, timeLimit: 2, more: 1 } as never, saved)).toEqual({ epochs: 7, hidden: 8, lr: 1, timeLimit: 2 });
  expect(optionsOf({ epochs: 7, hidden: 9 }, null)).toEqual({ epochs: 7, hidden: 9 });
});

test("what cannot be resumed is refused in words", async () => {
  let file: ModelFile | undefined;
  const { model } = await learn({ epochs: 1 }, { checkpoint: (c) => void (file = c) });
  const refused = (change: Partial<ModelFile>) => failure(() => resumeFrom(reread({ ...file!, ...change }), "line"));
  expect(failure(() => resumeFrom(reread(model.toFile("x")), "line")).message).toMatch(/finished model, expected a checkpoint of the task "line"/);
  expect(refused({ task: "curve" }).message).toMatch(/a checkpoint of the task "curve", expected "line"/);
  for (const part of ["train", "options", "hash"]) expect(refused({ checkpoint: { ...file!.checkpoint, [part]: null } }).message).toMatch(/lacks its progress, its options or/);
  expect(failure(() => requireSameData(resumeFrom(reread(file!), "line"), "beef"))).toMatchObject({ code: "data", message: expect.stringMatching(/is beef, expected da7a/) });
});

test("weights come back as they went; a tensor that is missing, of another shape or kind is named", () => {
  const file = reread(makeModel(1).toFile("x"));
  const other = makeModel(2);
  expect(tensorsOf(other.params)).not.toEqual(tensorsOf(makeModel(1).params));
  loadTensors(other.params, file, "m");
  expect(tensorsOf(other.params)).toEqual(tensorsOf(makeModel(1).params));
  const changed = (weight: unknown) => ({ ...file, tensors: new Map([...file.tensors].flatMap(([name, t]) => (name !== "weight" ? [[name, t]] : weight ? [[name, weight]] : []))) }) as unknown as LoadedModel;
  const refused = (weight: unknown) => failure(() => loadTensors(other.params, changed(weight), "m")).message;
  expect(refused(null)).toBe('m: tensor "weight" is not in it, expected [1, 1]; its config says so');
  expect(refused({ dtype: "F32", shape: [2, 1], data: new Float32Array(2) })).toMatch(/"weight" is \[2, 1\], expected \[1, 1\]/);
  expect(refused({ dtype: "I64", shape: [1, 1], data: new BigInt64Array(1) })).toMatch(/"weight" holds I64, expected F32/);
  expect(failure(() => requireTask(file, "curve", "m")).message).toBe('m: a model for the task "line", expected "curve"');
  const { need }: FileCheck = fileCheck("m");
  need(true, "config.x", 1, "1");
  expect(failure(() => need(false, "config.x", { a: "b".repeat(500) }, "1")).message.length).toBeLessThan(200);
  expect(failure(() => need(false, "config.x", undefined, "1"))).toMatchObject({ code: "format", message: expect.stringMatching(/^m: config\.x is missing, expected 1; the file is damaged/) });
});

test("a training that does not fit is refused with both numbers", () => {
  const limit = engine.memory.maxBytes;
  refuseTooLarge(engine, limit, "line", "much", "less");
  expect(failure(() => refuseTooLarge(engine, limit + 1, "line", "hidden size 9", "make it smaller"))).toMatchObject({
    code: "memory",
    message: expect.stringMatching(new RegExp(`^line: training with hidden size 9 takes about .*\\(${limit + 1} bytes\\), expected at most .*; make it smaller$`)),
  });
});

test("the verdict: as good is not better, and a baseline without a figure does not compete", () => {
  const lower = { name: "perplexity", better: "lower", advice: "Train longer." } as const;
  expect(judgeBy(lower, 90, { unigram: 700, trigram: 140, broken: null })).toEqual({
    ...{ beatsAll: true, best: "network" },
    text: 'The network beats every baseline: its perplexity is 90.00, that of the next best ("trigram") 140.0.',
  });
  expect(judgeBy(lower, 150, { unigram: 700, bigram: 150, trigram: 140 })).toEqual({
    ...{ beatsAll: false, best: "trigram" },
    text: 'The network does NOT beat every baseline: by perplexity, "bigram" and "trigram" are as good or better (140.0 against 150.0). Train longer.',
  });
  const higher = { ...lower, name: "accuracy", better: "higher" } as const;
  expect(judgeBy(higher, 0.9, { majority: 0.5, bayes: 0.9 })).toMatchObject({ beatsAll: false, best: "network" });
  expect(judgeBy(higher, 0.9, { majority: 0.5, bayes: 0.89 })).toMatchObject({ beatsAll: true });
  expect(judgeBy(higher, 0.9, { broken: Number.NaN }).text).toMatch(/no baseline/);
});

test("a table's first column stands left, the others right", () => {
  expect(layOut([["", "MSE"], ["network", "0.1"], ["last", "10.25"]])).toBe("           MSE\nnetwork    0.1\nlast     10.25");
});

test("work in turns lets the event loop in between two steps, work at once does not; both return the same", async () => {
  let turned = false;
  function* work(): Steps<{ turned: boolean; sum: number }> {
    for (const until = performance.now() + 60; performance.now() < until; );
    yield;
    return { turned, sum: 42 };
  }
  setImmediate(() => void (turned = true));
  expect(atOnce(work())).toEqual({ turned: false, sum: 42 });
  expect(await inTurns(work())).toEqual({ turned: true, sum: 42 });
});

test("a part is a file or a cut, not both", () => {
  requireOneSource("line", undefined, { valid: "v", test: "t" });
  requireOneSource("line", { valid: 0, test: 0.1 }, { valid: "v" });
  expect(failure(() => requireOneSource("line", { valid: 0.2, test: 0 }, { valid: "v" }))).toMatchObject({
    code: "usage",
    message: "line: split is given with a validation part of 0.2, and a validation set too, expected one or the other; make that part 0",
  });
  expect(failure(() => requireOneSource("line", { valid: 0, test: 9 }, { test: "t" })).message).toMatch(/a test part of 9, and a test set too/);
});
