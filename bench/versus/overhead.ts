/**
 * @file What a whole training step takes beside its kernels: tape, tensors, the training loop, copies of the batch into engine memory. Every kernel
 * is wrapped in a clock; the clock's own time, measured, is taken off.
 */
import { createEngine, type Engine, type EngineOptions } from "../../src/index.ts";
import { type Case, valuesOf } from "./cases.ts";
import { median } from "./measure.ts";
import { task } from "./ours.ts";

export interface Overhead {
  /** Our backend's key. */
  readonly key: string;
  readonly case: Case;
  /** ms of one step, nothing wrapped. */
  readonly whole: number;
  /** ms of one step within kernels. */
  readonly kernels: number;
  readonly calls: number;
  /** The kernels that take most: [name, share of all kernels' time, calls in one step]. */
  readonly largest: readonly (readonly [name: string, ms: number, calls: number])[];
}

/** whole ÷ kernels − 1. */
export const shareOf = ({ whole, kernels }: Overhead): number => whole / kernels - 1;

/** Time and number of the calls of every kernel. */
class Clock {
  readonly spent = new Map<string, { ms: number; calls: number }>();
  readonly kernels: Engine["kernels"];

  constructor(kernels: Engine["kernels"]) {
    const timed: Record<string, unknown> = {};
    for (const [name, kernel] of Object.entries(kernels) as [string, unknown][]) {
      timed[name] = typeof kernel === "function" ? this.#around(name, kernel as (...args: number[]) => number) : kernel;
    }
    this.kernels = timed as unknown as Engine["kernels"];
  }

  #around(name: string, kernel: (...args: number[]) => number) {
    const entry = { ms: 0, calls: 0 };
    this.spent.set(name, entry);
    return (...args: number[]): number => {
      const start = performance.now();
      const result = kernel(...args);
      entry.ms += performance.now() - start;
      entry.calls++;
      return result;
    };
  }

  /** Milliseconds and calls of all kernels so far. */
  sum(): [ms: number, calls: number] {
    let [ms, calls] = [0, 0];
    for (const entry of this.spent.values()) {
      ms += entry.ms;
      calls += entry.calls;
    }
    return [ms, calls];
  }

  /** What a wrapped kernel that does nothing adds to its own time, ms, and how long such a call takes in all. */
  static cost(): { inside: number; whole: number } {
    const clock = new Clock({ nothing: () => 0 } as unknown as Engine["kernels"]);
    const { nothing } = clock.kernels as unknown as { nothing: (...args: number[]) => number };
    const n = 20_000;
    for (let i = 0; i < n; i++) nothing(1, 2, 3, 4, 5, 6, 7, 8);
    const before = clock.spent.get("nothing")!.ms;
    const start = performance.now();
    for (let i = 0; i < n; i++) nothing(1, 2, 3, 4, 5, 6, 7, 8);
    return { inside: (clock.spent.get("nothing")!.ms - before) / n, whole: (performance.now() - start) / n };
  }
}

/**
 * Both parts come from the same timed steps, so that whatever else the machine does stretches both alike; the step alone gives the milliseconds.
 * Spans are short, so that most are undisturbed, and take turns: plain steps, timed steps.
 */
export async function overheadOf(c: Case, key: string, options: EngineOptions): Promise<Overhead> {
  const engine = createEngine({ ...options, threads: 1 });
  const plain = engine.kernels;
  const { run } = task(engine, { ...c, values: valuesOf(c) }) as { run(): Promise<unknown> };
  const clock = new Clock(plain);
  const cost = Clock.cost();
  const steps = async (n: number) => {
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    for (let i = 0; i < n; i++) await run();
    const { user, system } = process.cpuUsage(cpu);
    return { wall: (performance.now() - wall) / n, cpu: (user + system) / 1000 / n };
  };
  const use = (kernels: Engine["kernels"]) => Object.assign(engine, { kernels });
  const once = (await steps(2)).wall;
  const n = Math.max(1, Math.floor(20 / once));
  const rounds = Math.max(3, Math.min(31, Math.floor(2500 / (n * once))));
  await steps(Math.max(1, Math.floor(500 / once)));
  const [wholes, ratios]: [number[], number[]] = [[], []];
  let calls = 0;
  for (let round = 0; round < rounds; round++) {
    use(plain);
    const { wall, cpu } = await steps(n);
    wholes.push(Math.min(wall, cpu));
    use(clock.kernels);
    const [ms, count] = clock.sum();
    const timed = (await steps(n)).wall;
    const [msAfter, countAfter] = clock.sum();
    calls = (countAfter - count) / n;
    const within = (msAfter - ms) / n - calls * cost.inside;
    ratios.push((timed - calls * cost.whole - within) / within);
  }
  const whole = median(wholes);
  const kernels = whole / (1 + Math.max(0, median(ratios)));
  const [total] = clock.sum();
  const largest = [...clock.spent].map(([name, e]) => [name, e.ms / total, e.calls / (rounds * n)] as const).sort((a, b) => b[1] - a[1]);
  return { key, case: c, whole, kernels, calls, largest: largest.slice(0, 8) };
}
