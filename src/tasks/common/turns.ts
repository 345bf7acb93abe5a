/** @file Long work that gives the event loop its turns: Ctrl-C, a page and a progress bar must not wait for a whole validation. Runs in browsers. */
import { pacer } from "../../train/pause.ts";

/** Work in steps; between them others may have a turn. What it returns does not depend on how it is run. */
export type Steps<R> = Generator<undefined, R, void>;

/** Does all of it at once. */
export function atOnce<R>(work: Steps<R>): R {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Does it step by step; the event loop has a turn now and then. */
export async function inTurns<R>(work: Steps<R>): Promise<R> {
  const breathe = pacer();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    await breathe();
  }
}
