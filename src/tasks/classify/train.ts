/** @file From labelled items to a trained and scored classifier: the path that `sluice train classify` takes. Runs in browsers. */
import { createEngine, type Tensor } from "../../engine/index.ts";
import type { JsonObject } from "../../formats/json.ts";
import { add, affine } from "../../ops/elementwise.ts";
import { bceWithLogits, crossEntropy } from "../../ops/loss.ts";
import type { TrainTask } from "../../train/index.ts";
import { optionsOf, requireSameData, resumeFrom } from "../common/checkpoint.ts";
import { runFacts } from "../common/report.ts";
import { type PlanEvent, type RunOptions, type TaskEvent, type TaskTraining, type Trained, trainModel } from "../common/run.ts";
import { inTurns, type Steps } from "../common/turns.ts";
import { classifyBaselines } from "./baselines.ts";
import { bucket, makeBatch } from "./batch.ts";
import { calibrateParts, type Scored } from "./calibrate.ts";
import { type Classifier, type PartLogits, toProbabilities } from "./classifier.ts";
import { type Scores, score } from "./evaluate.ts";
import { balancedWeights, type ClassifyData, hashOf } from "./material.ts";
import type { ClassifyOptions, ClassifyPlan } from "./options.ts";
import { type Prepared, prepareClassify } from "./prepare.ts";
import { type ClassifyReport, judge } from "./report.ts";

/** What was settled, before the first step. */
export interface ClassifyPlanEvent extends PlanEvent<ClassifyPlan> {
  kind: "text" | "series";
  classes: string[];
  /** Validation items: each once, whoever it validates. */
  items: { train: number; valid: number; test: number };
}

export type ClassifyEvent = TaskEvent<ClassifyPlanEvent, ClassifyReport, Classifier>;
export type TrainedClassifier = Trained<ClassifyReport, Classifier>;

/** Batches, loss and validation for the training loop. */
function trainingTask({ plan, classifier, samples, labels, folds, sharedValid }: Prepared): Omit<TrainTask, "engine" | "params"> {
  const { engine, network, config } = classifier;
  const C = config.classes.length;
  const weights = plan.classWeights === "balanced" ? folds.map((f) => balancedWeights(labels, f.train, C)) : null;
  const most = Math.max(...folds.map((f) => f.train.length));
  let batches: Int32Array[][] = [];

  const lossOf = (logits: Tensor, items: Int32Array, m: number): Tensor => {
    const classWeight = weights ? engine.tensor([C], weights[m]) : undefined;
    if (config.multiLabel) return bceWithLogits({ logits, target: engine.tensor([items.length, C], yesNo(labels, items, C)), positive: classWeight }).y;
    const target = engine.ints([items.length], Int32Array.from(items, (i) => labels[i]![0]!));
    return crossEntropy({ logits, target, classWeight }, { labelSmoothing: plan.labelSmoothing }).y;
  };
  return {
    batchesPerEpoch: Math.ceil(most / plan.batch),
    samplesPerEpoch: most,
    startEpoch(rng) {
      batches = folds.map((fold) => bucket(samples, fold.train, plan.batch, rng));
    },
    // Each member learns from its own items, and its two parts each by themselves: neither leaves to the other what it could learn.
    loss(index, rng) {
      const losses: Tensor[] = [];
      for (const [m, member] of network.members.entries()) {
        const items = batches[m]![index % batches[m]!.length]!;
        const { deep, wide } = member.forward(engine, makeBatch(samples, items, config.piece), rng);
        losses.push(lossOf(deep, items, m), ...(wide ? [lossOf(wide, items, m)] : []));
      }
      return affine({ x: losses.reduce((a, b) => add({ a, b }).y) }, { scale: 1 / losses.length }).y;
    },
    validate: async () => calibrateParts(await inTurns(validLogits({ classifier, samples, labels, folds, sharedValid }))).loss,
  };
}

/** 0 and 1 for each item and class. */
function yesNo(labels: readonly Int32Array[], items: ArrayLike<number>, C: number): Int32Array {
  const target = new Int32Array(items.length * C);
  for (let b = 0; b < items.length; b++) for (const c of labels[items[b]!]!) target[b * C + c] = 1;
  return target;
}

/** Logits and truth of the validation items: a given set as all members see it together, otherwise each item as the member that did not learn from it. */
function* validLogits({ classifier, samples, labels, folds, sharedValid }: Pick<Prepared, "classifier" | "samples" | "labels" | "folds" | "sharedValid">): Steps<Scored & { items: Int32Array }> {
  const { config } = classifier;
  const C = config.classes.length;
  const looks: { items: Int32Array; logits: PartLogits }[] = [];
  for (const [m, { valid }] of (sharedValid ? folds.slice(0, 1) : folds).entries()) {
    looks.push({ items: valid, logits: yield* classifier.reading(samples, valid, sharedValid ? undefined : [m]) });
  }
  const items = Int32Array.from(looks.flatMap((l) => Array.from(l.items)));
  const joined = (part: (l: PartLogits) => Float64Array) => Float64Array.from(looks.flatMap((l) => Array.from(part(l.logits))));
  return {
    items,
    deep: joined((l) => l.deep),
    wide: config.network.wide > 0 ? joined((l) => l.wide!) : null,
    truth: config.multiLabel ? yesNo(labels, items, C) : Int32Array.from(items, (i) => labels[i]![0]!),
    classes: C,
    multiLabel: config.multiLabel,
  };
}

/**
 * Trains a classifier and scores it, and its baselines, on the test part.
 * @throws data, missing, range, usage, memory: see `prepareClassify`
 */
export async function* trainClassify(data: ClassifyData, options: ClassifyOptions = {}, run: RunOptions = {}): TaskTraining<ClassifyPlanEvent, ClassifyReport, Classifier> {
  const began = performance.now();
  const saved = run.resume ? resumeFrom<ClassifyOptions>(run.resume, "classify") : null;
  const asked = optionsOf(options, saved);
  const engine = run.engine ?? createEngine();
  const hash = hashOf(data);
  requireSameData(saved, hash);
  const prepared = prepareClassify(engine, data, asked);
  const { plan, classifier: model, samples, labels, folds, test, notes } = prepared;
  const { classes, multiLabel } = model.config;
  const task = trainingTask(prepared);
  const parameters = [...model.params.values()].reduce((n, p) => n + p.size, 0);
  const items = { train: prepared.train.length, valid: new Set(folds.flatMap((f) => Array.from(f.valid))).size, test: test.length };
  yield { type: "plan", plan, kind: samples.kind, classes, items, notes, parameters, stepsPerEpoch: task.batchesPerEpoch };

  const { epochs, timeLimit, lr, optimizer, clipNorm, ema, patience, seed } = plan;
  const settings = { epochs, lr, optimizer, clipNorm, ema, patience, seed, ...(timeLimit === undefined ? {} : { timeLimit }) };
  const ended = yield* trainModel({ model, task, settings, options: asked, hash, saved }, run);

  const seen = await inTurns(validLogits(prepared));
  const { deep, wide } = calibrateParts(seen);
  model.config.calibration = { deep, wide };
  const valid = score(toProbabilities(seen, model.config), Array.from(seen.items, (i) => labels[i]!), classes, { multiLabel });
  const tested = test.length === 0 ? null : score(toProbabilities(await inTurns(model.reading(samples, test)), model.config), Array.from(test, (i) => labels[i]!), classes, { multiLabel });
  // Without a test set the validation items are all there is: then the baselines must not have learnt from them either.
  const held = new Set(tested ? [] : seen.items);
  const taught = prepared.train.filter((i) => !held.has(i));
  const baselines = classifyBaselines(samples, labels, taught, tested ? test : seen.items, classes, multiLabel);
  const report: ClassifyReport = {
    ...{ task: "classify", source: data.train.source, classes, items, test: tested, valid, baselines, verdict: judge(tested ?? valid, baselines) },
    ...runFacts({ plan, parameters, notes, ended, engine, began }),
  };
  model.provenance = {
    ...{ writer: run.writer ?? "sluice", source: data.train.source, dataHash: hash, rows: items.train, items, seed, plan, backend: engine.backend, ...(data.reading ? { reading: data.reading } : {}) },
    // No clock: the same seed gives the same bytes, stopped and resumed or not.
    scores: { test: tested && brief(tested), valid: brief(valid), baselines },
  } as unknown as JsonObject;
  yield { type: "report", report, model };
  return { model, report, ended };
}

/** The figures that a model file keeps. */
const brief = ({ items, accuracy, macroF1, microF1, nats, ece }: Scores) => ({ items, accuracy, macroF1, ...(microF1 === undefined ? {} : { microF1 }), nats, ece });
