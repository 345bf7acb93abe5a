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
  /** The kernels that take most, with their share of all kernels' time. */
  readonly largest: readonly (readonly [name: string, share: number])[];
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

/** Both parts come from the same steps, timed one by one: the median step is one that nothing else on the machine has held up. */
export async function overheadOf(c: Case, key: string, options: EngineOptions): Promise<Overhead> {
  const engine = createEngine({ ...options, threads: 1 });
  const plain = engine.kernels;
  const { run } = task(engine, { ...c, values: valuesOf(c) }) as { run(): Promise<unknown> };
  const clock = new Clock(plain);
  const cost = Clock.cost();
  const step = async (kernels: Engine["kernels"]) => {
    Object.assign(engine, { kernels });
    const [start, before] = [performance.now(), process.cpuUsage()];
    await run();
    const { user, system } = process.cpuUsage(before);
    const wall = performance.now() - start;
    return { wall, undisturbed: Math.min(wall, (user + system) / 1000) };
  };
  const first = [await step(plain), await step(clock.kernels), await step(plain)];
  const once = Math.min(...first.map(({ wall }) => wall));
  const rounds = Math.max(5, Math.min(500, Math.floor(1500 / once)));
  for (let i = 0; i < rounds / 5; i++) await step(i % 2 === 0 ? plain : clock.kernels);
  const [wholes, within, around]: [number[], number[], number[]] = [[], [], []];
  let calls = 0;
  for (let round = 0; round < rounds; round++) {
    wholes.push((await step(plain)).undisturbed);
    const [ms, count] = clock.sum();
    const timed = (await step(clock.kernels)).wall;
    const [msAfter, countAfter] = clock.sum();
    calls = countAfter - count;
    const kernels = msAfter - ms - calls * cost.inside;
    within.push(kernels);
    around.push(timed - calls * cost.whole - kernels);
  }
  const whole = median(wholes);
  const kernels = whole / (1 + Math.max(0, median(around) / median(within)));
  const [total] = clock.sum();
  const largest = [...clock.spent].map(([name, e]) => [name, e.ms / total] as const).sort((a, b) => b[1] - a[1]);
  return { key, case: c, whole, kernels, calls, largest: largest.slice(0, 8) };
}
