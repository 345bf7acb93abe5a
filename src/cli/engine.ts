/** @file An engine that asks for no more memory than this machine, or the container it is in, has. Node-only. */
import { totalmem } from "node:os";
import { createEngine, type Engine } from "../engine/index.ts";

/** @param threads the most that compute; left out: SLUICE_THREADS, or one per core */
export function machineEngine(threads?: number): Engine {
  const limit = process.constrainedMemory() ?? 0; // 0 or absurdly large: no limit
  return createEngine({ maxBytes: Math.min(totalmem(), limit > 0 ? limit : Number.POSITIVE_INFINITY), ...(threads === undefined ? {} : { threads }) });
}
