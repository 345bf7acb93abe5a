/**
 * Sizes near the 2³¹ that an int counts to. Truth: the same counts in JavaScript's exact integers; what no memory can hold is
 * refused before any of it is touched.
 */
import { describe, expect, test } from "vitest";
import { linear } from "../../src/ops/linear.ts";
import { rnn } from "../../src/ops/recurrent.ts";
import { engineOf } from "../ops/engines.ts";
import { load, natives } from "./wasm.ts";

/** What a kernel says when more is needed than an int can count. */
const MOST = 2 ** 31 - 1;

describe.each(["plain", "plain-f64", "plain-infer", ...natives])("%s", (build) => {
  const { call } = load(build);
  test("scratch beyond what an int can count is said to be as much as one can say", () => {
    expect(call("linear_work", 256, 2 ** 23, 1)).toBe(MOST);
    expect(call("linear_work", 1, 1, 2 ** 30)).toBe(MOST);
    expect(call("gru_work", 1, 1, 2 ** 29, 1)).toBe(MOST);
    expect(call("gru_work", 1, 2 ** 29, 1, 1)).toBe(MOST);
    expect(call("lstm_work", 1, 1, 2 ** 29, 1, 1)).toBe(MOST);
    expect(call("lstm_work", 1, 2 ** 29, 1, 1, 1)).toBe(MOST);
    expect(call("rnn_work", 1, 1, 2 ** 29, 1)).toBe(MOST);
    expect(call("rnn_work", 1, 2 ** 29, 1, 1)).toBe(MOST);
  });

  test("scratch is never less than what must lie in it", () => {
    for (const n of [2 ** 20, 2 ** 22 + 1, 2 ** 23, 2 ** 24, 3 * 2 ** 24, 2 ** 27, 2 ** 28 - 1, 2 ** 30]) {
      const least = Math.min(n, MOST);
      expect(call("linear_work", 4, n, 1)).toBeGreaterThan(least);
      expect(call("gru_work", 1, 1, n, 1)).toBeGreaterThan(least);
      expect(call("gru_work", 0, n, 1, 1)).toBeGreaterThan(least);
      expect(call("rnn_work", 1, n, 1, 1)).toBeGreaterThan(least);
    }
  });
});

test("a product too wide for its scratch is refused in words before anything is read or written", () => {
  const e = engineOf("plain");
  const x = e.hold([1, 1, 2 ** 28]); // held, never touched: costs no real memory
  const w = e.hold([1, 2 ** 28]);
  const wh = e.tensor([1, 1], [1]);
  expect(() => rnn({ x, wx: w, wh })).toThrow(/memory: 8\.00 GB \(\d+ bytes\) more are needed/);
  expect(() => linear({ x: x.at(0), w })).toThrow(/memory: 8\.00 GB \(\d+ bytes\) more are needed/);
  expect(wh.item()).toBe(1);
});

test("one row needs scratch for one row, not for a block of them", () => {
  const e = engineOf("plain");
  const I = 2 ** 21;
  const w = e.param([1, I], new Float32Array(I).fill(1));
  e.scope(() => expect(linear({ x: e.tensor([1, I], new Float32Array(I).fill(0.5)), w }).y.item()).toBe(I / 2));
  expect(e.memory.usage.total).toBeLessThan(400e6);
});
