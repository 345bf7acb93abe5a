/** @file What a user may say about a language model's training, and what is chosen where nothing was said. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { SplitSpec } from "../../data/split.ts";
import type { CellKind } from "../../nn/cell.ts";
import type { OptimizerConfig } from "../../train/optimizer.ts";
import type { ScheduleConfig } from "../../train/schedule.ts";
import { type TaskPlan, type TrainingChoices, UNCOUNTED } from "../common/run.ts";
import type { Corpus } from "./corpus.ts";
import type { LanguageNetworkConfig } from "./network.ts";

/** How to learn a language model; everything has a default. */
export interface LanguageOptions extends TrainingChoices {
  /** What text is cut into: `char` (default), `byte`, `word`, `word:10000`, `bpe:8000`. */
  tokens?: string;
  /** Small letters only. */
  lowercase?: boolean;
  /** Words: found by Unicode's letter classes (`words`, the default), or what stands between spaces. */
  words?: "words" | "spaces";
  /** Every line is an item of its own (names, titles), learnt in any order. Default: where nearly every line is one word. */
  lines?: boolean;
  /** Parts of the text where validation or test have no file. Default .8, .1, .1; a validation part of 0 keeps the last weights. */
  split?: Exclude<SplitSpec, { by: "dates" }>;
  cell?: CellKind;
  hidden?: number;
  layers?: number;
  /** Numbers for a token. */
  embedding?: number;
  /** Adaptive softmax: where clusters of rarer tokens begin, such as `[4000, 20000]`. Default: for vocabularies of 40,000 and more. */
  adaptive?: number[];
  /** Score tokens by their embeddings. Default: for vocabularies of 1,000 and more without adaptive softmax. */
  tied?: boolean;
  dropout?: number;
  inputDropout?: number;
  embeddingDropout?: number;
  recurrentDropout?: number;
  variational?: boolean;
  /** Tokens drawn to be scored in most of the training, beside those of the batch; 0: always all. Default: 1,000 of a vocabulary of 4,000 and more. */
  sampled?: number;
  /** Texts side by side, or lines in a batch. */
  batch?: number;
  /** Steps that a gradient reaches back. */
  chunk?: number;
}

/** Every choice made: JSON, kept in the model's provenance. */
export interface LanguagePlan extends TaskPlan {
  tokens: string;
  lines: boolean;
  network: LanguageNetworkConfig;
  sampled: number;
  batch: number;
  chunk: number;
  timeLimit: number | null;
  lr: number | string | ScheduleConfig;
  optimizer: OptimizerConfig;
  clipNorm: number;
  ema: number;
  patience: number | null;
  seed: number;
}

/** Multiplications and additions of a training that nobody limited: some minutes of one core. */
const BUDGET = 1.5e13;

/**
 * Settles everything that the options leave open.
 * @throws range: options outside their limits
 */
export function planLanguage({ tokenizer, items, train }: Pick<Corpus, "tokenizer" | "items" | "train">, options: LanguageOptions): LanguagePlan {
  const V = tokenizer.size;
  const N = train.ids.length;
  const whole = (name: keyof LanguageOptions, fallback: number, least = 1): number => {
    const v = (options[name] as number | undefined) ?? fallback;
    if (!Number.isSafeInteger(v) || v < least) throw new SluiceError("range", `language: ${name} is ${v}, expected a whole number from ${least}`, { [name]: v });
    return v;
  };
  const large = V >= 1000;
  const small = N < 50_000;
  const adaptive = options.adaptive ?? (V >= 40_000 && options.tied !== true ? [4000, 20_000] : []);
  const tied = options.tied ?? (large && adaptive.length === 0);
  const hidden = whole("hidden", small ? 128 : large ? 512 : 384);
  const layers = whole("layers", 1);
  // A text that is gone through often is learnt by heart unless much is hidden.
  const dropout = options.dropout ?? (large ? 0.5 : items ? 0.1 : 0.2);
  const network: LanguageNetworkConfig = {
    ...{ vocabulary: V, cell: options.cell ?? "gru", hidden, layers, tied, adaptive },
    embedding: whole("embedding", tied ? hidden : Math.min(hidden, large ? 256 : 96)),
    dropout,
    inputDropout: options.inputDropout ?? (large ? 0.8 * dropout : 0),
    embeddingDropout: options.embeddingDropout ?? (large ? 0.1 : 0),
    recurrentDropout: options.recurrentDropout ?? (large ? 0.25 : 0),
    variational: options.variational ?? large,
  };
  const sampled = whole("sampled", V >= 4000 && adaptive.length === 0 ? 1000 : 0, 0);
  const chunk = whole("chunk", large ? 40 : 64);
  const batch = whole("batch", items ? 128 : Math.max(1, Math.min(32, Math.floor(N / (50 * chunk)))));
  const cost = 3 * N * weightsOf(network, sampled || V);
  const epochs = options.epochs ?? (options.timeLimit === undefined ? Math.max(2, Math.min(40, Math.round(BUDGET / cost))) : UNCOUNTED);
  const steps = (N / (batch * (items ? Math.max(1, N / 1e4) : chunk))) * Math.min(epochs, 20);
  return {
    ...{ tokens: options.tokens ?? "char", lines: items, network, sampled, batch, chunk, epochs, timeLimit: options.timeLimit ?? null },
    lr: options.lr ?? { kind: "cosine", rate: large ? 2e-3 : 4e-3, warmup: Math.max(1, Math.min(200, Math.round(steps / 20))) },
    optimizer: options.optimizer ?? { kind: "adamw", weightDecay: 0.01 },
    ...{ clipNorm: options.clipNorm ?? 1, ema: options.ema ?? 0.99, patience: options.patience ?? null, seed: options.seed ?? 1 },
  };
}

/** Weights that a token's step multiplies with. */
export function weightsOf({ cell, hidden: H, embedding: E, layers, tied }: LanguageNetworkConfig, scored: number): number {
  const gates = { gru: 3, lstm: 4, rnn: 1 }[cell];
  return gates * H * (E + H + (layers - 1) * 2 * H) + (tied && E !== H ? E * H : 0) + scored * (tied ? E : H);
}

/** Bytes that training takes, about: what a chunk leaves behind, its scores, and the weights with all that is kept of them. */
export function trainingBytes({ network: n, batch, chunk, sampled }: LanguagePlan): number {
  const rows = batch * chunk;
  const perStep = n.embedding * 4 + n.layers * n.hidden * 12;
  const scores = 2 * rows * n.vocabulary;
  const weights = weightsOf(n, n.vocabulary) + (n.tied ? 0 : n.vocabulary * n.embedding);
  return 4 * (rows * perStep + scores + 7 * weights + sampled * n.hidden * 2);
}
