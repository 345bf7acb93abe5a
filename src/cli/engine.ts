/** @file An engine that asks for no more memory than this machine, or the container it is in, has. Node-only. */
import { totalmem } from "node:os";
import { createEngine, type Engine } from "../engine/index.ts";

export function machineEngine(): Engine {
  const limit = process.constrainedMemory() ?? 0; // 0 or absurdly large: no limit
  return createEngine({ maxBytes: Math.min(totalmem(), limit > 0 ? limit : Number.POSITIVE_INFINITY) });
}
