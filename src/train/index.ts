/** @file Training: the loop, optimizers, schedules, clipping, truncated BPTT, checkpoints, metrics. */
export { type Carried, CarriedState, type StreamOptions, Streams } from "./bptt.ts";
export { type Best, type Checkpoint, type CheckpointState, checkpointVersion, Weights } from "./checkpoint.ts";
export { clipByNorm, clipFactor, gradientNorm } from "./clip.ts";
export { train } from "./loop.ts";
export {
  ForecastMetrics,
  type ForecastScores,
  type IntervalScore,
  type MetricsOptions,
  type Scores,
  seasonalScale,
} from "./metrics.ts";
export {
  type AdagradOptions,
  type AdamOptions,
  adagrad,
  adam,
  adamw,
  Optimizer,
  type OptimizerConfig,
  type OptimizerKind,
  optimizerFrom,
  optimizerKinds,
  type RmspropOptions,
  rmsprop,
  type SavedTensor,
  type SgdOptions,
  type StepOptions,
  sgd,
} from "./optimizer.ts";
export {
  type Plan,
  parseSchedule,
  type Schedule,
  type ScheduleConfig,
  type ScheduleKind,
  type ScheduleState,
  type Span,
  schedule,
  showSchedule,
} from "./schedule.ts";
export type { EndReason, TrainEvent, TrainOptions, TrainResult, TrainTask } from "./task.ts";
