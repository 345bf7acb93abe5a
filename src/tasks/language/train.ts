/** @file From texts to a trained and scored language model: the path that `sluice train language` takes. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { fingerprint } from "../../base/hash.ts";
import type { JsonObject } from "../../base/json.ts";
import { Rng } from "../../base/random.ts";
import { createEngine } from "../../engine/index.ts";
import { Init } from "../../nn/init.ts";
import { optionsOf, requireSameData, resumeFrom } from "../common/checkpoint.ts";
import { refuseTooLarge } from "../common/memory.ts";
import { runFacts } from "../common/report.ts";
import { type PlanEvent, type RunOptions, type TaskEvent, type TaskTraining, type Trained, trainModel } from "../common/run.ts";
import { countingScores } from "./baselines.ts";
import { type Batches, ItemBatches, StreamBatches } from "./batches.ts";
import { type Corpus, type LanguageTexts, makeCorpus, type TextPart } from "./corpus.ts";
import { dialogueMarks } from "./dialogue.ts";
import { learningTask } from "./learn.ts";
import { LanguageModel } from "./model.ts";
import { type LanguageOptions, type LanguagePlan, planLanguage, trainingBytes } from "./options.ts";
import { judge, type LanguageReport } from "./report.ts";
import { CandidateSampler } from "./sampled.ts";
import type { LanguageScores } from "./scores.ts";

/** Once, before the first step: what was chosen, and how much there is. */
export interface LanguagePlanEvent extends PlanEvent<LanguagePlan> {
  tokens: LanguageReport["tokens"];
}
export type LanguageEvent = TaskEvent<LanguagePlanEvent, LanguageReport, LanguageModel>;
export type TrainedLanguage = Trained<LanguageReport, LanguageModel>;

/** Where the candidates of a large vocabulary give way to all of it: the share of the training done by then. */
const SAMPLED_UNTIL = 0.8;

/**
 * Trains a language model on a text and scores it, and what counting predicts, on the test part.
 * @throws data, usage, range: see `makeCorpus`, `planLanguage`; memory: the training would not fit
 */
export async function* trainLanguage(texts: LanguageTexts, options: LanguageOptions = {}, run: RunOptions = {}): TaskTraining<LanguagePlanEvent, LanguageReport, LanguageModel> {
  const began = performance.now();
  const saved = run.resume ? resumeFrom<LanguageOptions>(run.resume, "language") : null;
  const asked = optionsOf(options, saved);
  const engine = run.engine ?? createEngine();
  const seed = asked.seed ?? 1;
  const corpus = makeCorpus(texts, { tokens: asked.tokens ?? "char", lowercase: asked.lowercase, words: asked.words, items: asked.lines ?? "auto", split: asked.split, seed });
  const { tokenizer, items, mark } = corpus;
  const plan = planLanguage(corpus, asked);
  const notes = notesOn(corpus, plan, asked);
  const hash = fingerprint(...partsOf(corpus).map((part) => part.ids));
  requireSameData(saved, hash);
  const sizes = `${plan.batch} streams of ${plan.chunk} steps, hidden size ${plan.network.hidden} and a vocabulary of ${plan.network.vocabulary}`;
  refuseTooLarge(engine, trainingBytes(plan), "language", sizes, "make batch, chunk, hidden or the vocabulary smaller");

  const rng = new Rng(plan.seed);
  const dialogue = dialogueMarks(corpus.train.text);
  const model = new LanguageModel(engine, { network: plan.network, items, mark, dialogue }, tokenizer, new Init(engine, rng.split()));
  const parameters = [...model.params.values()].reduce((n, p) => n + p.size, 0);
  const trained = trainingBatches(corpus, plan);
  const valid = corpus.valid && corpus.valid.ids.length > 1 ? validBatches(corpus, corpus.valid, model) : null;
  const size = (part: TextPart | null) => part?.ids.length ?? 0;
  const tokens = { kind: plan.tokens, vocabulary: tokenizer.size, train: size(corpus.train), valid: size(corpus.valid), test: size(corpus.test) };
  yield { type: "plan", plan, tokens, parameters, stepsPerEpoch: trained.count, notes };

  const started = performance.now();
  const timed = plan.timeLimit !== null && asked.epochs === undefined;
  let epoch = saved?.checkpoint.json.epoch ?? 0; // complete ones
  const { startEpoch, loss, validate, carried, batchesPerEpoch, samplesPerEpoch } = learningTask(engine, model.network, {
    train: trained,
    valid,
    sampler: plan.sampled > 0 && plan.sampled < tokenizer.size && !items && plan.network.adaptive.length === 0 ? new CandidateSampler(countsOf(corpus), plan.sampled) : null,
    progress: (index) => (timed ? (performance.now() - started) / 1000 / plan.timeLimit! : (epoch - 1 + index / trained.count) / plan.epochs),
    untilShare: SAMPLED_UNTIL,
  });
  const ended = yield* trainModel(
    {
      model,
      task: {
        ...{ loss, carried, batchesPerEpoch, samplesPerEpoch },
        ...(validate ? { validate } : {}),
        startEpoch(r) {
          epoch++;
          startEpoch(r);
        },
      },
      settings: {
        ...{ lr: plan.lr, optimizer: plan.optimizer, clipNorm: plan.clipNorm, ...(plan.ema > 0 ? { ema: plan.ema } : {}), seed: plan.seed, keep: valid ? "best" : "last" },
        ...(timed ? {} : { epochs: plan.epochs }),
        ...(plan.timeLimit === null ? {} : { timeLimit: plan.timeLimit }),
        ...(plan.patience === null || !valid ? {} : { patience: plan.patience }),
      },
      options: { ...asked, batch: plan.batch, chunk: plan.chunk },
      hash,
      saved,
    },
    run,
  );

  const scored = (part: TextPart | null): LanguageScores | null => (part && part.ids.length > 1 ? model.evaluate(part.text) : null);
  const [validScores, testScores] = [scored(corpus.valid), scored(corpus.test)];
  const baselines = baselinesOf(corpus);
  const report: LanguageReport = {
    ...{ task: "language", source: texts.train.name, test: testScores, valid: validScores, baselines },
    ...{ verdict: judge(testScores ?? validScores, baselines), tokens },
    ...runFacts({ plan, parameters, notes, ended, engine, began }),
  };
  model.provenance = {
    ...{ writer: run.writer ?? "sluice", source: texts.train.name, dataHash: hash, tokens, seed: plan.seed, plan, backend: engine.backend },
    // No clock: the same seed gives the same bytes, stopped and resumed or not.
    scores: { test: testScores, valid: validScores, baselines },
  } as unknown as JsonObject;
  yield { type: "report", report, model };
  return { model, report, ended };
}

const partsOf = ({ train: t, valid, test }: Corpus): TextPart[] => [t, valid, test].filter((part) => part !== null);

function trainingBatches({ train: { ids, name }, items, mark }: Corpus, { batch, chunk }: LanguagePlan): Batches {
  if (items) return new ItemBatches(ids, mark, batch);
  if (ids.length < batch + 1) throw new SluiceError("data", `${name}: the training part has ${ids.length} tokens, expected at least ${batch + 1} for ${batch} streams; give more text`, { tokens: ids.length });
  return new StreamBatches(ids, { streams: batch, chunk });
}

/** Many streams side by side: an estimate while training, exact enough to choose by. */
function validBatches({ items, mark }: Corpus, { ids }: TextPart, model: LanguageModel): Batches {
  if (items) return new ItemBatches(ids, mark, 128);
  const started = model.started(ids);
  return new StreamBatches(started, { streams: Math.max(1, Math.min(16, Math.floor(started.length / 256))), chunk: 64, jitter: false });
}

function countsOf({ tokenizer, train: { ids } }: Corpus): Int32Array {
  const counts = new Int32Array(tokenizer.size);
  for (const id of ids) counts[id]!++;
  return counts;
}

/** What counting predicts on the test part, or on the validation part where there is no test. */
function baselinesOf({ tokenizer, train: learnt, valid, test }: Corpus): LanguageReport["baselines"] {
  const scored = test ?? valid;
  return scored && scored.ids.length > 1 ? countingScores(learnt, test ? valid : null, scored, tokenizer.size) : {};
}

/** What a person should know before time is spent. */
function notesOn({ tokenizer, items, train: learnt, valid, test }: Corpus, plan: LanguagePlan, asked: LanguageOptions): string[] {
  const notes: string[] = [];
  if (items && asked.lines === undefined) notes.push("nearly every line is one word: lines are learnt as items of their own, in any order (lines: false reads the text as one)");
  const { unknown } = tokenizer.special;
  for (const part of [valid, test]) {
    const count = part && unknown >= 0 ? part.ids.filter((id) => id === unknown).length : 0;
    if (count > 0 && tokenizer.kind === "char") notes.push(`${part!.name}: ${count} characters that the training part does not have; they count as one unknown character`);
  }
  if (!valid) notes.push("nothing is held back for validation: the last weights are kept");
  if (learnt.ids.length < 20_000) notes.push(`the training part has ${learnt.ids.length} tokens, which is little: expect the text to be learnt by heart`);
  if (plan.sampled > 0) notes.push(`the first ${SAMPLED_UNTIL * 100}% of the training score about ${plan.sampled} drawn tokens a batch, the rest all ${tokenizer.size}`);
  return notes;
}
