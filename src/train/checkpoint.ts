/** @file Everything a training run needs to go on with the same bytes, as JSON and plain arrays: writing them to disk is the caller's part. */
import type { RngState } from "../base/random.ts";
import { SluiceError } from "../base/errors.ts";
import type { Param, RealArray, Tensor } from "../engine/index.ts";
import { loadTensor, type OptimizerConfig, type SavedTensor } from "./optimizer.ts";
import type { ScheduleConfig, ScheduleState } from "./schedule.ts";

/** The version that this code writes and the only one that it reads. */
export const checkpointVersion = 1;

/** The best result so far and when it was reached. */
export interface Best {
  /** Validation result, or the training loss where nothing validates. */
  value: number;
  /** Epochs and steps finished by then. */
  epoch: number;
  step: number;
}

/** Where a run stands between two steps. JSON. */
export interface Progress {
  /** Optimizer steps done. */
  step: number;
  /** Epochs finished. */
  epoch: number;
  /** Batches done in the epoch that is under way, up to all of them. */
  index: number;
  /** Sum and number of the batch losses of this epoch. */
  lossSum: number;
  lossCount: number;
  best: Best | null;
}

/** The JSON part of a checkpoint. */
export interface CheckpointState extends Progress {
  version: number;
  batchesPerEpoch: number;
  /** The generator now, and as it was when the epoch began (to shuffle again). */
  rng: { now: RngState; epochStart: RngState };
  optimizer: { config: OptimizerConfig; counters: Record<string, number> };
  schedule: { config: ScheduleConfig; state: ScheduleState };
}

export interface Checkpoint {
  json: CheckpointState;
  /** Current weights under their own names, the best ones as `best.<name>`, averages as `ema.<name>`, `optimizer.<name>.<slot>`, `carried.<name>`. */
  tensors: Record<string, { shape: readonly number[]; data: RealArray | Int32Array }>;
}

/** A copy of all parameters on the engine's heap, used again each time. */
export class Weights {
  readonly #copies: readonly Tensor[];
  constructor(readonly params: readonly Param[]) {
    this.#copies = params.map((p) => p.engine.keep(p));
  }
  /** Remembers the parameters as they are. */
  save(): void {
    for (const [i, p] of this.params.entries()) p.engine.kernels.copy(this.#copies[i]!.ptr, p.ptr, p.size);
  }
  /** Gives the parameters the remembered values. */
  restore(): void {
    for (const [i, p] of this.params.entries()) p.engine.kernels.copy(p.ptr, this.#copies[i]!.ptr, p.size);
  }
  /** Moves the remembered values towards the parameters: decay·remembered + (1 − decay)·parameter. */
  blend(decay: number): void {
    for (const [i, p] of this.params.entries()) {
      const held = this.#copies[i]!.ptr;
      p.engine.kernels.affine_forward(held, held, p.size, decay, 0);
      p.engine.kernels.axpy(held, 1 - decay, p.ptr, p.size);
    }
  }
  /** Exchanges the parameters and the remembered values. */
  swap(): void {
    for (const [i, p] of this.params.entries()) {
      const { engine, size } = p;
      engine.scope(() => {
        const between = engine.make([size]).ptr;
        engine.kernels.copy(between, p.ptr, size);
        engine.kernels.copy(p.ptr, this.#copies[i]!.ptr, size);
        engine.kernels.copy(this.#copies[i]!.ptr, between, size);
      });
    }
  }
  /** The remembered values by parameter name; not copies. */
  named(): Record<string, Tensor> {
    return Object.fromEntries(this.params.map((p, i) => [p.name, this.#copies[i]!]));
  }
}

/** Adds copies of `from` to `to`, each name with `prefix` in front. */
export function copyInto(to: Checkpoint["tensors"], prefix: string, from: Readonly<Record<string, Tensor>>): void {
  for (const [name, t] of Object.entries(from)) to[prefix + name] = { shape: [...t.shape], data: t.toArray() };
}

/** The entries of `from` whose names start with `prefix`, without it. */
export function withPrefix(from: Readonly<Record<string, SavedTensor>>, prefix: string): Record<string, SavedTensor> {
  return Object.fromEntries(
    Object.entries(from).flatMap(([name, t]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), t]] : [])),
  );
}

/** @throws missing, shape: the saved weights are not those of these parameters */
export function loadAll(to: Readonly<Record<string, Tensor>>, from: Readonly<Record<string, SavedTensor>>, prefix = ""): void {
  for (const [name, t] of Object.entries(to))
    loadTensor(prefix + name, t, Object.hasOwn(from, prefix + name) ? from[prefix + name] : undefined);
}

/** Whether the parts are of the kinds that they must be: a checkpoint comes from a file. */
function isWhole({ step, epoch, index, lossSum, lossCount, best, batchesPerEpoch, rng, optimizer, schedule }: CheckpointState): boolean {
  const counts = (...values: unknown[]) => values.every((v) => Number.isSafeInteger(v) && (v as number) >= 0);
  const generator = (g?: RngState) => Array.isArray(g?.key) && g.key.length === 2 && counts(...g.key, g.block, g.left) && g.left < 4 && g.block >= Math.sign(g.left);
  return (
    counts(step, epoch, index, lossCount, batchesPerEpoch) &&
    index <= batchesPerEpoch &&
    Number.isFinite(lossSum) &&
    (best === null || (Number.isFinite(best?.value) && counts(best.epoch, best.step))) &&
    generator(rng?.now) &&
    generator(rng?.epochStart) &&
    typeof optimizer?.config?.kind === "string" &&
    typeof optimizer.counters === "object" &&
    counts(...Object.values(optimizer.counters ?? { missing: -1 })) &&
    typeof schedule?.config?.kind === "string" &&
    (schedule.state === null || counts(schedule.state?.bad, schedule.state?.cooldown))
  );
}

/** @throws format: a checkpoint of another version, or one that lacks a part; state: one of another run */
export function checkCheckpoint({ json }: Checkpoint, batchesPerEpoch: number, kind: string): void {
  if (json.version !== checkpointVersion) {
    throw new SluiceError(
      "format",
      `checkpoint: version is ${json.version}, expected ${checkpointVersion}; resume with the release that wrote it, or train anew`,
      { version: json.version },
    );
  }
  if (!isWhole(json)) throw new SluiceError("format", "checkpoint: its progress, generator, optimizer or schedule is not what training writes, expected all four; the file is damaged");
  if (json.optimizer.config.kind !== kind) {
    throw new SluiceError(
      "state",
      `checkpoint: optimizer is ${json.optimizer.config.kind}, expected ${kind} (from the options); resume with the same optimizer`,
    );
  }
  if (json.index > 0 && json.batchesPerEpoch !== batchesPerEpoch) {
    throw new SluiceError(
      "state",
      `checkpoint: an epoch has ${json.batchesPerEpoch} batches, expected ${batchesPerEpoch} (from the task); resume with the same data and batch size`,
      { batchesPerEpoch: json.batchesPerEpoch },
    );
  }
}
