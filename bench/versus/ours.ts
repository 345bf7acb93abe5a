/** @file Our side of a comparison, an adapter as bench/peers/host.mjs describes them, through the doors that users have. */
import { createEngine, type Engine, type EngineOptions, Embedding, GRU, Init, Linear, ops, type Param, parametersOf, Recurrent, type StreamOptions, type Tensor, train } from "../../src/index.ts";
import type { Case, Values } from "./cases.ts";

export { peak } from "./peak.ts";

export type Work = Case & { readonly values: Values };

/** How an engine is made, and how streams keep their weights. */
export type Options = EngineOptions & Pick<StreamOptions, "weights">;

/** Hands the weights over; names as in bench/peers/host.mjs. */
const fill = (params: Readonly<Record<string, Param | null>>, values: Values): void => {
  for (const [name, p] of Object.entries(params)) p!.data.set(values[name]!);
};

/** The weights of a stack by the names of the bench: those of layer 1 are `wx1`, … */
function weightsOf(stack: Recurrent): Record<string, Param> {
  const names = { wx: "weight_ih", wh: "weight_hh", bx: "bias_ih", bh: "bias_hh" };
  const all = stack.parameters();
  return Object.fromEntries(stack.cells.flatMap((_, n) => Object.entries(names).map(([short, name]) => [n === 0 ? short : `${short}${n}`, all[`${name}_l${n}`]!])));
}

/** The stack of a case, with its weights. */
function stackOf(engine: Engine, { cell, layers, form, I, H, values }: Work): Recurrent {
  const stack = new Recurrent({ cell, layers, inputSize: I, hiddenSize: H, ...(cell === "gru" ? { resetAfter: form === "after" } : {}) }, new Init(engine, null));
  fill(weightsOf(stack), values);
  return stack;
}

/** Lists of numbers, one behind the other. */
function joined(parts: readonly ArrayLike<number>[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

let name = "";
export const describe = () => ({ name: `sluice ${name}`, version: "this repository" });

export function prepare(work: Work, { weights, ...options }: Options) {
  const engine = createEngine(options);
  name = [engine.backend, weights].filter(Boolean).join(" ");
  return work.kind === "step" ? streaming(engine, work, weights) : task(engine, work);
}

/** One sample at a time as a user would: `stream()`, or `streams(B)`. */
function streaming(engine: Engine, work: Work, weights?: Options["weights"]): Stepping {
  const stack = stackOf(engine, work);
  const options = { weights, threads: engine.threads };
  const stream = work.B === 1 ? stack.stream(options) : stack.streams(work.B, options);
  return { reset: () => stream.reset(), step: (samples) => stream.push(samples) };
}

/** See bench/peers/host.mjs. */
interface Stepping {
  reset(): void;
  step(x: Float32Array): Float32Array;
}
interface Running {
  run(): unknown;
  read(result: unknown): unknown;
}

/** What a workload does on an engine, whichever it is: the float64 one gives the truth. */
export function task(engine: Engine, work: Work): Stepping | Running {
  if (work.kind === "forecaster") return forecaster(engine, work);
  if (work.kind === "language") return language(engine, work);
  const { kind, form, L, B, I, H, values } = work;
  const stack = stackOf(engine, work);
  if (kind === "step") {
    const state = stack.initialState(B).map((cell) => cell.map((t) => engine.keep(t)));
    return {
      reset: () => {
        for (const t of state.flat()) t.data.fill(0);
      },
      step: (sample) =>
        engine.scope(() => {
          const next = stack.step(engine.tensor([B, I], sample), state);
          for (const [n, cell] of next.state.entries()) for (const [i, t] of cell.entries()) state[n]![i]!.data.set(t.data);
          return Float32Array.from(next.y.data);
        }),
    };
  }

  const x = engine.tensor([L, B, I], values["x"], { grad: kind === "train" });
  if (kind === "forward") {
    return {
      run: () => engine.scope(() => stack.sequence(x).y.data), // a view of memory that stays until the next run
      read: (y: ArrayLike<number>) => ({ y: Float32Array.from(y) }),
    };
  }
  const weights = weightsOf(stack);
  if (form === "before") {
    weights["bh"]!.frozen = true;
    delete weights["bh"];
  }
  const state = stack.initialState(B).map((cell) => cell.map(() => engine.tensor([B, H], undefined, { grad: true })));
  const target = engine.tensor([L, B, H], values["target"]);
  /** By name: one tensor, or those of all layers one behind the other. */
  const inputs: Record<string, Tensor[]> = {
    ...{ dx: [x], dh0: state.map(([h]) => h!) },
    ...(work.cell === "lstm" ? { dc0: state.map(([, c]) => c!) } : {}),
    ...Object.fromEntries(Object.entries(weights).map(([name, w]) => [`d${name}`, [w]])),
  };
  return {
    run: () =>
      engine.scope(() => {
        for (const t of Object.values(inputs).flat()) t.grad?.fill(0);
        const loss = engine.record(() => ops.mse({ pred: stack.sequence(x, { state }).y, target }).y);
        const value = loss.item();
        engine.backward(loss);
        return value;
      }),
    read: () => Object.fromEntries(Object.entries(inputs).map(([name, ts]) => [name, joined(ts.map((t) => t.grad!))])),
  };
}

/** Steps of the public training loop, one a run. */
function training(engine: Engine, net: object, loss: () => Tensor, clipNorm?: number): Running {
  const task = { engine, params: [...parametersOf(net).values()], batchesPerEpoch: 1 << 30, loss };
  const steps = train(task, { steps: 1 << 30, optimizer: { kind: "adam" }, lr: 1e-3, clipNorm });
  return {
    async run() {
      const { value } = await steps.next();
      if (!("type" in value && value.type === "step")) throw new Error("bench: the training ended, expected another step");
      return value.loss;
    },
    read: (loss: number) => loss,
  };
}

function forecaster(engine: Engine, { form, L, B, I, H, O, values }: Work): Running {
  const init = new Init(engine, null);
  const gru = new GRU({ inputSize: I, hiddenSize: H, resetAfter: form === "after" }, init);
  gru.bh!.frozen = form === "before";
  const head = new Linear({ inputSize: H, outputSize: O }, init);
  fill({ wx: gru.wx, wh: gru.wh, bx: gru.bx, bh: gru.bh, lw: head.weight, lb: head.bias }, values);
  return training(engine, { gru, head }, () => {
    const last = gru.sequence(engine.tensor([L, B, I], values["x"])).y.at(-1);
    return ops.mse({ pred: head.forward(last), target: engine.tensor([B, O], values["target"]) }).y;
  });
}

function language(engine: Engine, work: Work): Running {
  const { L, B, I, H, O, values } = work;
  const init = new Init(engine, null);
  const table = new Embedding({ vocabulary: O, size: I }, init);
  const stack = stackOf(engine, work);
  const head = new Linear({ inputSize: H, outputSize: O }, init);
  fill({ table: table.weight, lw: head.weight, lb: head.bias }, values);
  return training(
    engine,
    { table, stack, head },
    () => {
      const logits = head.forward(stack.sequence(table.forward(engine.ints([L, B], values["x"]))).y);
      return ops.crossEntropy({ logits, target: engine.ints([L, B], values["target"]) }).y;
    },
    5,
  );
}
