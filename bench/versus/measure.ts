/** @file One case: starts who can take part, checks everybody's numbers, then lets them take turns. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Case, valuesOf } from "./cases.ts";
import { CannotDo, type Contestant, hasPeak, Runner, type Spent } from "./runner.ts";
import { distance, LOSSES, TOLERANCE, type Truth, truthOf } from "./truth.ts";

/** How long things may take, ms. */
export interface Pace {
  /** Turns of each contestant in each case. */
  readonly rounds: number;
  /** One turn, about. */
  readonly turn: number;
  /** Running before the first turn: native programs, and what is compiled while it runs. */
  readonly warm: readonly [native: number, jit: number];
  /** Longest time for all turns of one contestant in one case: who is slower has fewer, one at least. */
  readonly patience: number;
}

export interface Result {
  readonly key: string;
  readonly name: string;
  readonly version: string;
  readonly ours: boolean;
  readonly threads: number;
  /** ms of one run (one step for S): the median of each turn. */
  readonly times: readonly number[];
  /** S only: ms of the 99th percentile of single steps, by turn. */
  readonly p99: readonly number[];
  /** Ours but S: GFLOP/s of multiply-adds on registers that its threads reached together beside each turn. Empty where there is no such peak. */
  readonly peaks: readonly number[];
  /** How far its numbers are from the float64 ones. */
  readonly off: number;
  /** How far they might have been. */
  readonly tolerance: number;
  /** The most memory that the process has had, MB. */
  readonly megabytes: number;
  /** Processor time by wall time over all turns: below 1 others held the processor, above 1 it ran several threads. */
  readonly busy: number;
}

export interface CaseResult {
  readonly case: Case;
  readonly results: readonly Result[];
  /** Who did not take part, and why; `pytorch`, or `pytorch on 2`. */
  readonly without: Readonly<Record<string, string>>;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length % 2 === 1 ? sorted[sorted.length >> 1]! : (sorted[sorted.length / 2 - 1]! + sorted[sorted.length / 2]!) / 2;
};

/** What a turn took; milliseconds of one run, and what stands in the result beside them. */
type Turn = Spent & { time: number; p99?: number; peak?: number };

/** A contestant that has shown the right numbers. */
interface Ready {
  runner: Runner;
  about: { name: string; version: string };
  off: number;
  turn: () => Promise<Turn>;
  turns: number;
}

/** Wall time, or processor time where that is less: then something else held the processor meanwhile. */
const undisturbed = ({ wall, cpu }: Spent): number => Math.min(wall, cpu);

/** How many turns of so many ms each. */
const turnsOf = ({ rounds, patience }: Pace, each: number): number => Math.max(1, Math.min(rounds, Math.floor(patience / each)));

/** Runs until it is as fast as it gets, and says what a turn is. */
export async function warmUp(runner: Runner, c: Case, pace: Pace): Promise<Pick<Ready, "turn" | "turns">> {
  const warm = pace.warm[runner.who.jit ? 1 : 0];
  if (c.kind === "step") {
    const { p50 } = await runner.steps(3, 2, 3);
    const within = (ms: number, each: number, least: number, most: number) => Math.max(least, Math.min(most, Math.round(ms / each)));
    const block = within(0.05, p50, 1, 500);
    const blocks = within(pace.turn / 2, block * p50, 3, 2000);
    const singles = within(pace.turn / 2, p50, 3, 4000);
    let spent = 0;
    do spent += (await runner.steps(blocks, block, singles)).wall;
    while (spent < warm);
    return {
      turn: async () => {
        const spent = await runner.steps(blocks, block, singles);
        return { ...spent, time: spent.p50 };
      },
      turns: turnsOf(pace, (blocks * block + singles) * p50),
    };
  }
  /** The peak is met directly before the runs that are a share of it: the clock of a machine drifts, and its cores need not be equally fast. */
  const beside = async (calls: number): Promise<Turn> => {
    const peak = hasPeak(runner.who) ? await runner.peak() : undefined;
    const spent = await runner.run(calls);
    return { ...spent, time: undisturbed(spent), peak };
  };
  const first = await beside(1);
  // So slow that the check has warmed it up and this run will do.
  if (2 * first.time > pace.patience) return { turn: async () => first, turns: 1 };
  let each = Math.max(0.001, first.time); // the first run may take a hundred times as long as those that the turns are made of
  for (let spent = each; spent < warm; ) {
    const calls = Math.max(1, Math.min(1000, Math.floor((warm - spent) / 3 / each)));
    each = Math.max(0.001, undisturbed(await runner.run(calls)));
    spent += calls * each;
  }
  const calls = Math.max(1, Math.min(2000, Math.floor(pace.turn / each)));
  return { turn: () => beside(calls), turns: turnsOf(pace, calls * each) };
}

/** A case and what everybody needs of it: the numbers in a file, and what should come out. */
export interface Prepared {
  readonly case: Case;
  readonly file: string;
  readonly sizes: Readonly<Record<string, number>>;
  readonly truth: Truth;
}

/** @param scratch folder for the file */
export async function prepareCase(c: Case, scratch: string): Promise<Prepared> {
  mkdirSync(scratch, { recursive: true });
  const values = valuesOf(c);
  const file = join(scratch, "values.f32");
  writeFileSync(file, Buffer.concat(Object.values(values).map((v) => Buffer.from(v.buffer))));
  const sizes = Object.fromEntries(Object.entries(values).map(([name, v]) => [name, v.length]));
  return { case: c, file, sizes, truth: await truthOf(c, values) };
}

/** `pytorch`, `pytorch on 2`. */
export const labelOf = ({ key, threads }: Pick<Contestant, "key" | "threads">): string => (threads === 1 ? key : `${key} on ${threads}`);

/** Starts a contestant and checks its numbers. @throws CannotDo, or that its numbers are wrong; the process has then ended */
export async function start(who: Contestant, { case: c, file, sizes, truth }: Prepared): Promise<Omit<Ready, "turn" | "turns">> {
  const runner = new Runner(who);
  try {
    const about = await runner.prepare(c, file, sizes);
    const off = distance(await runner.check(`${file}.${who.key}-${who.threads}`, LOSSES), truth);
    const due = who.tolerance ?? TOLERANCE;
    if (!(off <= due)) throw new Error(`${labelOf(who)}: its numbers are ${off.toExponential(1)} off, expected at most ${due}; not timed`);
    return { runner, about, off };
  } catch (error) {
    runner.end();
    throw error;
  }
}

/** Why somebody does not take part, as the report says it; what is a failure is said at once too. */
export function reasonOf(error: unknown): string {
  if (error instanceof CannotDo) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  console.error(message);
  return `failed: ${message.split("\n")[0]}`;
}

/** A contestant that is ready for its turns; a text says why it does not take part. */
async function enter(who: Contestant, prepared: Prepared, pace: Pace): Promise<Ready | string> {
  if (who.absent !== undefined) return who.absent;
  let runner: Runner | undefined;
  try {
    const started = await start(who, prepared);
    runner = started.runner;
    return { ...started, ...(await warmUp(runner, prepared.case, pace)) };
  } catch (error) {
    runner?.end();
    return reasonOf(error);
  }
}

/** Everybody, two at a time: nothing is timed yet. */
async function enterAll(everybody: readonly Contestant[], prepared: Prepared, pace: Pace): Promise<(Ready | string)[]> {
  const ready: (Ready | string)[] = [];
  const queue = [...everybody.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) ready[next[0]] = await enter(next[1], prepared, pace);
  };
  await Promise.all([worker(), worker()]);
  return ready;
}

/** @param scratch folder for files; contestants take turns, in an order that moves on by one from round to round */
export async function measure(c: Case, everybody: readonly Contestant[], pace: Pace, scratch: string): Promise<CaseResult> {
  const asked = everybody.filter(({ workloads }) => workloads === undefined || workloads.includes(c.workload));
  const entered = await enterAll(asked, await prepareCase(c, scratch), pace);
  const without: Record<string, string> = {};
  const here: { who: Contestant; ready: Ready; turns: Turn[]; megabytes: number }[] = [];
  for (const [i, who] of asked.entries()) {
    const ready = entered[i]!;
    if (typeof ready === "string") without[labelOf(who)] = ready;
    else here.push({ who, ready, turns: [], megabytes: 0 });
  }
  const lost = new Set<Contestant>();
  /** What a request gives; whoever fails at it is out. */
  const attempt = async <A>({ who }: { who: Contestant }, request: () => Promise<A>): Promise<A | null> => {
    try {
      return await request();
    } catch (error) {
      without[labelOf(who)] = reasonOf(error);
      lost.add(who);
      return null;
    }
  };
  try {
    for (let round = 0; round < pace.rounds; round++) {
      for (let i = 0; i < here.length; i++) {
        const one = here[(i + round) % here.length]!;
        if (lost.has(one.who) || one.turns.length >= one.ready.turns) continue;
        const turn = await attempt(one, one.ready.turn);
        if (turn !== null) one.turns.push(turn);
      }
    }
    for (const one of here) if (!lost.has(one.who)) one.megabytes = (await attempt(one, () => one.ready.runner.usage()))?.megabytes ?? 0;
  } finally {
    for (const { ready } of here) ready.runner.end();
  }
  const total = (turns: readonly Turn[], of: keyof Spent) => turns.reduce((sum, turn) => sum + turn[of], 0);
  const results = here.filter(({ who }) => !lost.has(who)).map(({ who, ready, turns, megabytes }) => ({
    ...{ key: who.key, ours: who.ours, threads: who.threads, ...ready.about, off: ready.off, tolerance: who.tolerance ?? TOLERANCE, megabytes },
    ...{ times: turns.map(({ time }) => time), p99: turns.flatMap(({ p99 }) => p99 ?? []), peaks: turns.flatMap(({ peak }) => peak ?? []) },
    busy: total(turns, "cpu") / total(turns, "wall"),
  }));
  return { case: c, results, without };
}
