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

  // Sample by sample, as they come in from a sensor. Halfway the session is put down as bytes and picked up by another stream.
  const bySample: number[] = [];
  let stream = net.stream();
  for (const [t, sample] of samples.entries()) {
    if (t === steps >> 1) {
      const bytes = stream.snapshot();
      stream = net.stream();
      stream.restore(bytes);
    }
    bySample.push(...stream.push(sample)); // the result stands in one array that each push overwrites
  }

  /** Copies that outlive the scope. */
  function keep(current: StackState): StackState {
    return current.map((cell) => cell.map((t: Tensor) => engine.keep(t)));
  }

  const farthest = (other: ArrayLike<number>) => all.reduce((most, v, i) => Math.max(most, Math.abs(v - other[i]!)), 0);
  return { numbers: all.length, chunks: farthest(inChunks), samples: farthest(bySample) };
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const { numbers, chunks, samples } = compareWays();
  console.log(`${numbers} outputs; largest difference from the whole sequence: in chunks ${chunks}, sample by sample ${samples}`);
}
