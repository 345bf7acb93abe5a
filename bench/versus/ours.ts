/** @file Our side of a comparison, an adapter as bench/peers/host.mjs describes them, through the doors that users have. Options: backend, isa. */
import { createEngine, type Engine, type EngineOptions, GRU, Init, Linear, ops, parametersOf, type Tensor, train } from "../../src/index.ts";
import type { Case, Values } from "./cases.ts";

export type Work = Case & { readonly values: Values };

/** A network's weights, by our names of them. */
function load(to: { gru: GRU; head?: Linear }, values: Values): void {
  const { gru, head } = to;
  for (const [p, name] of [[gru.wx, "wx"], [gru.wh, "wh"], [gru.bx, "bx"], [gru.bh, "bh"], [head?.weight, "lw"], [head?.bias, "lb"]] as const) p?.data.set(values[name]!);
}

let backend = "";
export const describe = () => ({ name: `sluice ${backend}`, version: "this repository" });

export function prepare(work: Work, options: EngineOptions) {
  const engine = createEngine(options);
  backend = engine.backend;
  return task(engine, work);
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
  const { kind, form, L, B, I, H, O, values } = work;
  const init = new Init(engine, null);
  const gru = new GRU({ inputSize: I, hiddenSize: H, resetAfter: form === "after" }, init);
  gru.bh!.frozen = form === "before";
  const x = engine.tensor([L, B, I], values["x"], { grad: kind === "train" });
  const read = (numbers: ArrayLike<number> | null) => Float32Array.from(numbers!);

  if (kind === "step") {
    load({ gru }, values);
    const input = engine.tensor([1, I]);
    const h = engine.tensor([1, H]);
    const out = new Float32Array(H);
    return {
      reset: () => void h.data.fill(0),
      step(sample: Float32Array) {
        input.data.set(sample);
        engine.scope(() => out.set(gru.step(input, [h]).y.data));
        h.data.set(out);
        return out;
      },
    };
  }

  if (kind === "forward") {
    load({ gru }, values);
    return {
      run: () => engine.scope(() => gru.sequence(x).y.data), // a view of memory that stays until the next run
      read: (y: ArrayLike<number>) => ({ y: read(y) }),
    };
  }

  if (kind === "train") {
    load({ gru }, values);
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
      read: (loss: number) => ({ loss: Float32Array.of(loss), ...Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, read(t.grad)])) }),
    };
  }

  const net = { gru, head: new Linear({ inputSize: H, outputSize: O }, init) };
  load(net, values);
  const steps = train(
    {
      engine,
      params: [...parametersOf(net).values()],
      batchesPerEpoch: 1 << 30,
      loss: () => ops.mse({ pred: net.head.forward(gru.sequence(engine.tensor([L, B, I], values["x"])).y.at(-1)), target: engine.tensor([B, O], values["target"]) }).y,
    },
    { steps: 1 << 30, optimizer: { kind: "adam" }, lr: 1e-3 },
  );
  return {
    async run() {
      const { value } = await steps.next();
      if (!("type" in value && value.type === "step")) throw new Error("bench: the training ended, expected another step");
      return value.loss;
    },
    read: (loss: number) => loss,
  };
}
