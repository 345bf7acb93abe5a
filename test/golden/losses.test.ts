/**
 * Ten losses of seeded trainings, to the last bit. Truth: yesterday. A change here means that every user's numbers change: read the diff,
 * say so in the changelog, and rewrite with `UPDATE=1 npm test`.
 */
import { expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import { createEngine } from "../../src/engine/index.ts";
import { type CellKind, Init, Linear, parametersOf, Recurrent } from "../../src/nn/index.ts";
import { mse } from "../../src/ops/loss.ts";
import { train } from "../../src/train/index.ts";

test.each(["gru", "lstm", "rnn"] as const satisfies CellKind[])("%s", async (cell) => {
  const engine = createEngine({ simd: "plain" });
  const rng = new Rng(7);
  const init = new Init(engine, rng);
  const model = { encoder: new Recurrent({ cell, inputSize: 3, hiddenSize: 12, layers: 2, dropout: 0.2 }, init), head: new Linear({ inputSize: 12, outputSize: 1 }, init) };
  const [L, B] = [20, 8];
  const x = engine.tensor([L, B, 3], Float32Array.from({ length: L * B * 3 }, () => rng.normal()));
  const target = engine.tensor([B, 1], Float32Array.from({ length: B }, (_, b) => x.data[b * 3]!)); // the first step's first input
  const losses: string[] = [];
  const task = {
    ...{ engine, params: [...parametersOf(model).values()], batchesPerEpoch: 1 },
    loss: (_: number, draw: Rng) => mse({ pred: model.head.forward(model.encoder.sequence(x, { rng: draw }).y.at(-1)), target }).y,
  };
  for await (const e of train(task, { steps: 10, lr: 3e-3, clipNorm: 1, seed: 7 })) if (e.type === "step") losses.push(e.loss.toString());
  expect(new Set(losses).size).toBe(10);
  await expect(`${losses.join("\n")}\n`).toMatchFileSnapshot(`${cell}.txt`);
});
