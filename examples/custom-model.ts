/**
 * @file A model of your own: layers, ops and the training loop put together by hand. It hears a few noisy periods of a wave, of any
 * pitch, phase and length, and says which of three it was.
 *
 *     npm run example -- custom-model
 */
import { pathToFileURL } from "node:url";
import { createEngine, type Engine, Init, Linear, ops, parametersOf, pool, Recurrent, Rng, type Tensor, train } from "sluice";

const waves: Record<string, (phase: number) => number> = {
  sine: (phase) => Math.sin(2 * Math.PI * phase),
  square: (phase) => (phase % 1 < 0.5 ? 1 : -1),
  sawtooth: (phase) => 2 * (phase % 1) - 1,
};
const names = Object.keys(waves);
/** Longest wave, in samples. */
const L = 64;

/** `B` random waves as the engine takes them: time first, x [L, B, 1], lengths [B]; beyond its length a wave is padding. */
function draw(engine: Engine, B: number, rng: Rng) {
  const x = new Float32Array(L * B);
  const lengths = new Int32Array(B);
  const answers = new Int32Array(B);
  for (let b = 0; b < B; b++) {
    answers[b] = rng.below(names.length);
    lengths[b] = 32 + rng.below(L - 31);
    const wave = waves[names[answers[b]!]!]!;
    const pitch = 0.05 + 0.1 * rng.uniform();
    const start = rng.uniform();
    for (let t = 0; t < lengths[b]!; t++) x[t * B + b] = wave(start + pitch * t) + 0.3 * rng.normal();
  }
  return { x: engine.tensor([L, B, 1], x), lengths: engine.ints([B], lengths), answers: engine.ints([B], answers) };
}

/** A model is an object with layers in its fields; their parameters are named by the path to them. */
class WaveClassifier {
  readonly encoder: Recurrent;
  readonly head: Linear;

  constructor(init: Init, hiddenSize = 24) {
    this.encoder = new Recurrent({ cell: "gru", inputSize: 1, hiddenSize, bidirectional: "concat" }, init);
    this.head = new Linear({ inputSize: this.encoder.outputSize, outputSize: names.length }, init);
  }

  /** [L, B, 1] to logits [B, 3]. */
  forward(x: Tensor, lengths: Tensor): Tensor {
    const { y } = this.encoder.sequence(x, { lengths });
    return this.head.forward(pool("mean", y, lengths)); // the mean of the real steps only
  }
}

export async function classifyWaves(steps = 300) {
  const engine = createEngine();
  const model = new WaveClassifier(new Init(engine, new Rng(1)));

  /** Share of right answers among 500 waves that were never trained on. */
  const accuracy = () =>
    engine.scope(() => {
      const { x, lengths, answers } = draw(engine, 500, new Rng(1234));
      const logits = model.forward(x, lengths).data;
      const right = answers.data.filter((answer, b) => {
        const row = logits.subarray(b * names.length, (b + 1) * names.length);
        return row.indexOf(Math.max(...row)) === answer;
      });
      return right.length / 500;
    });

  const before = accuracy();
  const task = {
    engine,
    params: [...parametersOf(model).values()],
    batchesPerEpoch: 50,
    // Called while the tape records; everything made in here is given back when the step is over. `rng` is seeded by the loop.
    loss(_index: number, rng: Rng) {
      const { x, lengths, answers } = draw(engine, 32, rng);
      return ops.crossEntropy({ logits: model.forward(x, lengths), target: answers }).y;
    },
    validate: () => 1 - accuracy(), // lower is better; the best weights are kept
  };
  for await (const event of train(task, { steps, lr: "cosine(5e-3)", clipNorm: 1, seed: 1 })) {
    if (event.type === "epoch") console.log(`step ${event.step}  loss ${event.trainLoss.toFixed(3)}  wrong ${(100 * event.validLoss!).toFixed(1)}%`);
  }
  return { before, after: accuracy() };
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const { before, after } = await classifyWaves();
  console.log(`right answers: ${(100 * before).toFixed(1)}% before training, ${(100 * after).toFixed(1)}% after`);
}
