/** @file What a training begins with: parts cut, text or series fitted, the network built, everything checked. A resumed training begins with the same. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { Rng } from "../../base/random.ts";
import type { Engine } from "../../engine/index.ts";
import { Init } from "../../nn/init.ts";
import { trainTokenizer } from "../../text/index.ts";
import { refuseTooLarge } from "../common/memory.ts";
import { requireOneSource } from "../common/split.ts";
import { lengthOf, type Samples } from "./batch.ts";
import { Classifier, type ClassifierConfig, type Preparation } from "./classifier.ts";
import { classesOf, countOf, type Labelled, numberLabels, pick } from "./data.ts";
import { type ClassifyData, joinParts, withoutEmpty } from "./material.ts";
import { type ClassifyOptions, type ClassifyPlan, planClassify } from "./options.ts";
import { logCountRatios } from "./ratios.ts";
import { featureCount, fitSeries } from "./series.ts";
import { countsOf, foldItems, splitItems } from "./split.ts";

/** Everything settled before the first step. */
export interface Prepared {
  plan: ClassifyPlan;
  classifier: Classifier;
  samples: Samples;
  labels: Int32Array[];
  /** What each member learns from and is validated on; the validation items are the same for all where a set was given. */
  folds: { train: Int32Array; valid: Int32Array }[];
  sharedValid: boolean;
  train: Int32Array;
  test: Int32Array;
  notes: string[];
}

/** Splits, cuts, fits and builds: what a training and a resumed training begin with. */
export function prepareClassify(engine: Engine, given: ClassifyData, options: ClassifyOptions): Prepared {
  const whole = withoutEmpty(given.train);
  const classes = classesOf(whole, options.maxClasses);
  const plan = planClassify(whole, classes.length, options);
  requireLabels(whole, plan.multiLabel);
  const { train, valid, test, notes } = splitData({ ...given, train: whole }, classes, plan);
  const parts = [train, ...(valid ? [valid] : []), ...(test ? [test] : [])];
  for (const part of parts.slice(1)) requireLabels(part, plan.multiLabel);
  const all = joinParts(parts);
  const labels = parts.flatMap((part) => numberLabels(part, classes));
  const n = countOf(train);
  const range = (from: number, count: number) => Int32Array.from({ length: count }, (_, i) => from + i);
  const trainItems = range(0, n);
  const validItems = valid ? range(n, countOf(valid)) : null;
  const folds = validItems
    ? Array.from({ length: plan.members }, () => ({ train: trainItems, valid: validItems }))
    : foldItems(labels.slice(0, n), plan.members, plan.validShare, plan.seed);
  for (const fold of folds) {
    if (fold.train.length > 0 && fold.valid.length > 0) continue;
    throw new SluiceError("data", `${train.source}: ${n} labelled items leave ${fold.train.length} to train and ${fold.valid.length} to validate on, expected some for both; give more items, or a validation set`, { items: n });
  }
  const preparation = prepareInput(train, plan);
  const config = configOf(plan, classes, preparation);
  const { members, hidden, width } = config.network;
  const what = `${members} networks of hidden size ${hidden} over ${width} ${train.kind === "text" ? "rows" : "channels"}`;
  refuseTooLarge(engine, weightBytes(config), "classify", what, "make members, hidden or embedding smaller, or give fewer tokens (word:20000)");
  const classifier = new Classifier(engine, config, preparation, new Init(engine, new Rng(plan.seed).split()));
  const samples = classifier.read(all);
  const longest = trainItems.reduce((most, i) => Math.max(most, lengthOf(samples, i)), 1);
  const due = (batch: number) => weightBytes(config) + batch * longest * stepBytes(config);
  // A batch that was asked for is taken or refused; the default gives way to long items.
  while (options.batch === undefined && plan.batch > 1 && due(plan.batch) > Math.min(engine.memory.maxBytes, ROOM)) plan.batch = Math.ceil(plan.batch / 2);
  refuseTooLarge(engine, due(plan.batch), "classify", `${what}, batches of ${plan.batch} and items of up to ${longest} steps`, "make the batch or maxLength smaller, or shorten the items");
  if (samples.kind === "text") startFromRatios(classifier, samples.items.map((t) => t.wide), labels, folds);
  const cut = samples.kind === "text" ? samples.items.filter((t) => t.cut > 0).length : 0;
  if (cut > 0) notes.push(`${cut} texts are longer than ${plan.maxLength} tokens: the rest of them is not read`);
  const rare = classes.filter((_, c) => labels.slice(0, n).filter((of) => of.includes(c)).length < 2 * plan.members);
  if (rare.length > 0) notes.push(`${rare.length} of ${classes.length} classes have fewer than ${2 * plan.members} training items (${rare.slice(0, 5).join(", ")}${rare.length > 5 ? ", …" : ""}): do not expect them to be found`);
  return { plan, classifier, samples, labels, folds, sharedValid: validItems !== null, train: trainItems, test: range(all.labels.length - (test ? countOf(test) : 0), test ? countOf(test) : 0), notes };
}

/** Several labels are allowed only where they were announced; none only there too. */
function requireLabels({ labels, source }: Labelled, multiLabel: boolean): void {
  const odd = multiLabel ? -1 : labels.findIndex((of) => of.length !== 1);
  if (odd < 0) return;
  throw new SluiceError("data", `${source}: item ${odd + 1} has ${labels[odd]!.length} labels, expected one; where an item may have several or none, say so (multiLabel)`, { source, item: odd });
}

function splitData(given: ClassifyData, classes: readonly string[], plan: ClassifyPlan): { train: Labelled; valid: Labelled | null; test: Labelled | null; notes: string[] } {
  const notes = [...given.train.notes];
  const known = (part: Labelled | undefined) => (part ? withoutEmpty(part) : null);
  const [valid, test] = [known(given.valid), known(given.test)];
  for (const part of [valid, test]) if (part) notes.push(...part.notes);
  requireOneSource("classify", plan.split, { valid, test });
  const counts = countsOf(plan.split ?? { by: "fractions", train: test ? 1 : 0.9, valid: 0, test: test ? 0 : 0.1 }, countOf(given.train));
  if (counts[1] === 0 && counts[2] === 0) return { train: given.train, valid, test, notes };
  const [own, heldValid, heldTest] = splitItems(numberLabels(given.train, classes), counts, plan.seed) as [Int32Array, Int32Array, Int32Array];
  if (!plan.split) notes.push(`no test set was given: ${heldTest.length} items, every class in its share, are held out for it`);
  return {
    train: pick(given.train, own),
    valid: valid ?? (heldValid.length > 0 ? pick(given.train, heldValid) : null),
    test: test ?? (heldTest.length > 0 ? pick(given.train, heldTest) : null),
    notes,
  };
}

function prepareInput(train: Labelled, plan: ClassifyPlan): Preparation {
  if (train.kind === "series") return { kind: "series", scale: fitSeries(train, Int32Array.from(train.series.keys())) };
  const split = plan.spaced ? "spaces" : "words";
  const tokenizer = trainTokenizer(plan.tokens, train.texts, { lowercase: plan.lowercase, split, minCount: plan.minCount, special: ["unknown"] });
  return {
    kind: "text",
    tokenizer,
    units: {
      ...{ lowercase: plan.lowercase, split, maxLength: plan.maxLength },
      grams: { from: 3, to: 6, buckets: tokenizer.kind === "word" ? plan.gramBuckets : 0 },
      wide: { order: plan.wideOrder, buckets: plan.wide ? plan.wideBuckets : 0 },
    },
  };
}

function configOf(plan: ClassifyPlan, classes: string[], preparation: Preparation): ClassifierConfig {
  const { cell, hidden, layers, bidirectional, pooling, dropout, unitDropout, wideDropout, members } = plan;
  const text = preparation.kind === "text";
  return {
    network: {
      input: preparation.kind,
      width: text ? preparation.tokenizer.size + preparation.units.grams.buckets : preparation.scale.channels.length,
      embedding: text ? plan.embedding : 0,
      ...{ cell, hidden, layers, bidirectional, pooling, dropout, unitDropout, wideDropout, members },
      wide: !plan.wide ? 0 : text ? plan.wideBuckets : featureCount(preparation.scale.channels.length),
      classes: classes.length,
    },
    classes,
    multiLabel: plan.multiLabel,
    piece: plan.piece,
    calibration: { deep: 1, wide: plan.wide ? 1 : 0 },
  };
}

/** Ratios are scaled down: what a count of a few says is not yet sure, and a network that starts sure does not learn. */
const RATIO_SHARE = 0.1;

/** Each member's wide part starts from naive Bayes on the items it learns from. */
function startFromRatios({ network }: Classifier, features: readonly Int32Array[], labels: readonly Int32Array[], folds: Prepared["folds"]): void {
  for (const [m, member] of network.members.entries()) {
    if (member.wide === null) continue;
    const { train: own } = folds[m]!;
    const ratios = logCountRatios(Array.from(own, (i) => features[i]!), Array.from(own, (i) => labels[i]!), network.config.wide, network.config.classes);
    member.wide.data.set(ratios.map((v) => RATIO_SHARE * v));
  }
}

/** A batch that was not asked for takes no more than this. */
const ROOM = 2 ** 31;

/** Numbers that the recurrent layers have for a step, and those that they read. */
const sizesOf = ({ hidden, bidirectional, layers, input, embedding, width }: ClassifierConfig["network"]) => ({ cells: hidden * (bidirectional ? 2 : 1) * layers, read: input === "text" ? embedding : width });

/** Bytes of the weights, their gradients, the optimizer's state and the copies that training keeps. */
function weightBytes({ network: n }: ClassifierConfig): number {
  const { cells, read } = sizesOf(n);
  const tables = (n.input === "text" ? n.width * n.embedding : 0) + n.wide * n.classes;
  return 4 * 6 * n.members * (tables + 3 * cells * (n.hidden + read + 2));
}

/** About as many bytes a step of an item takes while training: what backward needs of all members. */
function stepBytes({ network: n }: ClassifierConfig): number {
  const { cells, read } = sizesOf(n);
  return 4 * n.members * (4 * read + 20 * cells);
}
