/**
 * Truncated BPTT. Truth: the derivative of a linear recurrence by hand (with and without the border), the law that a chunk as long as the
 * sequence is full BPTT, and that chunks compute the same values as the whole.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rng } from "../base/random.ts";
import { createEngine, Engine, type Param, type Tensor, wasmBackend } from "../engine/index.ts";
import { code as f64 } from "../engine/wasm/plain-f64.embed.ts";
import { add, mul } from "../ops/elementwise.ts";
import { gru } from "../ops/recurrent.ts";
import { sum } from "../ops/reduce.ts";
import { CarriedState, Streams } from "./index.ts";

const double = new Engine(wasmBackend("wasm-plain-f64", f64, 8));

describe("gradients", () => {
  const xs = [1, -2, 0.5, 3, 1.5, -1, 2];
  /** d/da of Σ h_t for h_t = a·h_{t−1} + x_t, where the history of h is cut every `chunk` steps. */
  function byHand(a: number, chunk: number): number {
    let [h, dh, total] = [0, 0, 0];
    for (const [t, x] of xs.entries()) {
      if (t % chunk === 0) dh = 0;
      dh = h + a * dh;
      h = a * h + x;
      total += dh;
    }
    return total;
  }
  function byOps(chunk: number): number {
    const e = double;
    const a = e.param([1], [0.7]);
    const state = new CarriedState(e);
    for (let from = 0; from < xs.length; from += chunk) {
      e.scope(() => {
        const loss = e.record(() => {
          let h = state.read("h", [1]);
          let total: Tensor | null = null;
          for (const x of xs.slice(from, from + chunk)) {
            h = add({ a: mul({ a, b: h }).y, b: e.tensor([1], [x]) }).y;
            total = total ? add({ a: total, b: h }).y : h;
          }
          state.write("h", h);
          return total!;
        });
        e.backward(loss);
      });
    }
    return a.grad![0]!;
  }
  for (const chunk of [1, 2, 3, 7, 100])
    test(`chunks of ${chunk}`, () => expect(byOps(chunk)).toBeCloseTo(byHand(0.7, chunk), 12));
  test("cutting makes a difference here", () => expect(Math.abs(byHand(0.7, 2) - byHand(0.7, 7))).toBeGreaterThan(1));

  test("a GRU: one chunk as long as the sequence is full BPTT; shorter chunks give the same values", () => {
    const e = createEngine();
    const [T, B, I, H] = [12, 2, 3, 5];
    const rng = new Rng(4);
    const draw = (n: number) => Array.from({ length: n }, () => rng.normal() * 0.5);
    const data = draw(T * B * I);
    const [wx, wh] = [e.param([3 * H, I], draw(3 * H * I)), e.param([3 * H, H], draw(3 * H * H))];
    const clear = () => [wx, wh].forEach((p: Param) => void p.grad?.fill(0));
    const chunked = (k: number) => {
      clear();
      const state = new CarriedState(e);
      const values: number[] = [];
      for (let t = 0; t < T; t += k) {
        e.scope(() => {
          const x = e.tensor([T, B, I], data).slice(t, Math.min(T, t + k));
          const loss = e.record(() => {
            const { y, hn } = gru({ x, h0: state.read("h", [B, H]), wx, wh });
            state.write("h", hn);
            values.push(...y.data);
            return sum({ x: y }).y;
          });
          e.backward(loss);
        });
      }
      return { values, gradient: [...wx.grad!, ...wh.grad!] };
    };
    clear();
    const full = e.scope(() => {
      let values: number[] = [];
      e.backward(
        e.record(() => {
          const { y } = gru({ x: e.tensor([T, B, I], data), h0: e.tensor([B, H]), wx, wh });
          values = [...y.data];
          return sum({ x: y }).y;
        }),
      );
      return { values, gradient: [...wx.grad!, ...wh.grad!] };
    });
    expect(chunked(T)).toEqual(full);
    expect(chunked(100)).toEqual(full);
    const short = chunked(5);
    expect(short.values).toEqual(full.values);
    expect(short.gradient).not.toEqual(full.gradient);
  });
});

describe("carried state", () => {
  test("zeros first, the last value after, zeros again after reset", () => {
    const e = createEngine();
    const s = new CarriedState(e);
    e.scope(() => {
      expect([...s.read("h", [2]).data]).toEqual([0, 0]);
      s.write("h", e.tensor([2], [1, 2]));
    });
    e.scope(() => expect([...s.read("h", [2]).data]).toEqual([1, 2]));
    expect(Object.keys(s.save())).toEqual(["h"]);
    s.reset();
    e.scope(() => expect([...s.read("h", [2]).data]).toEqual([0, 0]));
    expect(s.save()).toEqual({});
  });

  test("what was read stays as it was when the next value is written", () => {
    const e = createEngine();
    const s = new CarriedState(e);
    e.scope(() => {
      s.write("h", e.tensor([1], [1]));
      const h = s.read("h", [1]);
      s.write("h", e.tensor([1], [2]));
      expect(h.item()).toBe(1);
      expect(s.read("h", [1]).item()).toBe(2);
    });
  });

  test("one buffer is used again and again, over resets too", () => {
    const e = createEngine();
    const s = new CarriedState(e);
    const step = () =>
      e.scope(() => {
        s.read("h", [100]);
        s.write("h", e.tensor([100]));
      });
    step();
    const before = e.memory.usage;
    for (let i = 0; i < 50; i++) {
      step();
      if (i % 10 === 0) s.reset();
    }
    expect(e.memory.usage).toEqual(before);
  });

  test("load replaces everything; another shape is refused by name", () => {
    const e = createEngine();
    const s = new CarriedState(e);
    e.scope(() => s.write("old", e.tensor([1], [1])));
    s.load({ h: { shape: [2], data: [3, 4] } });
    expect(Object.keys(s.save())).toEqual(["h"]);
    e.scope(() => {
      expect([...s.read("h", [2]).data]).toEqual([3, 4]);
      expect(() => s.read("h", [3])).toThrow('carried state: "h" is [2], expected [3]');
    });
  });
});

describe("streams", () => {
  test("by hand: 11 steps, 2 streams, chunks of 2, targets one ahead", () => {
    const s = new Streams({ length: 11, streams: 2, chunk: 2 });
    expect([s.steps, s.chunks]).toEqual([5, 3]);
    expect([0, 1, 2].map((i) => [...s.rows(i)])).toEqual([
      [0, 5, 1, 6],
      [2, 7, 3, 8],
      [4, 9],
    ]);
  });

  test("each stream is one run of rows without a break, no row twice, no target outside", () => {
    const sizes = fc.record({
      length: fc.integer({ min: 10, max: 200 }),
      streams: fc.integer({ min: 1, max: 5 }),
      chunk: fc.integer({ min: 1, max: 30 }),
      ahead: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(sizes, (o) => {
        const s = new Streams(o);
        const rows = Array.from({ length: s.chunks }, (_, i) => [...s.rows(i)]);
        for (let b = 0; b < o.streams; b++) {
          const stream = rows.flatMap((r) => r.filter((_, i) => i % o.streams === b));
          expect(stream).toEqual(Array.from({ length: s.steps }, (_, t) => b * s.steps + t));
        }
        expect(Math.max(...rows.flat()) + o.ahead).toBeLessThan(o.length);
      }),
    );
  });

  test("sizes that can't be meant", () => {
    expect(() => new Streams({ length: 4, streams: 4, chunk: 2 })).toThrow(
      "streams: length is 4, expected at least 5 for 4 streams",
    );
    expect(() => new Streams({ length: 4, streams: 0, chunk: 2 })).toThrow(
      "streams: streams is 0, expected a whole number from 1",
    );
    expect(() => new Streams({ length: 9, streams: 1, chunk: 2 }).rows(4)).toThrow("streams: chunk is 4, expected 0 to 3");
  });
});
