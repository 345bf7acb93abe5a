/** Memory, scopes and the tape. Truth: laws (what is given back is used again; gradients add) and sums done by hand. */
import { describe, expect, test } from "vitest";
import { add } from "../ops/elementwise.ts";
import { createEngine, Engine, wasmBackend } from "./index.ts";
import { code as f64 } from "./wasm/plain-f64.embed.ts";

describe("scope", () => {
  test("a steady step takes no new memory", () => {
    const e = createEngine();
    const step = () => e.scope(() => void Array.from({ length: 50 }, () => e.tensor([100, 100])));
    step();
    const before = e.memory.usage;
    for (let i = 0; i < 20; i++) step();
    expect(e.memory.usage).toEqual(before);
  });

  test("a tensor used after its scope says so", () => {
    const e = createEngine();
    const t = e.scope(() => e.tensor([2], [1, 2]));
    expect(() => t.data).toThrow(/used after the scope that made it ended/);
    expect(() => add({ a: t, b: t })).toThrow(/add: a: a tensor \[2\] is used after the scope/);
  });

  test("keep makes a copy that stays", () => {
    const e = createEngine();
    const kept = e.scope(() => e.keep(e.tensor([2], [1, 2])));
    e.scope(() => e.tensor([2], [8, 9]));
    expect([...kept.data]).toEqual([1, 2]);
  });

  test("tensors outside every scope do not overlap those inside", () => {
    const e = createEngine();
    const a = e.tensor([1000]).data.fill(1) && e.tensor([1000], new Float32Array(1000).fill(1));
    e.scope(() => e.tensor([100000]).data.fill(7));
    expect(a.data.every((v) => v === 1)).toBe(true);
  });
});

describe("memory", () => {
  test("what can not fit is refused with the number of bytes, and nothing is lost", () => {
    const e = createEngine({ maxBytes: 8 << 20 });
    const a = e.tensor([4], [1, 2, 3, 4]);
    expect(() => e.tensor([1024, 1024, 16])).toThrow(/67108864 bytes\) more are needed/);
    expect(() => e.scope(() => e.tensor([1024, 1024, 16]))).toThrow(/memory: 64\.0 MB/);
    expect(() => e.tensor([2 ** 40, 2 ** 40])).toThrow(/tensor: shape is/);
    expect([...a.data]).toEqual([1, 2, 3, 4]);
    expect(add({ a, b: a }).y.toArray()).toEqual(new Float32Array([2, 4, 6, 8]));
  });

  test("a freed heap block serves the next request of its size", () => {
    const e = createEngine();
    const p = e.memory.alloc(1000);
    e.memory.free(p);
    expect(e.memory.alloc(1000)).toBe(p);
    expect(() => e.memory.free(p + 64)).toThrow(/no heap block in use/);
  });
});

describe("tape", () => {
  const engines = { f32: createEngine(), f64: new Engine(wasmBackend("wasm-plain-f64", f64, 8)) };
  for (const [name, e] of Object.entries(engines)) {
    test(`gradients of a tensor used twice add up (${name})`, () => {
      e.scope(() => {
        const a = e.tensor([1], [3], { grad: true });
        const y = e.record(() => add({ a, b: add({ a, b: a }).y }).y);
        e.backward(y);
        expect(y.item()).toBe(9);
        expect([...a.grad!]).toEqual([3]);
      });
    });
  }

  test("views share their base's gradient", () => {
    const e = engines.f32;
    e.scope(() => {
      const a = e.tensor([3, 2], [1, 2, 3, 4, 5, 6], { grad: true });
      const y = e.record(() => add({ a: a.at(1).slice(0, 1), b: a.at(-1).slice(1, 2) }).y);
      e.backward(y);
      expect(y.item()).toBe(3 + 6);
      expect([...a.grad!]).toEqual([0, 0, 1, 0, 0, 1]);
      expect([...a.at(1).grad!]).toEqual([1, 0]);
    });
  });

  test("a parameter keeps its gradient from step to step, a frozen one has none", () => {
    const e = engines.f32;
    const p = e.param([1], [2]);
    const q = e.param([1], [5]);
    q.frozen = true;
    for (let i = 0; i < 3; i++) e.scope(() => e.backward(e.record(() => add({ a: p, b: q }).y)));
    expect([...p.grad!]).toEqual([3]);
    expect(q.grad).toBe(null);
  });

  test("backward without a recording says what to do", () => {
    const e = engines.f32;
    e.scope(() => {
      expect(() => e.backward(e.tensor([1]))).toThrow(/nothing has been recorded/);
    });
  });

  test("DEBUG=4 names the op, the layer, the element and the cause", () => {
    const e = createEngine({ debug: 0 });
    e.debug = 4;
    const p = e.param([2], [1, Number.NaN]);
    p.name = "encoder.layers.0.bias";
    const held = console.error;
    console.error = () => {};
    try {
      e.where = "step 12";
      expect(() => e.scope(() => add({ a: p, b: e.tensor([2]) }))).toThrow("step 12: add of encoder.layers.0, forward: y is NaN at [1]; input a is NaN at [1]");
    } finally {
      console.error = held;
    }
  });
});
