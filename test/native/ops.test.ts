/**
 * Every op of the table on every instruction set that this processor has. Truth: the float64 WebAssembly build, which the table's own test holds
 * against central differences; and, where the source promises it, the same bits as another build.
 */
import { expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import { Engine, nativeBackend, nativeStatus } from "../../src/engine/index.ts";
import { table } from "../../src/ops/table.ts";
import { call, draw } from "../ops/calls.ts";
import { engineOf, f32, f64 } from "../ops/engines.ts";

const { addon, why } = nativeStatus();
if (addon === null) console.log(`native: tests skipped, ${why}`);
const engines = (addon?.isas ?? []).map((isa) => [isa, new Engine(nativeBackend(addon!, isa), { debug: 0 })] as const);

test.skipIf(addon === null).each(engines)("%s: outputs and gradients of every op", (_, engine) => {
  for (const op of table) {
    const { name, inputs, tryOptions = [] } = op.spec;
    for (const options of [{}, ...tryOptions]) {
      for (const [size, dims] of op.spec.try.entries()) {
        const rng = new Rng(31 + size);
        const values = draw(op, dims, Object.keys(inputs), rng);
        const weights = Array.from({ length: 4096 }, () => 2 * rng.uniform() - 1);
        const grad = op.spec.backward ? { from: 1, weights } : undefined;
        const due = f64.scope(() => call(f64, op, dims, values, options, grad));
        const got = engine.scope(() => call(engine, op, dims, values, options, grad));
        const close = (what: string, a: number[], b: number[], limit: number) => {
          expect(a.length, what).toBe(b.length);
          for (const [i, x] of a.entries()) {
            if (!(Math.abs(x - b[i]!) <= limit * Math.max(1, Math.abs(b[i]!))))
              expect.fail(`${name} ${JSON.stringify(dims)} ${JSON.stringify(options)}: ${what}[${i}] is ${x}, expected ${b[i]}`);
          }
        };
        for (const [i, [key, v]] of due.outputs.entries()) close(key, got.outputs[i]![1], v, 2e-6);
        for (const key in due.gradients) close(`d${key}`, got.gradients[key]!, due.gradients[key]!, 1e-5);
      }
    }
  }
});

// Both have four lanes and no fused multiply-add, and the compiler may not make one: the order of every sum is the source's.
test.skipIf(!addon?.isas.includes("sse2"))("sse2 gives the bits of the plain WebAssembly build", () => {
  const engine = engines.find(([isa]) => isa === "sse2")![1];
  for (const op of table) {
    for (const [size, dims] of op.spec.try.entries()) {
      const rng = new Rng(57 + size);
      const values = draw(op, dims, Object.keys(op.spec.inputs), rng);
      const weights = Array.from({ length: 4096 }, () => 2 * rng.uniform() - 1);
      const grad = op.spec.backward ? { from: 1, weights } : undefined;
      const due = f32.scope(() => call(f32, op, dims, values, {}, grad));
      expect(engine.scope(() => call(engine, op, dims, values, {}, grad)), `${op.spec.name} ${JSON.stringify(dims)}`).toEqual(due);
    }
  }
});

test.skipIf(addon === null)("the memory may grow between two calls, and two engines do not meet", () => {
  const wasm = engineOf("plain-f64");
  for (const [isa, first] of engines) {
    const second = new Engine(nativeBackend(addon!, isa), { debug: 0 });
    const op = table.find((o) => o.spec.name === "gru")!;
    const dims = op.spec.try.at(-1)!;
    const values = draw(op, dims, Object.keys(op.spec.inputs), new Rng(5));
    const due = wasm.scope(() => call(wasm, op, dims, values, {}).outputs)[0]![1];
    const before = second.memory.usage.total;
    second.param([8_000_000]);
    expect(second.memory.usage.total).toBeGreaterThan(before);
    for (const engine of [second, first, second]) {
      const [, got] = engine.scope(() => call(engine, op, dims, values, {}).outputs)[0]!;
      got.forEach((x, i) => expect(x).toBeCloseTo(due[i]!, 5));
    }
  }
});
