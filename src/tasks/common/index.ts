/** @file What all tasks share, as a user meets it. */
export type { TaskReport, Verdict } from "./report.ts";
export type { PlanEvent, RunOptions, TaskEvent, TaskModel, TaskPlan, TaskTraining, Trained } from "./run.ts";
export type { Steps } from "./turns.ts";
