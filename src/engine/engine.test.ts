/** Memory, scopes and the tape. Truth: laws (what is given back is used again; gradients add) and sums done by hand. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { add } from "../ops/elementwise.ts";
import { sum } from "../ops/reduce.ts";
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

describe("what outlives what", () => {
  test("a tensor's gradient lasts as long as the tensor, in whichever scope backward runs", () => {
    const e = createEngine();
    e.scope(() => {
      const a = e.tensor([1], [3], { grad: true });
      for (let i = 0; i < 2; i++) e.scope(() => e.backward(e.record(() => add({ a, b: a }).y)));
      e.scope(() => e.tensor([64]).data.fill(9));
      expect([...a.grad!]).toEqual([4]);
    });
  });

  test("a step that throws leaves the engine as it was: arena, tape and numbers", () => {
    const e = createEngine({ maxBytes: 16 << 20 });
    const p = e.param([2], [1, 2]);
    const step = () =>
      e.scope(() => {
        const y = e.record(() => add({ a: p, b: e.tensor([2], [1, 1]) }).y);
        e.scope(() => e.tensor([512, 1024]));
        return [...y.data];
      });
    expect(step()).toEqual([2, 3]);
    const before = e.memory.usage;
    for (let i = 0; i < 3; i++) {
      expect(() => e.memory.take(64 << 20)).toThrow(/more are needed/);
      expect(() => e.scope(() => e.record(() => e.tensor([64 << 20])))).toThrow(/more are needed/);
      expect(() => e.record(() => e.tensor([64 << 20]))).toThrow(/more are needed/);
      expect(e.recording).toBe(false);
      expect(step()).toEqual([2, 3]);
    }
    expect(e.memory.usage).toEqual(before);
  });

  test("a recording inside another would lose the outer one's ops: it says so; one in a scope of its own is fine", () => {
    const e = createEngine();
    const p = e.param([1], [3]);
    const twice = () => add({ a: p, b: p }).y;
    expect(() => e.record(() => add({ a: twice(), b: e.record(twice) }))).toThrow(/record: .* inside another/);
    e.scope(() => {
      const y = e.record(() => {
        const inner = e.scope(() => {
          e.backward(e.record(twice));
          return p.grad![0]!;
        });
        expect(inner).toBe(2);
        return twice();
      });
      e.backward(y);
    });
    expect([...p.grad!]).toEqual([4]);
  });

  test("a view of a frozen parameter asks for no gradient either", () => {
    const e = createEngine();
    const p = e.param([2], [1, 2]);
    const q = e.param([1], [1]);
    p.frozen = true;
    e.scope(() => e.backward(e.record(() => add({ a: p.slice(0, 1), b: q }).y)));
    expect(p.grad).toBe(null);
    expect([...q.grad!]).toEqual([1]);
  });

  test("numbers may come from engine memory itself, even where making room for them moves it", () => {
    const e = createEngine();
    const n = 300_000;
    const a = e.tensor([n], new Float32Array(n).fill(7));
    for (let i = 0; i < 5; i++) {
      for (const copy of [e.tensor([n], a.data), e.param([n], a.data)]) expect(copy.data.every((v) => v === 7)).toBe(true);
    }
    expect(e.memory.usage.total).toBeGreaterThan(10 * n * 4);
  });

  test.each([[[-2, -3]], [[0.5, 4]], [[1.5]], [[Number.NaN]], [[-4]], [[2 ** 40, 2 ** 40]]])("a shape %j is refused, whoever makes it", (shape) => {
    const e = createEngine();
    for (const make of [() => e.tensor(shape), () => e.param(shape), () => e.hold(shape), () => e.ints(shape)]) expect(make).toThrow(/tensor: shape is \[.*\], expected whole numbers from 0/);
  });

  test("gradients outside every scope are given back with their tensors", async () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    const e = createEngine();
    const p = e.param([10_000]);
    const round = () => {
      for (let i = 0; i < 20; i++) e.backward(e.record(() => sum({ x: add({ a: p, b: e.param([10_000]) }).y }).y));
    };
    const settle = async () => {
      for (let i = 0; i < 5; i++) {
        gc();
        await new Promise((done) => setTimeout(done, 5));
      }
    };
    round();
    await settle();
    const { heap } = e.memory.usage;
    round();
    await settle();
    expect(e.memory.usage.heap).toBeLessThan(heap + 100_000);
  });
});
