/** @file What a user may say about a translator's training, and what is chosen where nothing was said. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { SplitSpec } from "../../data/split.ts";
import type { CellKind } from "../../nn/cell.ts";
import type { OptimizerConfig } from "../../train/optimizer.ts";
import type { ScheduleConfig } from "../../train/schedule.ts";
import type { TaskPlan, TrainingChoices } from "../common/run.ts";
import type { TranslateAttention, TranslateNetworkConfig, Tying } from "./network.ts";
import type { SideOptions } from "./side.ts";

/** How to learn to translate; everything has a default. */
export interface TranslateOptions extends TrainingChoices {
  /** What texts are cut into: `char`, `byte`, `word`, `word:10000`, `bpe:8000`. Default: characters for little text, byte pairs for more. */
  tokens?: string;
  /** One vocabulary for both sides. Default: one each. */
  shared?: boolean;
  /** Small letters only. */
  lowercase?: boolean;
  /** Words: texts are tokenised already, spaces part the words. */
  spaces?: boolean;
  /** Words and characters seen less often are unknown. Default 2 for words, 1 for characters. */
  minCount?: number;
  /** Parts of the pairs, drawn by the seed, where validation or test have no files. Default .9, .05, .05. */
  split?: Exclude<SplitSpec, { by: "dates" }>;
  /** Pairs with a side of more tokens are left out, and longer texts are not translated whole. Default 200. */
  maxLength?: number;
  /** `additive` (default), `general`, `dot`, or `none`. */
  attention?: TranslateAttention;
  inputFeeding?: boolean;
  cell?: CellKind;
  /** Hidden size of the decoder; the encoder has half of it in each direction. */
  hidden?: number;
  /** Layers of the encoder. Default 1. */
  layers?: number;
  /** Layers of the decoder; attention follows the first, and the others read what it found. Default 2 with attention, 1 without. */
  decoderLayers?: number;
  embedding?: number;
  /** Which embeddings are the scores' weights too. Default: `target`, or `all` where the vocabulary is shared. */
  tying?: Tying;
  dropout?: number;
  inputDropout?: number;
  labelSmoothing?: number;
  /** Share of given tokens that are the decoder's own at the end of training (scheduled sampling). Default 0. */
  sampling?: number;
  /** Tokens in a batch, padding included. */
  batch?: number;
}

/** Every choice made: JSON, kept in the model's provenance. */
export interface TranslatePlan extends TaskPlan {
  tokens: string;
  shared: boolean;
  maxLength: number;
  network: TranslateNetworkConfig;
  labelSmoothing: number;
  sampling: number;
  batch: number;
  /** Where time alone ends the training: more than there is time for. */
  epochs: number;
  timeLimit: number | null;
  lr: number | string | ScheduleConfig;
  optimizer: OptimizerConfig;
  clipNorm: number;
  ema: number;
  patience: number | null;
  seed: number;
}

/** How much there is to learn from. */
export interface Amounts {
  pairs: number;
  /** Target tokens. */
  tokens: number;
  sourceVocabulary: number;
  targetVocabulary: number;
}

/** Multiplications and additions of a training that nobody limited: about half an hour of two cores. */
const BUDGET = 1e14;

/** Longer texts than this are no sentences: what follows from their length must stay within memory and time. */
export const mostTokens = 1 << 16;

/** What texts are cut into. @param characters of both sides of the training pairs */
export function sideOptions(options: TranslateOptions, characters: number): SideOptions {
  const tokens = options.tokens ?? (characters < 400_000 ? "char" : characters < 2_000_000 ? "bpe:4000" : "bpe:8000");
  const minCount = options.minCount ?? (tokens.startsWith("word") ? 2 : 1);
  if (!Number.isInteger(minCount) || minCount < 1) throw new SluiceError("range", `translate: minCount is ${minCount}, expected a whole number from 1`);
  return { tokens, lowercase: options.lowercase ?? false, spaces: options.spaces ?? false, minCount };
}

/**
 * Settles everything that the options leave open.
 * @throws range: options outside their limits
 */
export function planTranslate(tokens: string, amounts: Amounts, options: TranslateOptions): TranslatePlan {
  const whole = (name: keyof TranslateOptions, fallback: number, most = Number.MAX_SAFE_INTEGER): number => {
    const v = (options[name] as number | undefined) ?? fallback;
    const due = most < Number.MAX_SAFE_INTEGER ? `from 1 to ${most}` : "from 1";
    if (!Number.isSafeInteger(v) || v < 1 || v > most) throw new SluiceError("range", `translate: ${name} is ${v}, expected a whole number ${due}`, { [name]: v });
    return v;
  };
  const part = (name: keyof TranslateOptions, fallback: number): number => {
    const v = (options[name] as number | undefined) ?? fallback;
    if (!(v >= 0 && v < 1)) throw new SluiceError("range", `translate: ${name} is ${v}, expected a number from 0 to below 1`, { [name]: v });
    return v;
  };
  const { sourceVocabulary, targetVocabulary } = amounts;
  const small = sourceVocabulary < 1000 && targetVocabulary < 1000;
  const attention = options.attention ?? "additive";
  const shared = options.shared ?? false;
  if (options.tying === "all" && !shared) throw new SluiceError("range", `translate: tying is "all" without a shared vocabulary, expected none or target; or share the vocabulary (shared, --shared)`);
  const hidden = whole("hidden", small ? 128 : attention === "none" ? 512 : 384);
  // What is gone through often is learnt by heart unless much is hidden.
  const dropout = part("dropout", small ? 0.1 : 0.4);
  const network: TranslateNetworkConfig = {
    ...{ sourceVocabulary, targetVocabulary, attention, hidden, dropout },
    embedding: whole("embedding", small ? 64 : 256),
    cell: options.cell ?? "gru",
    encoderLayers: whole("layers", 1),
    decoderLayers: whole("decoderLayers", attention === "none" ? 1 : 2),
    inputFeeding: options.inputFeeding ?? false,
    tying: options.tying ?? (shared ? "all" : "target"),
    inputDropout: part("inputDropout", small ? 0 : 0.3),
  };
  const cost = 3 * amounts.tokens * weightsOf(network);
  const epochs = options.epochs ?? (options.timeLimit === undefined ? Math.max(3, Math.min(40, Math.round(BUDGET / cost))) : 100_000);
  const batch = whole("batch", small ? 1200 : 1800);
  const steps = (1.2 * amounts.tokens * Math.min(epochs, 15)) / batch;
  return {
    ...{ tokens, shared, network, batch, epochs, maxLength: whole("maxLength", 200, mostTokens) },
    ...{ labelSmoothing: part("labelSmoothing", small ? 0 : 0.1), sampling: part("sampling", 0), timeLimit: options.timeLimit ?? null },
    lr: options.lr ?? { kind: "cosine", rate: small ? 4e-3 : 1.5e-3, warmup: Math.max(1, Math.min(250, Math.round(steps / 20))) },
    optimizer: options.optimizer ?? { kind: "adam" },
    ...{ clipNorm: options.clipNorm ?? 1, ema: part("ema", 0), patience: options.patience ?? null, seed: options.seed ?? 1 },
  };
}

/** Weights that a pair of tokens, one of each side, is multiplied with. */
export function weightsOf({ cell, hidden: H, embedding: E, encoderLayers, decoderLayers, attention, inputFeeding, targetVocabulary: V }: TranslateNetworkConfig): number {
  const gates = { gru: 3, lstm: 4, rnn: 1 }[cell];
  const half = Math.ceil(H / 2);
  const C = 2 * half;
  const encoder = 2 * gates * half * (E + half) + (encoderLayers - 1) * 2 * gates * half * (C + half);
  const decoder = gates * H * (E + H + (attention === "none" ? C : 0) + (inputFeeding ? E : 0)) + (decoderLayers - 1) * gates * H * (2 * H + C);
  return encoder + decoder + (attention === "none" ? 0 : C * H) + (H + C + E) * E + V * E;
}

/** Bytes that training takes, about: what a batch leaves behind, and the weights with all that is kept of them. */
export function trainingBytes({ network: n, batch }: TranslatePlan): number {
  const perToken = 8 * n.embedding + (n.encoderLayers + n.decoderLayers) * n.hidden * 12 + 6 * n.hidden;
  const weights = weightsOf(n) + (n.sourceVocabulary + n.targetVocabulary) * n.embedding;
  return 4 * (batch * perToken + 6 * weights + (1 << 22));
}
