/** @file The door `sluice/tasks`: data, model, loss, metrics and prediction of whole tasks. */
export type { PlanEvent, RunOptions, Steps, TaskEvent, TaskModel, TaskPlan, TaskReport, TaskTraining, Trained, Verdict } from "./common/index.ts";
export * as classify from "./classify/index.ts";
export * as forecast from "./forecast/index.ts";
export * as language from "./language/index.ts";
export * as translate from "./translate/index.ts";
