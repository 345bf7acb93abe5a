/**
 * @file One sample at a time: `stream().push` beside the general `step()`, many sessions at once, and millions of steps with an eye on memory
 * and the garbage collector. GRU, I = H, the JavaScript call included.
 *
 *     npm run bench -- stream [--backend wasm|native] [--threads 1] [--rounds 15] [--steps 1e7]
 *
 * The variants take turns. p50 and p99 are wall time, over batches of steps that take about 20 µs together (a clock is too coarse and too
 * dear for one small step); `cpu` is the median of the rounds' processor time, which other programs on the machine disturb less.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { createEngine, type Engine, Init, Recurrent, Rng, type StackState } from "../src/index.ts";
import { flags } from "./shared/flags.ts";
import { machine, today } from "./shared/machine.ts";
import { table } from "./shared/markdown.ts";

const options = flags({ backend: "wasm", threads: 1, rounds: 15, steps: 1e7 });
const { threads } = options;
const engine = options.backend === "wasm" ? createEngine({ simd: "plain", threads }) : createEngine({ backend: "native", threads });

/** Steps one after the other, `calls` of them, each feeding one sample. */
interface Variant {
  name: string;
  size: number;
  /** Samples that one call takes in. */
  sessions: number;
  run(calls: number): void;
}

const netOf = (e: Engine, H: number, layers = 1) => new Recurrent({ inputSize: H, hiddenSize: H, layers }, new Init(e, new Rng(1)));
const sampleOf = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i));

function streamed(H: number, weights: "f32" | "bf16" | "int8", layers = 1, sessions = 1): Variant {
  const net = netOf(engine, H, layers);
  const stream = sessions === 1 ? net.stream({ weights, threads }) : net.streams(sessions, { weights, threads });
  const sample = sampleOf(H * sessions);
  return {
    name: `${sessions > 1 ? `${sessions} sessions` : "stream"} ${weights}${layers > 1 ? `, ${layers} layers` : ""}`,
    ...{ size: H, sessions },
    run(calls) {
      for (let i = 0; i < calls; i++) stream.push(sample);
    },
  };
}

/** The general way: an op call per step, the state carried by the caller. */
function stepped(H: number): Variant {
  const net = netOf(engine, H);
  const x = engine.keep(engine.tensor([1, H], sampleOf(H)));
  const held = net.initialState(1).map((cell) => cell.map((t) => engine.keep(t)));
  const put = (state: StackState) => {
    for (const [k, cell] of state.entries()) for (const [j, t] of cell.entries()) held[k]![j]!.data.set(t.data);
  };
  return {
    ...{ name: "step()", size: H, sessions: 1 },
    run(calls) {
      for (let i = 0; i < calls; i++) engine.scope(() => put(net.step(x, held).state));
    },
  };
}

const median = (xs: readonly number[]) => quantile(xs, 0.5);
function quantile(xs: readonly number[], q: number): number {
  const sorted = Float64Array.from(xs).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
const cpuTime = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Microseconds per call: wall p50 and p99, median processor time. */
function measure(variants: readonly Variant[]): { wall: number[]; cpu: number[] }[] {
  const results = variants.map((v) => {
    v.run(2000 / v.sessions + 10);
    const from = performance.now();
    v.run(200 / v.sessions + 10);
    const each = ((performance.now() - from) * 1000) / (200 / v.sessions + 10);
    return { wall: [] as number[], cpu: [] as number[], batch: Math.max(1, Math.round(20 / each)), batches: Math.ceil(30_000 / Math.max(20, each)) };
  });
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, v] of variants.entries()) {
      const r = results[i]!;
      const cpu = cpuTime();
      for (let b = 0; b < r.batches; b++) {
        const from = performance.now();
        v.run(r.batch);
        r.wall.push(((performance.now() - from) * 1000) / r.batch);
      }
      r.cpu.push((cpuTime() - cpu) / (r.batches * r.batch));
    }
  }
  return results;
}

const us = (t: number) => (t < 10 ? t.toFixed(3) : t.toFixed(1));

console.log(`streaming, ${engine.backend}, ${machine()}, ${today()}; µs per step, ${options.rounds} rounds\n`);
{
  const rows: string[][] = [];
  for (const H of [16, 32, 64, 128, 256, 512]) {
    const variants = [streamed(H, "f32"), streamed(H, "bf16"), streamed(H, "int8"), stepped(H)];
    const results = measure(variants);
    const base = median(results.at(-1)!.wall);
    for (const [i, v] of variants.entries()) {
      const { wall, cpu } = results[i]!;
      const gflops = (6 * H * H * 2) / median(wall) / 1000;
      rows.push([`${H}`, v.name, us(median(wall)), us(quantile(wall, 0.99)), us(median(cpu)), `${(base / median(wall)).toFixed(2)}×`, gflops.toFixed(1)]);
    }
  }
  console.log(table(["H", "how", "p50", "p99", "cpu", "step() takes", "GFLOP/s"], rows));
}
{
  const variants = [streamed(256, "f32", 2), streamed(64, "f32", 1, 1000), streamed(64, "f32")];
  const rows = measure(variants).map(({ wall, cpu }, i) => {
    const v = variants[i]!;
    return [`${v.size}`, v.name, us(median(wall)), us(quantile(wall, 0.99)), us(median(cpu)), us(median(cpu) / v.sessions)];
  });
  console.log(`\n${table(["H", "how", "p50", "p99", "cpu", "cpu a sample"], rows)}`);
}
{
  // Long runs: whatever one step left behind would be seen a million times over.
  let collections = 0;
  let longest = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      collections++;
      longest = Math.max(longest, entry.duration);
    }
  });
  const { run } = streamed(16, "f32");
  run(1e5);
  (globalThis as { gc?: () => void }).gc?.();
  await new Promise((done) => setTimeout(done, 50));
  observer.observe({ entryTypes: ["gc"] });
  const [before, total] = [process.memoryUsage().heapUsed, engine.memory.usage.total];
  const from = performance.now();
  for (let done = 0; done < options.steps; done += 1e6) run(Math.min(1e6, options.steps - done));
  const seconds = (performance.now() - from) / 1000;
  const heap = process.memoryUsage().heapUsed - before;
  await new Promise((done) => setTimeout(done, 50));
  observer.disconnect();
  console.log(
    `\n${options.steps.toExponential(0)} steps of H=16 in ${seconds.toFixed(1)} s: engine memory grew by ${engine.memory.usage.total - total} bytes, ` +
      `JavaScript heap by ${heap} bytes; ${collections} garbage collections${collections > 0 ? `, the longest ${longest.toFixed(2)} ms` : ""}`,
  );
}
