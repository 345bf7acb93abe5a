/**
 * @file `npm run bench -- adding`: a GRU learns the adding problem over 200 steps, with the public layers and the public loop.
 * Due: mean squared error below 0.001 on sequences it has never seen. Training sequences are drawn anew for every batch.
 */
import { drawAdding, trivialMse } from "./shared/adding.ts";
import { flags } from "./shared/flags.ts";
import { countParameters, createEngine, Init, Linear, ops, parametersOf, Recurrent, Rng, train } from "../src/index.ts";

const settings = flags({ cell: "gru", length: 200, hidden: 64, batch: 32, lr: "3e-3", clip: 1, chrono: 200, steps: 6000, seeds: "1,2,3", goal: 0.0005 });
const { length: T, batch: B } = settings;
const due = 0.001;
const stepsBetweenLooks = 100;

/** Steps, seconds and the error on fresh sequences of one training. */
async function run(seed: number): Promise<{ steps: number; seconds: number; mse: number; parameters: number }> {
  const engine = createEngine();
  const rng = new Rng(seed);
  const init = new Init(engine, rng.split());
  const cell = settings.cell as "gru" | "lstm" | "rnn";
  const chrono = cell !== "rnn" && settings.chrono > 2 ? { chrono: settings.chrono } : {};
  const model = {
    recurrent: new Recurrent({ cell, inputSize: 2, hiddenSize: settings.hidden, ...chrono }, init),
    head: new Linear({ inputSize: settings.hidden, outputSize: 1 }, init),
  };
  const lossOf = (count: number, draw: Rng) => {
    const { x, target } = drawAdding(T, count, draw);
    const { state } = model.recurrent.sequence(engine.tensor([T, count, 2], x));
    const pred = model.head.forward(state[0]![0]!); // h after the last step
    return ops.mse({ pred, target: engine.tensor([count, 1], target) }).y;
  };
  /** Mean error over `batches` of 100 sequences, drawn from a seed of its own. */
  const measure = (batches: number, draw: Rng) => {
    let sum = 0;
    for (let i = 0; i < batches; i++) sum += engine.scope(() => lossOf(100, draw).item());
    return sum / batches;
  };

  const events = train(
    {
      engine,
      params: [...parametersOf(model).values()],
      batchesPerEpoch: stepsBetweenLooks,
      loss: (_index, draw) => lossOf(B, draw),
      validate: () => measure(5, new Rng(1_000_000 + seed)),
    },
    { steps: settings.steps, lr: settings.lr, clipNorm: settings.clip, seed },
  );
  let steps = 0;
  const began = performance.now();
  for await (const event of events) {
    if (event.type !== "epoch") continue;
    steps = event.step;
    if (event.epoch % 5 === 0) console.error(`  seed ${seed}, step ${steps}: ${event.validLoss!.toFixed(5)}  (${((performance.now() - began) / 1000).toFixed(0)} s)`);
    if (event.validLoss! < settings.goal) break; // leaving the loop ends the training; the best weights stay
  }
  const seconds = (performance.now() - began) / 1000;
  return { steps, seconds, mse: measure(100, new Rng(2_000_000 + seed)), parameters: countParameters(model) };
}

console.log(`adding problem, T = ${T}: ${settings.cell}, hidden ${settings.hidden}, batch ${B}, Adam ${settings.lr}, clip ${settings.clip}, chrono ${settings.chrono}, ${createEngine().backend}`);
console.log(`always answering 1 has a mean squared error of ${trivialMse.toFixed(4)}; due is below ${due}, on 10,000 fresh sequences`);
let failed = false;
for (const seed of settings.seeds.split(",").map(Number)) {
  const { steps, seconds, mse, parameters } = await run(seed);
  const reached = mse < due;
  failed ||= !reached;
  console.log(`seed ${seed}: MSE ${mse.toExponential(2)} after ${steps} steps, ${seconds.toFixed(1)} s, ${parameters} parameters: ${reached ? "reached" : "NOT reached"}`);
}
if (failed) process.exitCode = 1;
