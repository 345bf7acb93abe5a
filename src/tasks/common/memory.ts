/** @file Memory that a training would need, held against what there is before anything is built. Runs in browsers. */
import { SluiceError, showBytes } from "../../base/errors.ts";
import type { Engine } from "../../engine/engine.ts";

/**
 * @param what sizes that decide it: `hidden size 512 and batches of 64 windows`
 * @param wayOut `make hidden, batch or look-back smaller`
 * @throws memory: the training would not fit
 */
export function refuseTooLarge(engine: Engine, bytes: number, task: string, what: string, wayOut: string): void {
  const { maxBytes } = engine.memory;
  if (bytes <= maxBytes) return;
  const message = `${task}: training with ${what} takes about ${showBytes(bytes)} (${bytes} bytes), expected at most ${showBytes(maxBytes)}; ${wayOut}`;
  throw new SluiceError("memory", message, { bytes, limit: maxBytes });
}
