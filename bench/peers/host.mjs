/**
 * @file The Node side of a comparison: loads one adapter in this process and does what the bench asks, one line of JSON in, one out.
 *
 *     node bench/peers/host.mjs <adapter file> [options as JSON]
 *
 * An adapter exports `describe(options)` → { name, version } and `prepare(work, options)`. `work` is { kind, cell, layers, form, L, B, I, H, O, values }:
 * `cell` is gru, lstm or rnn (tanh); `values.x`, `values.wx`, … are Float32Arrays, gates in PyTorch's order (GRU r, z, n; LSTM i, f, g, o), the
 * weights of layer 1 are wx1, wh1, bx1, bh1. `form` says where a GRU's reset gate acts: "after", or "before", where `bh` is zeros and is not
 * trained. `options.threads` is the number of threads to use. What `prepare` gives back depends on the kind:
 *
 *     step        reset(), step(x) → y       x [B, I] and y [B, H] are Float32Arrays; the states of B sessions are carried; may be a promise
 *     forward     run() → y [L, B, H]
 *     train       run() → { loss, dx, dh0, dwx, dwh, dbx, dbh, dwx1, … }     gradients of mean (y − target)²; dh0 [layers, B, H], an LSTM's dc0
 *                                             too; no dbh "before"
 *     forecaster  run() → loss                one step of Adam (1e-3, PyTorch's other defaults), the weights move on
 *     language    run() → loss                the same of a language model of two GRUs: x and target are whole numbers below O, [L, B];
 *                                             `table` [O, I], the head's lw [O, H], lb [O]; gradients clipped to a joint norm of 5
 *
 * A result may stay in the library's own form until `read(result)` is called, which gives { name: Float32Array }. An adapter that has no way to
 * do a workload throws `Cannot`. Ours also exports `peak(options)` → GFLOP/s of multiply-adds on registers.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { Cannot } from "./cannot.mjs";

/** Values by name from a file of float32, little-endian, one behind the other. */
function readValues(file, sizes) {
  const bytes = readFileSync(file);
  let at = bytes.byteOffset;
  return Object.fromEntries(
    Object.entries(sizes).map(([name, n]) => {
      const values = new Float32Array(bytes.buffer.slice(at, at + 4 * n));
      at += 4 * n;
      return [name, values];
    }),
  );
}

function writeValues(file, values) {
  writeFileSync(file, Buffer.concat(Object.values(values).map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength))));
  return Object.fromEntries(Object.entries(values).map(([name, v]) => [name, v.length]));
}

/** Milliseconds of wall clock and of processor time since `start`. */
const since = ({ wall, cpu }) => {
  const { user, system } = process.cpuUsage(cpu);
  return { wall: performance.now() - wall, cpu: (user + system) / 1000 };
};
const now = () => ({ cpu: process.cpuUsage(), wall: performance.now() });

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];

/** What an empty measurement takes, in ms: taken off every single step. */
function clockCost() {
  const costs = Float64Array.from({ length: 2000 }, () => {
    const t = performance.now();
    return performance.now() - t;
  });
  return quantile(costs.sort(), 0.5);
}

/** The commands; `task` is what the adapter prepared. */
function commands(adapter, options) {
  let work;
  let task;
  let samples;
  let at = 0;
  let result; // of the last run, so that nothing can be left out as unused
  const step = () => {
    const x = samples[at];
    at = at + 1 === samples.length ? 0 : at + 1;
    return task.step(x);
  };
  return {
    async prepare({ sizes, file, ...what }) {
      work = { ...what, values: readValues(file, sizes) };
      task = await adapter.prepare(work, options);
      const n = work.B * work.I;
      if (work.kind === "step") samples = Array.from({ length: work.L }, (_, t) => work.values.x.slice(t * n, (t + 1) * n));
      return { ...adapter.describe(options), ...task.about?.() };
    },
    /** The computation once, from the start, for comparing numbers. */
    async check({ out, steps }) {
      if (work.kind === "step") {
        await task.reset();
        for (const x of samples) result = await task.step(x);
        return { sizes: writeValues(out, { y: result }) };
      }
      if (work.kind !== "forecaster" && work.kind !== "language") return { sizes: writeValues(out, await task.read(await task.run())) };
      const losses = new Float32Array(steps);
      for (let i = 0; i < steps; i++) losses[i] = await task.read(await task.run());
      return { sizes: writeValues(out, { losses }) };
    },
    /** `calls` runs, one after the other. */
    async run({ calls }) {
      const start = now();
      for (let i = 0; i < calls; i++) {
        result = task.run();
        if (result instanceof Promise) result = await result;
        task.drop?.(result);
      }
      const { wall, cpu } = since(start);
      return { wall: wall / calls, cpu: cpu / calls };
    },
    /** Time of a step in ms: median over blocks of `block` steps (the clock is read once a block), and the 99th percentile of single steps. */
    async steps({ blocks, block, singles }) {
      const times = new Float64Array(blocks);
      const alone = new Float64Array(singles);
      const later = step() instanceof Promise;
      const start = now();
      for (let i = 0; i < blocks; i++) {
        const t = performance.now();
        if (later) for (let j = 0; j < block; j++) result = await step();
        else for (let j = 0; j < block; j++) result = step();
        times[i] = (performance.now() - t) / block;
      }
      for (let i = 0; i < singles; i++) {
        const t = performance.now();
        result = step();
        if (later) result = await result;
        alone[i] = performance.now() - t;
      }
      const { wall, cpu } = since(start);
      const cost = clockCost();
      return { p50: quantile(times.sort(), 0.5), p99: Math.max(0, quantile(alone.sort(), 0.99) - cost), wall, cpu };
    },
    async peak() {
      return { peak: adapter.peak(options) };
    },
    async usage() {
      return { megabytes: process.resourceUsage().maxRSS / 1024 };
    },
  };
}

/** Serves an adapter on standard input and output until the input ends. */
export async function serve(adapter, options) {
  const write = process.stdout.write.bind(process.stdout);
  const answer = (message) => write(`${JSON.stringify(message)}\n`);
  console.log = console.info = console.debug = console.error; // standard output is for answers alone
  const table = commands(adapter, options);
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: what, ...args } = JSON.parse(line);
    try {
      answer(await table[what](args));
    } catch (error) {
      answer(error instanceof Cannot ? { cannot: error.message } : { error: error?.stack ?? String(error) });
    }
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [file, options = "{}"] = process.argv.slice(2);
  await serve(await import(pathToFileURL(file).href), JSON.parse(options));
}
