/** @file What this machine can do at most: multiply-adds on registers, and reading memory of each level; one thread on the core of those that run on one. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { median } from "./measure.ts";
import { type Contestant, compile, hasPeak, onOneCore, Runner } from "./runner.ts";

export interface Limits {
  /** GFLOP/s of multiply-adds on registers, one thread, by our backend's key. */
  readonly peaks: Readonly<Record<string, number>>;
  /** GB/s read from each level by one thread and, where there are more, by all; or why that was not measured. */
  readonly bandwidth: Readonly<Record<string, Level>> | string;
}

export interface Level {
  /** Size of what was read again and again. */
  readonly bytes: number;
  readonly speeds: readonly number[];
}

/** Of those that have a peak, each in its process. */
export async function peaksOf(everybody: readonly Contestant[]): Promise<Record<string, number>> {
  const peaks: Record<string, number> = {};
  for (const who of everybody.filter(hasPeak)) {
    const runner = new Runner(who);
    const found: number[] = [];
    try {
      while (found.length < 9) found.push(await runner.peak());
    } finally {
      runner.end();
    }
    peaks[who.key] = median(found);
  }
  return peaks;
}

/** What bandwidth.cpp says on one number of threads, by level. */
type Reading = Readonly<Record<string, { bytes: number; speed: number }>>;

/** The speeds of each level in the order of the readings. */
export const levelsOf = (readings: readonly Reading[]): Record<string, Level> =>
  Object.fromEntries(Object.entries(readings[0]!).map(([level, { bytes }]) => [level, { bytes, speeds: readings.map((reading) => reading[level]!.speed) }]));

function bandwidthOf(threads: number, scratch: string): Limits["bandwidth"] {
  const program = join(scratch, "bandwidth");
  const built = compile("bench/versus/bandwidth.cpp", program, ["-pthread"]);
  if ("absent" in built) return built.absent;
  const readings: Reading[] = [];
  for (const count of new Set([1, threads])) {
    const [command, ...args] = [...(count === 1 ? onOneCore() : []), built.program, String(count)];
    const { status, stdout } = spawnSync(command!, args, { encoding: "utf8" });
    if (status !== 0) return `${program} ended with ${status}`;
    readings.push(JSON.parse(stdout) as Reading);
  }
  return levelsOf(readings);
}

/**
 * @param everybody on one thread
 * @param threads the most that somebody gets
 */
export const limitsOf = async (everybody: readonly Contestant[], threads: number, scratch: string): Promise<Limits> => ({
  peaks: await peaksOf(everybody),
  bandwidth: bandwidthOf(threads, scratch),
});
