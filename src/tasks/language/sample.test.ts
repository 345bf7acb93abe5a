/** @file Truth: probabilities by their definition, and shares counted over many draws. */
import { expect, test } from "vitest";
import { Rng } from "../../base/random.ts";
import { type SampleOptions, TokenSampler } from "./sample.ts";

const p = [0.5, 0.25, 0.15, 0.07, 0.03];
const logits = Float32Array.from(p, (q) => Math.log(q) + 7);

/** Shares of the tokens over many draws. */
function shares(options: SampleOptions, forbidden: number[] = []): number[] {
  const sampler = new TokenSampler(p.length, options, new Rng(1), forbidden);
  const counts = new Array<number>(p.length).fill(0);
  const n = 20_000;
  for (let i = 0; i < n; i++) counts[sampler.draw(logits)]!++;
  return counts.map((c) => c / n);
}
const due = (weights: number[]): number[] => {
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((w) => w / sum);
};
const close = (got: number[], want: number[]) => {
  for (const [i, w] of want.entries()) {
    if (w === 0) expect(got[i]).toBe(0);
    else expect(Math.abs(got[i]! - w), `${i}: ${got[i]} for ${w}`).toBeLessThan(0.012);
  }
};

test("each restriction leaves the shares that its definition says", () => {
  close(shares({}), p);
  close(shares({ temperature: 0.5 }), due(p.map((q) => q * q)));
  close(shares({ temperature: 2 }), due(p.map(Math.sqrt)));
  expect(shares({ temperature: 0 })).toEqual([1, 0, 0, 0, 0]);
  close(shares({ topK: 2 }), due([0.5, 0.25, 0, 0, 0]));
  close(shares({ topK: 99 }), p);
  close(shares({ topP: 0.7 }), due([0.5, 0.25, 0, 0, 0])); // .5 is too little, .75 is enough
  close(shares({ topP: 0.01 }), [1, 0, 0, 0, 0]);
  close(shares({ minP: 0.2 }), due([0.5, 0.25, 0.15, 0, 0])); // at least a fifth of .5
  close(shares({ topK: 3, minP: 0.4 }), due([0.5, 0.25, 0, 0, 0]));
  close(shares({}, [0, 4]), due([0, 0.25, 0.15, 0.07, 0]));
});

test("what was written lately gets less likely, and nothing else does", () => {
  const sampler = new TokenSampler(3, { temperature: 0, repetitionPenalty: 2, repetitionWindow: 2 }, new Rng(1));
  const scores = Float32Array.of(3, 2, -1);
  expect(sampler.draw(scores)).toBe(0);
  sampler.note(0);
  expect(sampler.draw(scores)).toBe(1); // 3 / 2 is below 2
  sampler.note(1);
  expect(sampler.draw(scores)).toBe(0); // 1.5 and 1
  sampler.note(1); // the window of two has let 0 go
  expect(sampler.draw(Float32Array.of(0.9, 2, -1))).toBe(1);
  expect(sampler.draw(Float32Array.of(-1, -0.6, -1.1))).toBe(0); // -0.6 · 2 is below -1
  expect(Array.from(scores)).toEqual([3, 2, -1]);
});

test("options that cannot be meant are refused by name", () => {
  const refuse = (options: SampleOptions, message: string) => expect(() => new TokenSampler(3, options, new Rng(1))).toThrow(message);
  refuse({ temperature: -1 }, "generate: temperature is -1, expected a number from 0");
  refuse({ topK: 0 }, "generate: topK is 0");
  refuse({ topP: 0 }, "generate: topP is 0");
  refuse({ topP: 1.5 }, "generate: topP is 1.5");
  refuse({ minP: 1 }, "generate: minP is 1");
  refuse({ repetitionPenalty: 0 }, "generate: repetitionPenalty is 0");
  refuse({ repetitionWindow: 1.5 }, "generate: repetitionWindow is 1.5");
});
