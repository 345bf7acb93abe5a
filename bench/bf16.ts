/**
 * @file What rounding matrix products to bfloat16 costs and gives: a character model on Tiny Shakespeare, trained in float32 and with the
 * instruction set `avx512bf16`, the same seeds, batches and steps. One thread; processor time. The figures of docs/numerics.md.
 *
 *     npm run bench -- bf16 [--hidden 128] [--steps 600] [--seeds 1,2,3]
 */
import { existsSync, readFileSync } from "node:fs";
import { nativeStatus } from "../src/engine/index.ts";
import { createEngine, Embedding, type Engine, Init, Linear, ops, parametersOf, Recurrent, Rng, type Tensor, train } from "../src/index.ts";
import { flags } from "./shared/flags.ts";
import { machine, today } from "./shared/machine.ts";
import { table } from "./shared/markdown.ts";

const options = flags({ hidden: 128, steps: 600, seeds: "1,2,3", batch: 32, length: 64, text: "../shared/data/language-modelling/tinyshakespeare/input.txt" });
const { hidden: H, batch: B, length: L } = options;
if (!existsSync(options.text)) throw new Error(`bench: ${options.text} is not there, expected a text; --text FILE names another`);
const text = readFileSync(options.text, "utf8");
const letters = [...new Set(text)].sort();
const codes = Int32Array.from(text, (c) => letters.indexOf(c));
const cut = Math.floor(0.95 * codes.length); // the last twentieth is never trained on

/** Cross entropy of a batch of excerpts, B of L letters each, that begin at `starts`. */
function lossOf(engine: Engine, model: { embedding: Embedding; stack: Recurrent; head: Linear }, starts: readonly number[]): Tensor {
  const at = (shift: number) => Int32Array.from({ length: L * starts.length }, (_, i) => codes[starts[i % starts.length]! + Math.floor(i / starts.length) + shift]!);
  const x = model.embedding.forward(engine.ints([L, starts.length], at(0)));
  return ops.crossEntropy({ logits: model.head.forward(model.stack.sequence(x).y), target: engine.ints([L, starts.length], at(1)) }).y;
}

async function run(isa: "avx512" | "avx512bf16", seed: number): Promise<{ loss: number; ms: number }> {
  const engine = createEngine({ isa, threads: 1 });
  const init = new Init(engine, new Rng(seed));
  const model = {
    embedding: new Embedding({ vocabulary: letters.length, size: 64 }, init),
    stack: new Recurrent({ cell: "gru", inputSize: 64, hiddenSize: H, layers: 2 }, init),
    head: new Linear({ inputSize: H, outputSize: letters.length }, init),
  };
  const cpu = process.cpuUsage();
  const draw = (rng: Rng) => Array.from({ length: B }, () => Math.floor(rng.uniform() * (cut - L - 1)));
  const task = { engine, params: [...parametersOf(model).values()], batchesPerEpoch: options.steps, loss: (_: number, rng: Rng) => lossOf(engine, model, draw(rng)) };
  for await (const event of train(task, { steps: options.steps, lr: 2e-3, clipNorm: 5, seed }))void event;
  const { user, system } = process.cpuUsage(cpu);
  const starts = Array.from({ length: Math.floor((codes.length - cut - 1) / L) }, (_, i) => cut + i * L);
  let sum = 0;
  for (let i = 0; i < starts.length; i += B) {
    const some = starts.slice(i, i + B);
    sum += engine.scope(() => lossOf(engine, model, some).item()) * some.length;
  }
  return { loss: sum / starts.length, ms: (user + system) / 1000 / options.steps };
}

if (!nativeStatus().addon?.onRequest?.includes("avx512bf16")) throw new Error("bench: the addon has no avx512bf16 here, expected a processor with AVX512_BF16");
console.log(`character model, embedding 64, two GRUs of ${H}, batch ${B}, ${L} letters, ${options.steps} steps of Adam; ${machine()}, ${today()}\n`);
const rows: string[][] = [];
for (const seed of options.seeds.split(",").map(Number)) {
  const [full, rounded] = [await run("avx512", seed), await run("avx512bf16", seed)];
  console.error(`  seed ${seed}: ${full.loss.toFixed(4)}, ${rounded.loss.toFixed(4)}`);
  rows.push([`${seed}`, full.loss.toFixed(4), rounded.loss.toFixed(4), full.ms.toFixed(1), rounded.ms.toFixed(1), `${(full.ms / rounded.ms).toFixed(2)}×`]);
}
console.log(table(["seed", "float32: loss, nats a letter", "bf16: loss", "float32: ms a step", "bf16: ms a step", "faster"], rows));
