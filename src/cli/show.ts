/** @file What a person reads of any training. Node-only. */
import type { TrainEvent } from "../train/index.ts";
import { showClock } from "./command.ts";

export const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;

/** What is said of a text's tokens that a model has never seen. */
export function unknownNote(unknown: number, kind: string): string {
  const [are, they] = unknown === 1 ? ["is", "it is"] : ["are", "they are"];
  return `note: ${count(unknown, kind === "char" ? "character" : "word")} of the text ${are} not known to the model; ${they} read as its unknown token`;
}

/** Names for a line: the first few of many. */
export function list(names: readonly string[], most = 8): string {
  return names.length <= most ? names.join(", ") : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

/** Why and when the training ended. */
export function whyEnded(
  { reason, epoch, step, best, seconds }: Extract<TrainEvent, { type: "end" }>,
  { timeLimit }: { timeLimit?: number | undefined },
): string {
  const why = {
    epochs: "all epochs done",
    steps: "all steps done",
    time: `the time limit of ${showClock(timeLimit ?? 0)} is reached`,
    patience: "no longer getting better",
    aborted: `stopped at step ${step}`,
  }[reason];
  // An epoch that a limit cut short was measured too, and is not among those that were done.
  const cut = best !== null && best.epoch > epoch ? ", as far as it went" : "";
  const kept = best === null ? "" : `; the best was epoch ${best.epoch}${cut} (valid ${best.value.toPrecision(4)})`;
  return `${why}: ${count(epoch, "epoch")} in ${showClock(seconds)}${kept}`;
}
