/** @file What may be asked of a classifier, and what is chosen where nothing was. Runs in browsers. */
import { nearNames, SluiceError } from "../../base/errors.ts";
import type { CellKind } from "../../nn/cell.ts";
import type { OptimizerConfig } from "../../train/index.ts";
import { countOf, type Labelled } from "./data.ts";
import type { PoolingKind } from "./network.ts";
import type { ItemSplit } from "./split.ts";

export interface ClassifyOptions {
  /** Texts: `word` (words and their character n-grams), `char`, `byte`, or `bpe:8000`. Default: word. */
  tokens?: string;
  /** Texts in small letters. Default: true. */
  lowercase?: boolean;
  /** Texts are tokenised already, spaces part the words. Default: found from the training texts. */
  spaced?: boolean;
  /** Words seen less often have no row of their own. Default: 1. */
  minCount?: number;
  /** Rows that the character n-grams of words share by hashing; 0: none. Default: 16,384. */
  gramBuckets?: number;
  /** The linear part: over runs of up to `wideOrder` units, or the summary features of a series. Default: true. */
  wide?: boolean;
  /** Default 2, of characters and bytes 5. */
  wideOrder?: number;
  /** Rows that the runs share by hashing. Default: 131,072, less where there are many classes. */
  wideBuckets?: number;
  cell?: CellKind;
  /** Numbers per unit. */
  embedding?: number;
  hidden?: number;
  layers?: number;
  bidirectional?: boolean;
  pooling?: PoolingKind;
  dropout?: number;
  /** Share of units hidden while training. */
  unitDropout?: number;
  /** Share of the linear part's features hidden while training. */
  wideDropout?: number;
  /** Networks that vote; each is validated on other items where no validation set is given. Default: 3. */
  members?: number;
  /** An item may have several labels. Default: false. */
  multiLabel?: boolean;
  /** Weight of a class in the loss: all alike, or as much as all others together. Default: none. */
  classWeights?: "none" | "balanced";
  labelSmoothing?: number;
  /** Longest piece in steps; longer items are cut in pieces, whose pooled rows are pooled. Default: 256 units, 1,000 steps. */
  piece?: number;
  /** A text is read up to so many units. Default: 5,000. */
  maxLength?: number;
  /** The most classes. Default: 1,000. */
  maxClasses?: number;
  /**
   * Training, validation and test items, cut out of the training items, every class in its share. Without validation items members validate on
   * parts. Default: a tenth for the test, where no test set is given.
   */
  split?: ItemSplit;
  /** Share of the training items that validates a member, where no validation set is given. Default: 0.1, more where there are few. */
  validShare?: number;
  batch?: number;
  epochs?: number;
  /** Seconds. */
  timeLimit?: number;
  lr?: number | string;
  optimizer?: OptimizerConfig;
  clipNorm?: number;
  /** Weights are averaged over about 1/(1 − ema) steps. */
  ema?: number;
  patience?: number;
  seed?: number;
}

/** The options with everything settled. JSON. */
export interface ClassifyPlan {
  tokens: string;
  lowercase: boolean;
  spaced: boolean;
  minCount: number;
  gramBuckets: number;
  wide: boolean;
  wideOrder: number;
  wideBuckets: number;
  cell: CellKind;
  embedding: number;
  hidden: number;
  layers: number;
  bidirectional: boolean;
  pooling: PoolingKind;
  dropout: number;
  unitDropout: number;
  wideDropout: number;
  members: number;
  multiLabel: boolean;
  classWeights: "none" | "balanced";
  labelSmoothing: number;
  piece: number;
  maxLength: number;
  maxClasses: number;
  split?: ItemSplit;
  validShare: number;
  batch: number;
  epochs: number;
  timeLimit?: number;
  lr: number | string;
  optimizer: OptimizerConfig;
  clipNorm: number;
  ema: number;
  patience: number;
  seed: number;
}

/** More numbers than this the linear part never has. */
const WIDE_NUMBERS = 1 << 22;

type Defaults = Pick<
  ClassifyPlan,
  | "cell" | "embedding" | "hidden" | "layers" | "bidirectional" | "pooling" | "dropout" | "unitDropout" | "wideDropout"
  | "members" | "piece" | "batch" | "epochs" | "lr" | "ema" | "patience"
>;

/** Defaults of the two kinds, chosen on validation data of public sets (docs/classify.md). */
const textDefaults: Defaults = {
  ...{ cell: "gru", embedding: 100, hidden: 100, layers: 1, bidirectional: true, pooling: "attention", dropout: 0.5, unitDropout: 0.2, wideDropout: 0.3 },
  ...{ members: 3, piece: 256, batch: 32, epochs: 12, lr: 2e-3, ema: 0.99, patience: 2 },
};
const seriesDefaults: Defaults = {
  ...{ cell: "gru", embedding: 0, hidden: 64, layers: 1, bidirectional: true, pooling: "mean", dropout: 0.2, unitDropout: 0, wideDropout: 0.2 },
  ...{ members: 3, piece: 1000, batch: 16, epochs: 60, lr: 3e-3, ema: 0.99, patience: 20 },
};

/**
 * Every choice for these data.
 * @throws missing: an option that is none; range: a value outside its limits
 */
export function planClassify(data: Labelled, classes: number, options: ClassifyOptions): ClassifyPlan {
  const text = data.kind === "text";
  const n = countOf(data);
  const plan: ClassifyPlan = {
    ...(text ? textDefaults : seriesDefaults),
    ...{ tokens: "word", lowercase: true, minCount: 1, gramBuckets: 16384, wide: true, wideOrder: /^(char|byte)/.test(options.tokens ?? "") ? 5 : 2, multiLabel: false, classWeights: "none" },
    ...{ maxLength: 5000, maxClasses: 1000, clipNorm: 1, seed: 1, optimizer: { kind: "adamw", weightDecay: 0.01 }, labelSmoothing: 0 },
    spaced: text && looksSpaced(data.texts),
    wideBuckets: text ? 2 ** Math.min(17, Math.floor(Math.log2(WIDE_NUMBERS / classes))) : 0,
    validShare: n < 500 ? 0.2 : 0.1,
  };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(plan, name) && name !== "timeLimit" && name !== "split") {
      const near = nearNames(name, Object.keys(plan));
      throw new SluiceError("missing", `classify: option is "${name}", expected a known one${near.length > 0 ? `; did you mean ${near.map((s) => `"${s}"`).join(" or ")}?` : ""}`, { option: name });
    }
    (plan as unknown as Record<string, unknown>)[name] = value;
  }
  checkPlan(plan);
  return plan;
}

/** Whether punctuation mostly stands apart already, as in `a film , and a good one .` */
export function looksSpaced(texts: readonly string[]): boolean {
  let apart = 0;
  let attached = 0;
  for (const text of texts.slice(0, 1000)) {
    apart += text.match(/\s[.,!?;:](?=\s|$)/gu)?.length ?? 0;
    attached += text.match(/[^\s.,!?;:][.,!?;:](?=\s|$)/gu)?.length ?? 0;
  }
  return apart > 4 * attached;
}

function checkPlan(p: ClassifyPlan): void {
  const need = (fits: boolean, name: keyof ClassifyPlan, due: string): void => {
    if (!fits) throw new SluiceError("range", `classify: ${name} is ${JSON.stringify(p[name])}, expected ${due}`, { option: name, value: p[name] });
  };
  for (const name of ["hidden", "layers", "members", "piece", "maxLength", "batch", "epochs", "patience", "minCount", "wideOrder"] as const) need(Number.isInteger(p[name]) && p[name] >= 1, name, "a whole number from 1");
  for (const name of ["gramBuckets", "wideBuckets", "embedding"] as const) need(Number.isInteger(p[name]) && p[name] >= 0 && p[name] <= 1 << 24, name, `a whole number from 0 to ${1 << 24}`);
  for (const name of ["dropout", "unitDropout", "wideDropout", "labelSmoothing"] as const) need(p[name] >= 0 && p[name] < 1, name, "a share from 0 to below 1");
  need(p.validShare > 0 && p.validShare <= 0.5, "validShare", "a share above 0, up to 0.5");
  need(p.members <= 20, "members", "at most 20");
  need(p.wideOrder <= 5, "wideOrder", "at most 5");
  need(["none", "balanced"].includes(p.classWeights), "classWeights", "none or balanced");
  need(["last", "mean", "max", "attention"].includes(p.pooling), "pooling", "last, mean, max or attention");
  need(["gru", "lstm", "rnn"].includes(p.cell), "cell", "gru, lstm or rnn");
  need(p.maxClasses >= 2, "maxClasses", "a whole number from 2");
}
