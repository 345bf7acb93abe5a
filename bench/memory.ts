/**
 * @file `npm run bench -- memory`: the most memory that a GRU's training step takes, beside what its saved activations need, and
 * whether a hundred further steps take any more. Due: below twice the activations; no growth in wasm memory.
 */
import { createEngine, GRU, Init, ops, parametersOf, Rng, train } from "../src/index.ts";
import { flags } from "./shared/flags.ts";

const { length: L, batch: B, input: I, hidden: H } = flags({ length: 100, batch: 64, input: 256, hidden: 256 });
const further = 100;
const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const engine = createEngine({ backend: "wasm" });
const kernelData = engine.memory.usage.total;
const gru = new GRU({ inputSize: I, hiddenSize: H }, new Init(engine, new Rng(1)));
const values = Float32Array.from({ length: L * B * I }, (_, i) => Math.sin(i));
const target = Float32Array.from({ length: L * B * H }, (_, i) => Math.cos(i));

/** What backward cannot do without: the input, and of every step the output and r, z, n and W_n h + b_n. */
const activations = 4 * L * B * (I + H + 4 * H);

/** Bytes now: what the engine has reserved, and JavaScript's own heap after a collection. */
const look = () => {
  globalThis.gc?.();
  return { ...engine.memory.usage, script: process.memoryUsage().heapUsed };
};

const task = {
  engine,
  params: [...parametersOf(gru).values()],
  batchesPerEpoch: 1_000_000, // one long epoch: nothing but steps
  loss() {
    // The gradient of x is asked for, as in any layer but a network's first, and every step's output has a loss.
    const x = engine.tensor([L, B, I], values, { grad: true });
    return ops.mse({ pred: gru.sequence(x).y, target: engine.tensor([L, B, H], target) }).y;
  },
};
const warm = 5;
let before = look();
let after = before;
for await (const event of train(task, { steps: warm + further, lr: 1e-4, clipNorm: 1 })) {
  if (event.type !== "step") continue;
  if (event.step === warm) before = look();
  if (event.step === warm + further) after = look();
}

const peak = before.heap + before.arenaPeak;
const lossInputs = 4 * L * B * H; // the target, which is the task's own and no activation
console.log(`GRU training step (forward, loss, backward, clip, Adam), T = ${L}, B = ${B}, I = ${I}, H = ${H}, ${engine.backend}`);
console.log(`saved activations need   ${megabytes(activations)}`);
console.log(`engine memory at most    ${megabytes(peak)}: step ${megabytes(before.arenaPeak)}, weights with gradients and optimizer ${megabytes(before.heap)}`);
console.log(`ratio                    ${(peak / activations).toFixed(2)} (due: below 2), targets of the loss (${megabytes(lossInputs)}) included`);
console.log(`wasm memory in all       ${megabytes(after.total)} (kernels and start: ${megabytes(kernelData)})`);
console.log(`after ${further} further steps  wasm ${after.total - before.total} bytes, heap ${after.heap - before.heap}, step ${after.arenaPeak - before.arenaPeak}; JavaScript heap ${((after.script - before.script) / further).toFixed(0)} bytes a step`);

const grown = after.total - before.total + (after.heap - before.heap) + (after.arenaPeak - before.arenaPeak);
if (peak >= 2 * activations || grown !== 0) {
  console.log("NOT reached");
  process.exitCode = 1;
}
