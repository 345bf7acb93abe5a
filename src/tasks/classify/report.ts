/** @file The result of a training as data: the classifier beside its baselines. Runs in browsers. */
import { judgeBy, type TaskReport, type Verdict } from "../common/report.ts";
import type { BaselineScores } from "./baselines.ts";
import type { Scores } from "./evaluate.ts";
import type { ClassifyPlan } from "./options.ts";

/** JSON: what `--json` prints. */
export interface ClassifyReport extends TaskReport<Scores, BaselineScores> {
  task: "classify";
  classes: string[];
  /** Null where no test items were kept; verdict and baselines then are of the validation items. */
  test: Scores | null;
  valid: Scores;
  items: { train: number; valid: number; test: number };
  plan: ClassifyPlan;
}

/** Whether the classifier is right more often than every baseline, said plainly. */
export function judge({ accuracy }: Pick<Scores, "accuracy">, baselines: Record<string, BaselineScores>): Verdict {
  const rivals = Object.fromEntries(Object.entries(baselines).map(([name, scores]) => [name, scores.accuracy]));
  return judgeBy({ name: "accuracy", better: "higher", advice: "Use that, or give more labelled examples." }, accuracy, rivals);
}
