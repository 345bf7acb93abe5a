/** @file How many threads an engine's kernels may run on, and who says so. */
import { SluiceError } from "../base/errors.ts";

/** Threads per core that may be asked for: more than one helps nobody but tests, far more would only fight over the cores. */
const PER_CORE = 4;
/** As many as the kernels can count (kernels/team.h). */
const MOST = 64;

export interface Threads {
  readonly count: number;
  /** Somebody said how many. */
  readonly asked: boolean;
  readonly why: string;
}

/** The share of the processor that a Linux container may use, in cores. Infinity where nothing limits it. */
function quota(fs: Pick<typeof import("node:fs"), "readFileSync">): number {
  try {
    const [time, period] = fs.readFileSync("/sys/fs/cgroup/cpu.max", "utf8").split(" ").map(Number);
    return time! > 0 && period! > 0 ? Math.max(1, Math.round(time! / period!)) : Infinity;
  } catch {
    return Infinity; // no Linux, or no such limit
  }
}

/** Cores that this process may use; 1 where nobody says. */
export function cores(): number {
  const { process, navigator } = globalThis as { process?: NodeJS.Process; navigator?: { hardwareConcurrency?: number } };
  if (!process?.versions?.node || typeof process.getBuiltinModule !== "function") return navigator?.hardwareConcurrency || 1;
  return Math.min(process.getBuiltinModule("node:os").availableParallelism(), quota(process.getBuiltinModule("node:fs")));
}

/**
 * The number of threads: what the options say, otherwise SLUICE_THREADS, otherwise one per core.
 * @throws range: not a whole number from 1 to four per core
 */
export function chooseThreads(option: number | undefined, variable: string | undefined): Threads {
  const here = cores();
  const most = Math.min(MOST, PER_CORE * here);
  const core = here === 1 ? "core" : "cores";
  if (option === undefined && variable === undefined) return { count: Math.min(MOST, here), asked: false, why: `one for each of the ${here} ${core} that this process may use` };
  const [got, who] = option !== undefined ? [option, "from the options"] : [variable!, "SLUICE_THREADS decides"];
  const count = Number(got);
  if (Number.isInteger(count) && count >= 1 && count <= most) return { count, asked: true, why: option !== undefined ? "asked for" : `SLUICE_THREADS=${variable}` };
  throw new SluiceError(
    "range",
    `createEngine: threads is ${typeof got === "string" ? `"${got}"` : got}, expected a whole number from 1 to ${most} (${PER_CORE} for each of the ${here} ${core} that this process may use${most === MOST ? `, at most ${MOST}` : ""}); ${who}; leave it out for one per core`,
    { threads: got, most, cores: here },
  );
}
