/**
 * @file The training loop: an async iterator of events. It decides when to step, to take stock, to save and to stop; `run.ts` does it.
 */
import { SluiceError } from "../base/errors.ts";
import { pacer } from "./pause.ts";
import { Run } from "./run.ts";
import type { TrainEvent, TrainOptions, TrainResult, TrainTask } from "./task.ts";

/**
 * Trains. Nothing happens until the first event is asked for; leaving the `for await` early stops the training.
 * When it ends, by whichever way, the parameters have the best weights seen (none measured yet: the last ones; after a numeric error: those of the start).
 * @throws numeric: a loss or gradient that is not finite, with the step, the op and layer it came from, and advice
 * @throws range, missing, state, …: options, names or a checkpoint that can't be meant
 */
export async function* train(task: TrainTask, options: TrainOptions): AsyncGenerator<TrainEvent, TrainResult, void> {
  const run = new Run(task, options);
  const { checkpoint, signal } = options;
  const breathe = pacer();
  const outer = task.engine.where;
  let unsound = false;
  let savedAt = -1;
  const save = async (): Promise<TrainEvent> => {
    await checkpoint!.save(run.snapshot());
    savedAt = run.at.step;
    return { type: "checkpoint", step: run.at.step, epoch: run.at.epoch };
  };
  try {
    let reason = run.whyStop();
    while (reason === null) {
      run.openEpoch();
      if (run.at.index < task.batchesPerEpoch) yield run.step();
      let ended = false;
      if (run.at.index >= task.batchesPerEpoch && !signal?.aborted) {
        const event = await run.measure(true);
        ended = event !== null;
        if (event) yield event;
      }
      if (checkpoint && (checkpoint.every === "epoch" ? ended : run.at.step % checkpoint.every === 0 && savedAt !== run.at.step))
        yield await save();
      await breathe();
      reason = run.whyStop();
    }
    if (checkpoint && savedAt !== run.at.step) yield await save();
    // A limit in the middle of an epoch: what was learnt since its start counts too. The checkpoint above goes on without this look.
    if ((reason === "steps" || reason === "time") && run.at.index > 0) {
      const event = await run.measure(false);
      if (event) yield event;
    }
    run.restoreBest();
    const result: TrainResult = { reason, step: run.at.step, epoch: run.at.epoch, best: run.at.best, seconds: run.seconds };
    yield { type: "end", ...result };
    return result;
  } catch (error) {
    unsound = error instanceof SluiceError && error.code === "numeric";
    throw error;
  } finally {
    if (unsound) run.restoreGood();
    else run.restoreBest();
    task.engine.where = outer;
  }
}
