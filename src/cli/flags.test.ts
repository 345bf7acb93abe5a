/** @file What shared flags mean. Truth: arithmetic, and the words of their own help. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { defined, textSplit, trainingOptions } from "./flags.ts";

test("a split is percent that sum to 100, parts, or counts", () => {
  expect(textSplit("80,10,10")).toEqual({ by: "fractions", train: 0.8, valid: 0.1, test: 0.1 });
  expect(textSplit("87.5, 12.5, 0")).toEqual({ by: "fractions", train: 0.875, valid: 0.125, test: 0 });
  expect(textSplit(".8,.1,.1")).toEqual({ by: "fractions", train: 0.8, valid: 0.1, test: 0.1 });
  expect(textSplit("1,0,0")).toEqual({ by: "fractions", train: 1, valid: 0, test: 0 });
  expect(textSplit("6920,872,1821")).toEqual({ by: "counts", train: 6920, valid: 872, test: 1821 });
  expect(failure(() => textSplit(".9,.1,.1")).message).toContain("which sums to 1.1");
  for (const text of ["80,10", "80,10,x", "0,50,50", "-1,50,51", "", "1.5,2,3", "NaN,1,1", "1e999,1,1", "80,10,,10"]) expect(failure(() => textSplit(text)).code, text).toBe("usage");
  const whole = fc.integer({ min: 1, max: 98 });
  fc.assert(fc.property(whole, whole, (a, b) => (fc.pre(a + b <= 100), Math.abs(1 - Object.values(textSplit(`${a},${b},${100 - a - b}`)).reduce((n: number, v) => n + (typeof v === "number" ? v : 0), 0)) < 1e-12)));
});

test("only what was said is an option", async () => {
  expect(await trainingOptions({})).toEqual({});
  expect(await trainingOptions({ epochs: 3, clip: 0.5, lr: "1e-3", optimizer: "sgd" })).toEqual({ epochs: 3, clipNorm: 0.5, lr: "1e-3", optimizer: { kind: "sgd" } });
  expect(await trainingOptions({ optimizer: "adamw", weightDecay: 0 })).toEqual({ optimizer: { kind: "adamw", weightDecay: 0 } });
  await expect(trainingOptions({ weightDecay: 0.1 })).rejects.toThrow("--weight-decay is given without --optimizer");
  await expect(trainingOptions({ lr: "fast" })).rejects.toThrow('--lr is "fast"');
  expect(Object.keys(defined({ a: 0, b: undefined, c: "", d: null }))).toEqual(["a", "c", "d"]);
});
