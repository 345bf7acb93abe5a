/** @file Our side of a comparison, an adapter as bench/peers/host.mjs describes them, through the doors that users have. Options: backend, isa. */
import { createEngine, type Engine, type EngineOptions, Embedding, GRU, Init, Linear, ops, type Param, parametersOf, Recurrent, type Tensor, train } from "../../src/index.ts";
import type { Case, Values } from "./cases.ts";

export type Work = Case & { readonly values: Values };

/** Hands the weights over; names as in bench/peers/host.mjs. */
const fill = (params: Readonly<Record<string, Param | null>>, values: Values): void => {
  for (const [name, p] of Object.entries(params)) p!.data.set(values[name]!);
};

/** The weights of a stack's layer; those of layer 1 are `wx1`, … */
function layer(stack: Recurrent, n: number): Record<string, Param> {
  const names = { wx: "weight_ih", wh: "weight_hh", bx: "bias_ih", bh: "bias_hh" };
  return Object.fromEntries(Object.entries(names).map(([short, name]) => [n === 0 ? short : `${short}${n}`, stack.parameters()[`${name}_l${n}`]!]));
}

let backend = "";
export const describe = () => ({ name: `sluice ${backend}`, version: "this repository" });

export function prepare(work: Work, options: EngineOptions) {
  const engine = createEngine(options);
  backend = engine.backend;
  return work.kind === "step" ? streaming(engine, work) : task(engine, work);
}

/** One sample at a time as a user would: `stream()`. */
function streaming(engine: Engine, { form, I, H, values }: Work): Stepping {
  const stack = new Recurrent({ inputSize: I, hiddenSize: H, resetAfter: form === "after" }, new Init(engine, null));
  fill(layer(stack, 0), values);
  const stream = stack.stream();
  return { reset: () => stream.reset(), step: (sample) => stream.push(sample) };
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
  const gru = new GRU({ inputSize: I, hiddenSize: H, resetAfter: form === "after" }, new Init(engine, null));
  fill({ wx: gru.wx, wh: gru.wh, bx: gru.bx, bh: gru.bh }, values);
  if (kind === "step") {
    const h = engine.tensor([1, H]);
    return {
      reset: () => void h.data.fill(0),
      step: (sample) => {
        const y = engine.scope(() => gru.step(engine.tensor([1, I], sample), [h]).y.toArray());
        h.data.set(y);
        return Float32Array.from(y);
      },
    };
  }

  const read = (numbers: ArrayLike<number> | null) => Float32Array.from(numbers!);
  const x = engine.tensor([L, B, I], values["x"], { grad: kind === "train" });
  if (kind === "forward") {
    return {
      run: () => engine.scope(() => gru.sequence(x).y.data), // a view of memory that stays until the next run
      read: (y: ArrayLike<number>) => ({ y: read(y) }),
    };
  }
  gru.bh!.frozen = form === "before";
  const h0 = engine.tensor([B, H], undefined, { grad: true });
  const target = engine.tensor([L, B, H], values["target"]);
  const inputs: Record<string, Tensor> = { dx: x, dh0: h0, dwx: gru.wx, dwh: gru.wh, dbx: gru.bx!, ...(form === "after" ? { dbh: gru.bh! } : {}) };
  return {
    run: () =>
      engine.scope(() => {
        for (const t of Object.values(inputs)) t.grad?.fill(0);
        const loss = engine.record(() => ops.mse({ pred: gru.sequence(x, { state: [h0] }).y, target }).y);
        const value = loss.item();
        engine.backward(loss);
        return value;
      }),
    read: () => Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, read(t.grad)])),
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

function language(engine: Engine, { L, B, I, H, O, values }: Work): Running {
  const init = new Init(engine, null);
  const table = new Embedding({ vocabulary: O, size: I }, init);
  const stack = new Recurrent({ cell: "gru", inputSize: I, hiddenSize: H, layers: 2 }, init);
  const head = new Linear({ inputSize: H, outputSize: O }, init);
  fill({ table: table.weight, ...layer(stack, 0), ...layer(stack, 1), lw: head.weight, lb: head.bias }, values);
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
