/**
 * @file A sequence fed whole, in chunks and sample by sample gives the same numbers: state is a value that you hold and pass back in.
 *
 *     npm run example -- stream
 */
import { pathToFileURL } from "node:url";
import { createEngine, Init, Recurrent, Rng, type StackState, type Tensor } from "sluice";

export function compareWays(steps = 60) {
  const engine = createEngine();
  const net = new Recurrent({ cell: "gru", inputSize: 3, hiddenSize: 16, layers: 2 }, new Init(engine, new Rng(1)));
  const rng = new Rng(2);
  const samples = Array.from({ length: steps }, () => Float32Array.from({ length: 3 }, () => rng.normal()));
  const whole = Float32Array.from(samples.flatMap((sample) => [...sample]));

  // All at once: [L, B, I] with one item.
  const all = engine.scope(() => [...net.sequence(engine.tensor([steps, 1, 3], whole)).y.data]);

  // In chunks of seven. A scope gives back all memory taken inside it, so what must live on is kept.
  const inChunks: number[] = [];
  let state: StackState = net.initialState(1);
  for (let from = 0; from < steps; from += 7) {
    state = engine.scope(() => {
      const length = Math.min(7, steps - from);
      const chunk = engine.tensor([length, 1, 3], whole.subarray(from * 3, (from + length) * 3));
      const { y, state: after } = net.sequence(chunk, { state });
      inChunks.push(...y.data);
      return keep(after);
    });
  }

  // Sample by sample, as they come in from a sensor. Halfway the state goes to text and comes back: a session put down and picked up.
  const bySample: number[] = [];
  state = net.initialState(1);
  for (const [t, sample] of samples.entries()) {
    if (t === steps >> 1) state = load(JSON.parse(JSON.stringify(save(state))));
    state = engine.scope(() => {
      const { y, state: after } = net.step(engine.tensor([1, 3], sample), state);
      bySample.push(...y.data);
      return keep(after);
    });
  }

  /** Copies that outlive the scope. */
  function keep(current: StackState): StackState {
    return current.map((cell) => cell.map((t: Tensor) => engine.keep(t)));
  }
  function save(current: StackState) {
    return current.map((cell) => cell.map((t) => ({ shape: [...t.shape], values: [...t.data] })));
  }
  function load(saved: ReturnType<typeof save>): StackState {
    return saved.map((cell) => cell.map(({ shape, values }) => engine.tensor(shape, values)));
  }

  const farthest = (other: ArrayLike<number>) => all.reduce((most, v, i) => Math.max(most, Math.abs(v - other[i]!)), 0);
  return { numbers: all.length, chunks: farthest(inChunks), samples: farthest(bySample) };
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const { numbers, chunks, samples } = compareWays();
  console.log(`${numbers} outputs; largest difference from the whole sequence: in chunks ${chunks}, sample by sample ${samples}`);
}
