/** @file From pairs of texts to a trained and scored translator: the path that `sluice train translate` takes. Runs in browsers. */
import { fingerprint } from "../../base/hash.ts";
import type { JsonObject } from "../../base/json.ts";
import { Rng } from "../../base/random.ts";
import { createEngine } from "../../engine/index.ts";
import { Init } from "../../nn/init.ts";
import { optionsOf, requireSameData, resumeFrom } from "../common/checkpoint.ts";
import { refuseTooLarge } from "../common/memory.ts";
import { runFacts } from "../common/report.ts";
import { type PlanEvent, type RunOptions, type TaskEvent, type TaskTraining, type Trained, trainModel } from "../common/run.ts";
import { inTurns } from "../common/turns.ts";
import { baselineScores } from "./baselines.ts";
import { PairBatches } from "./batches.ts";
import { learningTask } from "./learn.ts";
import { makeMaterial, type Material, type TranslateTexts } from "./material.ts";
import { planTranslate, trainingBytes, type TranslateOptions, type TranslatePlan } from "./options.ts";
import { judge, type TranslateReport } from "./report.ts";
import { type ParallelTexts, scoring, type TranslateScores } from "./scores.ts";
import { Translator } from "./translator.ts";

/** Once, before the first step: what was chosen, and how much there is. */
export interface TranslatePlanEvent extends PlanEvent<TranslatePlan> {
  pairs: TranslateReport["pairs"];
  vocabulary: TranslateReport["vocabulary"];
}
export type TranslateEvent = TaskEvent<TranslatePlanEvent, TranslateReport, Translator>;
export type TrainedTranslator = Trained<TranslateReport, Translator>;

/** Validation pairs that are translated for the report; all of them count while training. */
const VALIDATED = 2000;

/**
 * Trains a translator on pairs of texts and scores it, and what needs no network, on the test part.
 * @throws data, usage, range: see `makeMaterial`, `planTranslate`; memory: the training would not fit
 */
export async function* trainTranslate(texts: TranslateTexts, options: TranslateOptions = {}, run: RunOptions = {}): TaskTraining<TranslatePlanEvent, TranslateReport, Translator> {
  const began = performance.now();
  const saved = run.resume ? resumeFrom<TranslateOptions>(run.resume, "translate") : null;
  const asked = optionsOf(options, saved);
  const engine = run.engine ?? createEngine();
  const seed = asked.seed ?? 1;
  const material = makeMaterial(texts, asked, asked.maxLength ?? 200, seed);
  const { source, target, tokens, ratio } = material;
  const trained = material.train.reduce((n, pair) => n + pair.target.length + 1, 0);
  const plan = planTranslate(tokens, { pairs: material.train.length, tokens: trained, sourceVocabulary: source.size, targetVocabulary: target.size }, asked);
  const hash = fingerprintOf(material);
  requireSameData(saved, hash);
  const sizes = `batches of ${plan.batch} tokens, hidden size ${plan.network.hidden} and vocabularies of ${source.size} and ${target.size}`;
  refuseTooLarge(engine, trainingBytes(plan), "translate", sizes, "make batch, hidden or the vocabularies smaller");

  const rng = new Rng(plan.seed);
  const model = new Translator(engine, { network: plan.network, maxLength: plan.maxLength, ratio }, source, target, new Init(engine, rng.split()));
  const batches = new PairBatches(material.train, model.marks, plan.batch);
  const valid = material.valid && new PairBatches(material.valid, model.marks, 4000);
  const parameters = [...model.params.values()].reduce((n, p) => n + p.size, 0);
  const { texts: parts } = material;
  const pairs = { train: material.train.length, valid: material.valid?.length ?? 0, test: parts.test?.source.length ?? 0 };
  const vocabulary = { source: source.size, target: target.size };
  const notes = notesOn(material, plan);
  yield { type: "plan", plan, pairs, vocabulary, parameters, stepsPerEpoch: batches.count, notes };

  const timed = plan.timeLimit !== null && asked.epochs === undefined;
  const started = performance.now();
  const schedule = { epochs: plan.epochs, from: saved?.checkpoint.json.epoch ?? 0, elapsed: timed ? () => (performance.now() - started) / 1000 / plan.timeLimit! : null };
  const ended = yield* trainModel(
    {
      model,
      task: learningTask(engine, model.network, { train: batches, valid, labelSmoothing: plan.labelSmoothing, sampling: plan.sampling, ...schedule }),
      settings: {
        ...{ lr: plan.lr, optimizer: plan.optimizer, clipNorm: plan.clipNorm, seed: plan.seed, keep: valid ? "best" : "last" },
        ...(plan.ema > 0 ? { ema: plan.ema } : {}),
        ...(timed ? {} : { epochs: plan.epochs }),
        ...(plan.timeLimit === null ? {} : { timeLimit: plan.timeLimit }),
        ...(plan.patience === null || !valid ? {} : { patience: plan.patience }),
      },
      options: { ...asked, batch: plan.batch },
      hash,
      saved,
    },
    run,
  );

  const scored = async (part: ParallelTexts | null): Promise<TranslateScores | null> => part && (await inTurns(scoring(model, part))).scores;
  const head = parts.valid && { source: parts.valid.source.slice(0, VALIDATED), target: parts.valid.target.slice(0, VALIDATED) };
  const [validScores, testScores] = [await scored(head), await scored(parts.test)];
  const judged = parts.test ?? head;
  const baselines = judged ? baselineScores(parts.train, judged, asked.lowercase ?? false) : {};
  const report: TranslateReport = {
    ...{ task: "translate", source: texts.name, test: testScores, valid: validScores, baselines },
    ...{ verdict: judge(testScores ?? validScores, baselines, judged?.target ?? []), pairs, vocabulary },
    ...runFacts({ plan, parameters, notes, ended, engine, began }),
  };
  model.provenance = {
    ...{ writer: run.writer ?? "sluice", source: texts.name, dataHash: hash, rows: texts.train.source.length, pairs, seed: plan.seed, plan, backend: engine.backend },
    // No clock: the same seed gives the same bytes, stopped and resumed or not.
    scores: { test: testScores, valid: validScores, baselines },
  } as unknown as JsonObject;
  yield { type: "report", report, model };
  return { model, report, ended };
}

/** Of all tokens, and where each side of a pair ends. */
function fingerprintOf({ train: t, valid }: Material): string {
  const sides = [...t, ...(valid ?? [])].flatMap((pair) => [pair.source, pair.target]);
  const all = new Int32Array(sides.reduce((n, side) => n + 1 + side.length, 0));
  let at = 0;
  for (const side of sides) {
    all[at] = side.length;
    all.set(side, at + 1);
    at += 1 + side.length;
  }
  return fingerprint(all);
}

/** What a person should know before time is spent. */
function notesOn({ tooLong, source, train: learnt, valid, texts }: Material, plan: TranslatePlan): string[] {
  const notes: string[] = [];
  if (tooLong > 0) notes.push(`${tooLong} pairs have a side of more than ${plan.maxLength} tokens and are left out (maxLength, --max-length)`);
  const { unknown } = source.special;
  const strange = unknown < 0 ? 0 : (valid ?? []).reduce((n, pair) => n + Number(pair.source.includes(unknown)), 0);
  if (strange > 0) notes.push(`${strange} of ${valid!.length} validation sources have tokens that the training part does not; they are read as one unknown token`);
  if (!valid) notes.push("nothing is held back for validation: the last weights are kept");
  if (texts.valid && texts.valid.source.length > VALIDATED) notes.push(`the report translates the first ${VALIDATED} of ${texts.valid.source.length} validation pairs`);
  if (learnt.length < 1000) notes.push(`there are ${learnt.length} pairs to learn from, which is little: expect them to be learnt by heart`);
  if (plan.network.inputFeeding) notes.push("input feeding goes step by step: expect it to take several times as long");
  return notes;
}
