/**
 * Every op of the table, for all its sizes and options and each optional input left out in turn.
 * Truth: arithmetic itself (float64 central differences); laws (gradients add, recording changes nothing, float32 agrees with
 * float64).
 */
import { expect, test } from "vitest";
import { parseAxes } from "../../src/base/axes.ts";
import { Rng } from "../../src/base/random.ts";
import type { Op } from "../../src/engine/op.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { table } from "../../src/ops/table.ts";
import { call, draw, shape } from "./calls.ts";
import { engineOf, f32, f64 } from "./engines.ts";

/** Σ weights·outputs over what carries a gradient. */
function weighed(op: Op, outputs: readonly (readonly [string, number[]])[], weights: number[]): number {
  let total = 0;
  let i = 0;
  for (const [key, values] of outputs)
    if (parseAxes(op.spec.outputs[key]!).kind === "real") for (const v of values) total += v * weights[i++]!;
  return total;
}

for (const op of table) {
  const { name, inputs, tryOptions = [] } = op.spec;
  const keys = Object.keys(inputs);
  const optional = keys.filter((k) => inputs[k]!.endsWith("?"));

  for (const options of [{}, ...tryOptions]) {
    test(`${name} ${JSON.stringify(options)}`, () => {
      for (const [size, dims] of op.spec.try.entries()) {
        const absent = [[], ...optional.map((k) => [k]), ...(optional.length > 1 ? [optional] : [])];
        for (const without of absent) {
          if (without.includes("wr") && dims["P"] !== dims["H"]) continue; // a projection needs its matrix
          const given = keys.filter((k) => !without.includes(k));
          const rng = new Rng(17 + size);
          const values = draw(op, dims, given, rng);
          const weights = Array.from({ length: 4096 }, () => 2 * rng.uniform() - 1);
          const at = `${name} ${JSON.stringify(dims)} without ${without.join(", ") || "nothing"}`;
          const plain = f64.scope(() => call(f64, op, dims, values, options).outputs);
          const single = f32.scope(() => call(f32, op, dims, values, options).outputs);
          for (const [o, [key, v]] of plain.entries()) {
            for (let i = 0; i < v.length; i++) {
              const difference = Math.abs(v[i]! - single[o]![1][i]!) / Math.max(1, Math.abs(v[i]!));
              if (!(difference < 2e-6))
                expect.fail(`${at}: ${key}[${i}] is ${single[o]![1][i]} in float32 and ${v[i]} in float64`);
            }
          }
          if (!op.spec.backward) continue;
          const recorded = f64.scope(() => call(f64, op, dims, values, options, { from: 1, weights }));
          expect(recorded.outputs, `${at}: recorded`).toEqual(plain);
          for (const key in recorded.gradients) {
            for (let i = 0; i < values[key]!.length; i++) {
              const value = (step: number) => {
                const moved = { ...values, [key]: values[key]!.with(i, values[key]![i]! + step) };
                return weighed(
                  op,
                  f64.scope(() => call(f64, op, dims, moved, options).outputs),
                  weights,
                );
              };
              const numeric = (value(1e-5) - value(-1e-5)) / 2e-5;
              const got = recorded.gradients[key]![i]!;
              if (!(Math.abs(numeric - got) < 1e-8 * Math.max(1, Math.abs(got))))
                expect.fail(`${at}: d${key}[${i}] is ${got}, a central difference says ${numeric}`);
            }
          }
        }
      }
    });
  }

  test(`${name} names itself, the input and the sizes when a shape does not fit`, () => {
    const dims = op.spec.try.at(-1)!;
    const seen = new Set<string>();
    f32.scope(() => {
      const right: Record<string, Tensor> = {};
      for (const key of keys) {
        const words = parseAxes(inputs[key]!);
        const s = shape(inputs[key]!, dims);
        const make = (sizes: readonly number[]) => (words.kind === "int" ? f32.ints(sizes) : f32.tensor(sizes));
        const symbols = [...(words.rest ? ["..."] : []), ...words.axes.map((a) => a.symbol)];
        for (const [axis, symbol] of symbols.entries()) {
          if (symbol !== "" && !seen.has(symbol)) continue;
          const wrong = make(s.with(axis, s[axis]! + (words.axes[axis - (words.rest ? 1 : 0)]?.times ?? 1)));
          expect(() => op({ ...right, [key]: wrong })).toThrow(
            `${name}: ${key} is [${wrong.shape.join(", ")}], expected [${words.text}]`,
          );
        }
        expect(() => op({ ...right, [key]: words.kind === "int" ? f32.tensor(s) : f32.ints(s) })).toThrow(
          new RegExp(`^${name}: ${key} holds`),
        );
        if (!words.optional) expect(() => op({ ...right })).toThrow(`${name}: ${key} is missing, expected [${words.text}]`);
        for (const symbol of symbols) seen.add(symbol);
        right[key] = make(s);
      }
    });
  });
}

test("the inference build gives the same bits, and lacks only what training needs", () => {
  const infer = engineOf("plain-infer");
  const lacking: string[] = [];
  for (const op of table) {
    const dims = op.spec.try.at(-1)!;
    const values = draw(op, dims, Object.keys(op.spec.inputs), new Rng(23));
    try {
      const got = infer.scope(() => call(infer, op, dims, values, {}).outputs);
      expect(got, op.spec.name).toEqual(f32.scope(() => call(f32, op, dims, values, {}).outputs));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // no such kernel
      lacking.push(op.spec.name);
    }
  }
  const losses = [
    "bceWithLogits",
    "crossEntropy",
    "gaussianNll",
    "huber",
    "mae",
    "mse",
    "quantile",
    "studentTNll",
    "weightedMean",
  ];
  expect(lacking).toEqual([...losses, "dropout", "projectedCrossEntropy"].sort());
});

test("names are told apart, and every op says what it does", () => {
  const names = table.map((op) => op.spec.name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(30);
  for (const op of table) expect(op.spec.doc.length, op.spec.name).toBeGreaterThan(20);
});
