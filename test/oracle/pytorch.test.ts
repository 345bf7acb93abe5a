/**
 * Sluice against PyTorch. Truth: what `pytorch.py` made PyTorch compute in float64 (`pytorch.json`, see README.md). The float64 kernels
 * agree to the tenth decimal that is written there; the float32 kernels within 1e-5 for outputs and 1e-4 for gradients.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createEngine, type Engine, hasRelaxedSimd, type Param, type Tensor } from "../../src/engine/index.ts";
import { Init, parametersOf, Recurrent, type RecurrentConfig } from "../../src/nn/index.ts";
import { add, mul, sum } from "../../src/ops/index.ts";
import { table } from "../../src/ops/table.ts";
import { clipByNorm, type OptimizerConfig, optimizerFrom, type ScheduleConfig, schedule, sgd } from "../../src/train/index.ts";
import { f32, f64 } from "../ops/engines.ts";

/** Numbers are `data` divided by `per`. */
interface Written {
  shape: number[];
  per: number;
  data: number[];
}
type Named = Record<string, Written>;

interface Oracle {
  recurrent: {
    name: string;
    config: RecurrentConfig;
    length: number;
    /** The steps that `y` and the gradient of x are written for. */
    steps: number[];
    lengths: number[] | null;
    /** Its rows repeat until there are `length`; those of `factors.y` too. */
    x: Written;
    state: Written[] | null;
    weights: Named;
    factors: { y: Written; state: Written[] };
    loss: Written;
    y: Written;
    last: Written[];
    gradients: Named;
  }[];
  ops: { op: string; name: string; options: object; inputs: Named; factors: Written | null; y: Written; gradients: Named }[];
  optimizers: {
    start: Named;
    gradients: Named[];
    runs: { lr: number; config: OptimizerConfig; after: Record<string, Named>; state: Named }[];
  };
  clipping: {
    gradients: Named;
    byNorm: { limit: number; norm: Written; after: Named }[];
    byValue: { limit: number; after: Named }[];
  };
  schedules: { config: ScheduleConfig; rate: number; rates: number[]; observed?: number[] }[];
}
const oracle = JSON.parse(readFileSync(new URL("pytorch.json", import.meta.url), "utf8")) as Oracle;

const engines: [string, Engine][] = [
  ["float64", f64],
  ["float32", f32],
  ...(hasRelaxedSimd() ? [["float32, relaxed", createEngine({ simd: "relaxed", debug: 0 })] satisfies [string, Engine]] : []),
];

const numbers = ({ data, per }: Written): number[] => data.map((v) => v / per);
/** A [length, …] tensor's numbers from its first rows, which repeat. */
const tiled = (w: Written, length: number): number[] => {
  const rows = numbers(w);
  return Array.from({ length: length * (rows.length / w.shape[0]!) }, (_, i) => rows[i % rows.length]!);
};
/** Σ factors∘t */
const weighted = (t: Tensor, factors: Tensor): Tensor => sum({ x: mul({ a: t, b: factors }).y }).y;

/** Outputs: number by number, relative to those above 1 (or above `unit`, for a sum of many). */
function expectOutput(e: Engine, what: string, got: ArrayLike<number>, want: Written, unit = 1): void {
  expect(got.length, what).toBe(want.data.length);
  const limit = e.bytes === 8 ? 1e-10 : 1e-5;
  for (const [i, w] of numbers(want).entries()) {
    expect(Math.abs(got[i]! - w) / Math.max(unit, Math.abs(w)), `${what}[${i}] is ${got[i]}, PyTorch's ${w}`).toBeLessThan(limit);
  }
}

/** Gradients: number by number in float64, as one vector in float32. */
function expectGradient(e: Engine, what: string, got: ArrayLike<number> | null, want: Written): void {
  if (e.bytes === 8) {
    expectOutput(e, `d${what}`, got ?? [], want);
    return;
  }
  const w = numbers(want);
  expect(got?.length, what).toBe(w.length);
  const off = Math.hypot(...w.map((v, i) => v - got![i]!));
  expect(off / Math.max(Math.hypot(...w), Number.MIN_VALUE), `d${what}, relative L2`).toBeLessThan(1e-4);
}

/** Parameters with their names and numbers. */
const parameters = (e: Engine, start: Named): Param[] =>
  Object.entries(start).map(([name, w]) => Object.assign(e.param(w.shape, numbers(w)), { name }));
/** The same shapes, all zero: what a step of rate 1 leaves there is the gradient it took. */
const zeros = (e: Engine, like: Named): Param[] =>
  Object.entries(like).map(([name, w]) => Object.assign(e.param(w.shape), { name }));
const setGradients = (ps: Param[], gradients: Named) => {
  for (const p of ps) p.engine.reals(p.engine.gradOf(p), p.size).set(numbers(gradients[p.name]!));
};

describe.each(engines)("%s", (_, e) => {
  test.each(oracle.recurrent.map((c) => [c.name, c] as const))("%s", (_, c) => {
    const net = new Recurrent(c.config, new Init(e, null));
    const weights = parametersOf(net);
    expect([...weights.keys()].sort()).toEqual(Object.keys(c.weights).sort());
    for (const [name, p] of weights) {
      expect(p.shape, name).toEqual(c.weights[name]!.shape);
      p.data.set(numbers(c.weights[name]!));
    }
    e.scope(() => {
      const [, B = 0, I = 0] = c.x.shape;
      const x = e.tensor([c.length, B, I], tiled(c.x, c.length), { grad: true });
      // PyTorch keeps one tensor for each kind of state, [layers × directions, B, …]; here each layer and direction has its own.
      const start = c.state?.map((s) => e.tensor(s.shape, numbers(s), { grad: true })) ?? [];
      const cells = Array.from({ length: start[0]?.shape[0] ?? 0 }, (_, i) => start.map((s) => s.at(i)));
      const factors = c.factors.state.map((s) => e.tensor(s.shape, numbers(s)));
      const { loss, y, state } = e.record(() => {
        const run = net.sequence(x, {
          ...(c.state ? { state: cells } : {}),
          ...(c.lengths ? { lengths: e.ints([B], c.lengths) } : {}),
        });
        const parts = run.state.flatMap((cell, i) => cell.map((s, k) => weighted(s, factors[k]!.at(i))));
        return {
          ...run,
          loss: parts.reduce((a, b) => add({ a, b }).y, weighted(run.y, e.tensor(run.y.shape, tiled(c.factors.y, c.length)))),
        };
      });
      e.backward(loss);

      const atSteps = (all: ArrayLike<number>, width: number) =>
        c.steps.flatMap((t) => Array.from(all).slice(t * width, (t + 1) * width));
      expectOutput(e, "y", atSteps(y.data, y.size / c.length), c.y);
      for (const [k, want] of c.last.entries())
        expectOutput(
          e,
          `last state ${k}`,
          state.flatMap((cell) => Array.from(cell[k]!.data)),
          want,
        );
      expectOutput(e, "loss", loss.data, c.loss, c.length);
      const { x: dx, h0, c0, ...dweights } = c.gradients;
      expectGradient(e, "x", atSteps(x.grad!, B * I), dx!);
      for (const [k, want] of [h0, c0].entries()) if (want) expectGradient(e, `state ${k}`, start[k]!.grad, want);
      for (const [name, want] of Object.entries(dweights)) expectGradient(e, name, weights.get(name)!.grad, want);
    });
  });

  test.each(oracle.ops.map((c) => [c.name, c] as const))("%s", (_, c) => {
    const op = table.find((o) => o.spec.name === c.op)!;
    e.scope(() => {
      const x = Object.fromEntries(
        Object.entries(c.inputs).map(([name, w]) => [
          name,
          op.spec.inputs[name]!.startsWith("int")
            ? e.ints(w.shape, w.data)
            : e.tensor(w.shape, numbers(w), { grad: name in c.gradients }),
        ]),
      );
      const { y, loss } = e.record(() => {
        const y = op(x, { ...c.options })["y"]!;
        return { y, loss: c.factors ? weighted(y, e.tensor(y.shape, numbers(c.factors))) : y };
      });
      e.backward(loss);
      expect(y.shape).toEqual(c.y.shape);
      expectOutput(e, "y", y.data, c.y);
      for (const [name, want] of Object.entries(c.gradients)) expectGradient(e, name, x[name]!.grad, want);
    });
  });

  test.each(oracle.optimizers.runs.map((run) => [JSON.stringify(run.config), run] as const))(
    "%s",
    (_, { config, lr, after, state }) => {
      const ps = parameters(e, oracle.optimizers.start);
      const optimizer = optimizerFrom(config);
      for (const [i, gradients] of oracle.optimizers.gradients.entries()) {
        setGradients(ps, gradients);
        optimizer.step(ps, lr);
        for (const p of ps) if (after[i + 1]) expectOutput(e, `${p.name} after ${i + 1} steps`, p.data, after[i + 1]![p.name]!);
      }
      const slots = optimizer.tensors();
      expect(Object.keys(slots).sort()).toEqual(Object.keys(state).sort());
      for (const [name, want] of Object.entries(state)) expectOutput(e, name, slots[name]!.data, want);
    },
  );

  test.each(oracle.clipping.byNorm)("clip_grad_norm_ to $limit", ({ limit, norm, after }) => {
    const ps = zeros(e, oracle.clipping.gradients);
    setGradients(ps, oracle.clipping.gradients);
    const clip = clipByNorm(ps, limit);
    expectOutput(e, "norm", [clip.norm], norm);
    sgd().step(ps, 1, { scale: clip.scale });
    for (const p of ps) expectOutput(e, p.name, p.data, after[p.name]!);
  });

  test.each(oracle.clipping.byValue)("clip_grad_value_ to $limit", ({ limit, after }) => {
    const ps = zeros(e, oracle.clipping.gradients);
    setGradients(ps, oracle.clipping.gradients);
    sgd().step(ps, 1, { clipValue: limit });
    for (const p of ps) expectOutput(e, p.name, p.data, after[p.name]!);
  });
});

test.each(oracle.schedules.map((c) => [JSON.stringify(c.config), c] as const))(
  "schedule %s",
  (_, { config, rate, rates, observed }) => {
    const ours = schedule(config, { steps: rates.length, stepsPerEpoch: 1, rate });
    const got = rates.map((_, step) => {
      const now = ours.rate(step);
      if (observed) ours.observe(observed[step]!);
      return now;
    });
    for (const [step, want] of rates.entries())
      expect(Math.abs(got[step]! / want - 1), `step ${step}: ${got[step]}, PyTorch's ${want}`).toBeLessThan(1e-12);
  },
);
