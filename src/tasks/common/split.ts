/** @file Parts of the data come from files or are cut from the training data, never both. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";

/** @throws usage: the split cuts a part that there is a file for too; what it cut would be learnt from by nobody */
export function requireOneSource(task: string, split: { valid: number; test: number } | undefined, given: { valid?: unknown; test?: unknown }): void {
  for (const part of ["valid", "test"] as const) {
    if (split === undefined || !given[part] || !(split[part] > 0)) continue;
    const name = { valid: "validation", test: "test" }[part];
    throw new SluiceError("usage", `${task}: split is given with a ${name} part of ${split[part]}, and a ${name} set too, expected one or the other; make that part 0`, { [part]: split[part] });
  }
}
