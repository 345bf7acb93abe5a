/** @file Reads the model that a verb is to apply. Node-only. */
import { readBytes } from "../formats/files.ts";
import { load } from "../tasks/forecast/index.ts";
import type { Forecaster } from "../tasks/forecast/forecaster.ts";
import { machineEngine } from "./engine.ts";
import { type ReadFlags, readTableFile, timeOf } from "./reading.ts";
import type { Table } from "../data/table.ts";
import type { ApplyOptions } from "../tasks/forecast/apply.ts";

/** @throws missing, io, format: not there, not readable, no forecaster */
export const readForecaster = (path: string): Forecaster => load(readBytes(path), path, machineEngine());

/** The table to apply a model to; its targets must be numbers, its ids stay as written. */
export async function tableFor(
  model: Forecaster,
  path: string,
  flags: ReadFlags,
): Promise<{ table: Table; options: ApplyOptions }> {
  const { targetNames, id } = model.preprocessing;
  const table = await readTableFile(path, flags, { numeric: targetNames, text: id === undefined ? [] : [id] });
  const time = timeOf(flags);
  return {
    table,
    options: {
      ...(time === undefined ? {} : { time }),
      ...(flags.timeFormat === undefined ? {} : { timeFormat: flags.timeFormat }),
    },
  };
}
