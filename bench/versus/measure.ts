/** @file One case: starts who can take part, checks everybody's numbers, then lets them take turns. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Case, idOf, valuesOf } from "./cases.ts";
import { CannotDo, type Contestant, Runner, type Spent } from "./runner.ts";
import { distance, LOSSES, TOLERANCE, truthOf } from "./truth.ts";

const scratch = "bench/out/versus";

/** Longest time that one contestant may take in one case, ms: who is slower than that has fewer turns, two at least. */
const PATIENCE = 30_000;

export interface Result {
  readonly key: string;
  readonly name: string;
  readonly version: string;
  readonly ours: boolean;
  /** ms of one run (one step for S): the median of each turn. */
  readonly times: readonly number[];
  /** S only: ms of the 99th percentile of single steps, by turn. */
  readonly p99: readonly number[];
  /** How far its numbers are from the float64 ones. */
  readonly off: number;
  /** ms from starting the process to the first result. */
  readonly start: number;
  /** The most memory that the process has had, MB. */
  readonly megabytes: number;
  /** Processor time by wall time over all turns: below 1 others held the processor, above 1 it ran several threads. */
  readonly busy: number;
}

export interface CaseResult {
  readonly case: Case;
  readonly results: readonly Result[];
  /** Who did not take part, and why. */
  readonly without: Readonly<Record<string, string>>;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length % 2 === 1 ? sorted[sorted.length >> 1]! : (sorted[sorted.length / 2 - 1]! + sorted[sorted.length / 2]!) / 2;
};

/** A contestant that has shown the right numbers. */
interface Ready {
  runner: Runner;
  about: { name: string; version: string };
  off: number;
  start: number;
  /** Takes a turn; milliseconds of one run. */
  turn: () => Promise<Spent & { time: number; p99?: number }>;
  turns: number;
}

/** Wall time, or processor time where that is less: then something else held the processor meanwhile. */
const undisturbed = ({ wall, cpu }: Spent): number => Math.min(wall, cpu);

async function warmUp(runner: Runner, c: Case, rounds: number): Promise<Pick<Ready, "turn" | "turns">> {
  if (c.kind === "step") {
    const { p50 } = await runner.steps(10, 2, 5);
    const within = (ms: number, each: number, least: number, most: number) => Math.max(least, Math.min(most, Math.round(ms / each)));
    const block = within(0.05, p50, 1, 500);
    const blocks = within(20, block * p50, 10, 400);
    const singles = within(20, p50, 20, 4000);
    for (let i = 0; i < 3; i++) await runner.steps(blocks, block, singles);
    return {
      turn: async () => {
        const spent = await runner.steps(blocks, block, singles);
        return { ...spent, time: spent.p50 };
      },
      turns: rounds,
    };
  }
  const once = undisturbed(await runner.run(1));
  // Compilers of JavaScript and WebAssembly need a while: a second and a half, two runs at least.
  let spent = once;
  const some = once < 300 ? 5 : 1;
  do spent += some * Math.max(1, undisturbed(await runner.run(some)));
  while (spent < 1500);
  const calls = Math.max(1, Math.min(2000, Math.floor(120 / once)));
  return {
    turn: async () => {
      const spent = await runner.run(calls);
      return { ...spent, time: undisturbed(spent) };
    },
    turns: Math.max(2, Math.min(rounds, Math.floor(PATIENCE / Math.max(1, once)))),
  };
}

/** Starts one contestant and checks its numbers; a text says why it does not take part. */
async function enter(who: Contestant, c: Case, rounds: number, file: string, sizes: Record<string, number>, truth: Awaited<ReturnType<typeof truthOf>>, threads: number): Promise<Ready | string> {
  const runner = new Runner(who, threads);
  try {
    const about = await runner.prepare(c, file, sizes);
    const got = await runner.check(join(scratch, `${who.key}.f32`), LOSSES);
    const start = runner.age;
    const off = distance(got, truth);
    if (!(off <= TOLERANCE)) throw new Error(`${who.key}: its numbers are ${off.toExponential(1)} off, expected at most ${TOLERANCE}; not timed`);
    return { runner, about, off, start, ...(await warmUp(runner, c, rounds)) };
  } catch (error) {
    runner.end();
    if (error instanceof CannotDo) return error.message;
    console.error(error instanceof Error ? error.message : String(error));
    return `failed: ${String(error instanceof Error ? error.message : error).split("\n")[0]}`;
  }
}

/** @param rounds turns of each contestant, in an order that moves on by one from round to round */
export async function measure(c: Case, everybody: readonly Contestant[], rounds: number, threads: number): Promise<CaseResult> {
  mkdirSync(scratch, { recursive: true });
  const values = valuesOf(c);
  const file = join(scratch, "values.f32");
  writeFileSync(file, Buffer.concat(Object.values(values).map((v) => Buffer.from(v.buffer))));
  const sizes = Object.fromEntries(Object.entries(values).map(([name, v]) => [name, v.length]));
  const truth = await truthOf(c, values);

  const without: Record<string, string> = {};
  const here: { who: Contestant; ready: Ready; spent: Spent[]; times: number[]; p99: number[]; megabytes: number }[] = [];
  for (const who of everybody) {
    const ready = who.absent ?? (await enter(who, c, rounds, file, sizes, truth, threads));
    if (typeof ready === "string") without[who.key] = ready;
    else here.push({ who, ready, spent: [], times: [], p99: [], megabytes: 0 });
  }
  try {
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < here.length; i++) {
        const one = here[(i + round) % here.length]!;
        if (one.times.length >= one.ready.turns) continue;
        const spent = await one.ready.turn();
        one.spent.push(spent);
        one.times.push(spent.time);
        if (spent.p99 !== undefined) one.p99.push(spent.p99);
      }
    }
    for (const one of here) one.megabytes = (await one.ready.runner.usage()).megabytes;
  } finally {
    for (const { ready } of here) ready.runner.end();
  }
  const total = (spent: readonly Spent[], of: keyof Spent) => spent.reduce((sum, s) => sum + s[of], 0);
  const results = here.map(({ who, ready, spent, times, p99, megabytes }) => ({
    ...{ key: who.key, ours: who.ours, ...ready.about, times, p99, off: ready.off, start: ready.start, megabytes },
    busy: total(spent, "cpu") / total(spent, "wall"),
  }));
  console.log(`${idOf(c)}: ${results.map((r) => `${r.key} ${median(r.times).toPrecision(3)}`).join(", ")} ms`);
  return { case: c, results, without };
}
