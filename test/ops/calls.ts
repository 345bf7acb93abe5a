/** @file Calls any op of the table on numbers drawn for it, with or without gradients: what every table-wide test does. */
import { type Dims, parseAxes, shapeOf, sizeOf } from "../../src/base/axes.ts";
import type { Rng } from "../../src/base/random.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { Op } from "../../src/engine/op.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { add, mul, sum } from "../../src/ops/index.ts";

export type Numbers = Record<string, number[]>;
export const shape = (words: string, dims: Dims): number[] => shapeOf(parseAxes(words), { dims, lead: "N" in dims ? [dims["N"]!] : [] });

/**
 * Numbers that any op accepts: integers are class numbers where there is a vocabulary V and lengths otherwise; constants lie in
 * (0, 1). An op that is more particular says so itself (`tryInts`).
 */
export function draw(op: Op, dims: Dims, keys: readonly string[], rng: Rng): Numbers {
  return Object.fromEntries(
    keys.map((key) => {
      const words = op.spec.inputs[key]!;
      const ints = op.spec.tryInts?.(dims)[key];
      if (ints) return [key, [...ints]];
      const { kind } = parseAxes(words);
      const one = {
        int: () => rng.below(dims["V"] ?? dims["L"]! + 1),
        const: () => 0.1 + 0.8 * rng.uniform(),
        real: () => 2 * rng.uniform() - 1,
      }[kind];
      return [key, Array.from({ length: sizeOf(shape(words, dims)) }, one)];
    }),
  );
}

/** Calls the op on these numbers; with `grad`, on tensors whose gradients start at `from`. */
export function call(e: Engine, op: Op, dims: Dims, values: Numbers, options: object, grad?: { from: number; weights: number[] }) {
  const inputs: Record<string, Tensor> = {};
  for (const key in values) {
    const { kind } = parseAxes(op.spec.inputs[key]!);
    const s = shape(op.spec.inputs[key]!, dims);
    inputs[key] =
      kind === "int" ? e.ints(s, values[key]!) : e.tensor(s, values[key]!, { grad: grad !== undefined && kind === "real" });
    if (grad && kind === "real") e.reals(e.gradOf(inputs[key]), inputs[key].size).fill(grad.from);
  }
  const want = Object.keys(op.spec.outputs).filter((k) => op.spec.outputs[k]!.endsWith("?"));
  const run = () => op(inputs, { ...options, want });
  if (!grad) {
    const outputs = run();
    return { outputs: Object.entries(outputs).map(([k, t]) => [k, Array.from(t.data)] as const), gradients: {} as Numbers };
  }
  let outputs: [string, number[]][] = [];
  const loss = e.record(() => {
    const made = run();
    outputs = Object.entries(made).map(([k, t]) => [k, Array.from(t.data)]);
    let i = 0;
    const parts = Object.values(made)
      .filter((t) => t.needsGrad)
      .map((t) => sum({ x: mul({ a: t, b: e.tensor(t.shape, grad.weights.slice(i, (i += t.size))) }).y }).y);
    return parts.reduce((a, b) => add({ a, b }).y);
  });
  e.backward(loss);
  const gradients = Object.fromEntries(
    Object.entries(inputs).flatMap(([k, t]) => (t.needsGrad ? [[k, Array.from(t.grad!, (g) => g - grad.from)]] : [])),
  );
  return { outputs, gradients };
}
