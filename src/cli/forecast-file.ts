/** @file A forecaster read from its file, and the table that it is to be used on. Node-only. */
import type { Table } from "../data/table.ts";
import type { ApplyOptions } from "../tasks/forecast/apply.ts";
import { Forecaster } from "../tasks/forecast/forecaster.ts";
import { machineEngine } from "./engine.ts";
import { openModel } from "./model-file.ts";
import { type ReadFlags, readTableFile, timeOf } from "./reading.ts";
import type { ModelVerb } from "./tasks.ts";

/** @throws missing, io, format, usage: not there, not readable, no forecaster */
export const readForecaster = (path: string, verb: ModelVerb, threads?: number): Forecaster => Forecaster.fromFile(openModel(path, verb, "forecast"), machineEngine(threads), path);

/** The table to apply a model to; its targets must be numbers, its ids stay as written. */
export async function tableFor(model: Forecaster, path: string, flags: ReadFlags): Promise<{ table: Table; options: ApplyOptions }> {
  const { targetNames, id } = model.preprocessing;
  const table = await readTableFile(path, flags, { numeric: targetNames, text: id === undefined ? [] : [id] });
  const time = timeOf(flags);
  const { timeFormat } = flags;
  return { table, options: { ...(time === undefined ? {} : { time }), ...(timeFormat === undefined ? {} : { timeFormat }) } };
}
