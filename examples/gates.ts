/**
 * @file Looking into a GRU: what its gates r and z do while it holds a number in mind.
 *
 *     r = σ(W_ir x + b_ir + W_hr h + b_hr)      z = σ(W_iz x + b_iz + W_hz h + b_hz)
 *     n = tanh(W_in x + b_in + r∘(W_hn h + b_hn))    h' = (1 − z)∘n + z∘h
 *
 * z, the update gate, *keeps*: near 1 the unit stays as it is, near 0 it takes the candidate n. (In Chung et al. 2014 and many tutorials
 * z means the opposite, admit; check which one a text uses.) r, the reset gate, says how much of the old state the candidate may see: near
 * 0 the candidate is made from the input alone, so that the past is forgotten where z lets the candidate in.
 *
 *     npm run example -- gates
 */
import { pathToFileURL } from "node:url";
import { createEngine, type Engine, GRU, Init, Linear, ops, parametersOf, Rng, train } from "sluice";
import { sparkline } from "sluice/plot";

const L = 40;
/** One number can hold one number; with more units each would show a part of the story. */
const H = 1;

/** Sample and hold: input [L, B, 2] is noise and, now and then, a mark; the target [L, B, 1] is the number at the latest mark. */
function draw(engine: Engine, B: number, rng: Rng) {
  const x = new Float32Array(L * B * 2);
  const target = new Float32Array(L * B);
  const marks = new Uint8Array(L * B);
  for (let i = 0; i < L * B; i++) {
    marks[i] = Number(i < B || rng.uniform() < 0.12); // the first step of each item is always marked
    x[2 * i] = 2 * rng.uniform() - 1;
    x[2 * i + 1] = marks[i]!;
    target[i] = marks[i] ? x[2 * i]! : target[i - B]!;
  }
  return { x: engine.tensor([L, B, 2], x), target: engine.tensor([L, B, 1], target), marks };
}

export async function lookIntoGates(steps = 1500) {
  const engine = createEngine();
  const init = new Init(engine, new Rng(1));
  const model = { gru: new GRU({ inputSize: 2, hiddenSize: H }, init), head: new Linear({ inputSize: H, outputSize: 1 }, init) };
  const task = {
    engine,
    params: [...parametersOf(model).values()],
    batchesPerEpoch: steps,
    loss(_index: number, rng: Rng) {
      const { x, target } = draw(engine, 32, rng);
      return ops.mse({ pred: model.head.forward(model.gru.sequence(x).y), target }).y;
    },
  };
  let loss = Number.NaN;
  for await (const event of train(task, { steps, lr: "cosine(1e-2)", clipNorm: 1, seed: 1 })) if (event.type === "step") loss = event.loss;

  // Gates come back with any forward pass that asks for them: [L, B, H] each, without gradient.
  return engine.scope(() => {
    const { x, target, marks } = draw(engine, 1, new Rng(99));
    const { y, gates } = model.gru.sequence(x, { gates: true });
    const r = [...gates!["r"]!.data];
    const z = [...gates!["z"]!.data];
    const meanWhere = (values: readonly number[], marked: number) => {
      const some = values.filter((_, t) => marks[t] === marked);
      return some.reduce((sum, v) => sum + v, 0) / some.length;
    };
    return {
      ...{ loss, marks: [...marks], r, z, target: [...target.data], answer: [...model.head.forward(y).data] },
      ...{ keepAtMarks: meanWhere(z, 1), keepElsewhere: meanWhere(z, 0) },
    };
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const { loss, marks, r, z, target, answer, keepAtMarks, keepElsewhere } = await lookIntoGates();
  console.log(`loss after training  ${loss.toExponential(1)}`);
  console.log(`mark                 ${marks.map((m) => (m ? "v" : "·")).join("")}`);
  console.log(`number to hold       ${sparkline(target)}`);
  console.log(`answer               ${sparkline(answer)}`);
  console.log(`z                    ${sparkline(z)}   keeps ${keepAtMarks.toFixed(2)} at marks, ${keepElsewhere.toFixed(2)} elsewhere`);
  console.log(`r                    ${sparkline(r)}   matters only where z lets the candidate in`);
}
