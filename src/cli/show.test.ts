/** @file What is said about a training. Truth: what happened, as the event tells it. */
import { expect, test } from "vitest";
import { whyEnded } from "./show.ts";

test("an epoch that a time limit cut short is not among those that were done, though it may be the best", () => {
  const event = { type: "end", reason: "time", step: 75, epoch: 7, seconds: 20.2 } as const;
  const end = (best: number) => whyEnded({ ...event, best: { value: 0.02, epoch: best, step: 70 } }, { timeLimit: 20 });
  expect(end(7)).toBe("the time limit of 0:20 is reached: 7 epochs in 0:20; the best was epoch 7 (valid 0.02000)");
  expect(end(8)).toBe("the time limit of 0:20 is reached: 7 epochs in 0:20; the best was epoch 8, as far as it went (valid 0.02000)");
});
