/** @file Which column plays which part: target, past covariate, known-future covariate. One part each. PURE. */
import { SluiceError } from "../base/errors.ts";
import type { SeriesOptions } from "./series.ts";
import type { Table } from "./table.ts";
import { column } from "./table.ts";

export interface Roles {
  targets: string[];
  past: string[];
  future: string[];
}

/**
 * @throws missing: no such column
 * @throws usage: a column has two parts; no target is left
 */
export function assignRoles(table: Table, options: SeriesOptions, timeNames: string[], notes: string[]): Roles {
  const roles: Roles = { targets: [], past: [...(options.past ?? [])], future: [...(options.future ?? [])] };
  const taken = new Set([...timeNames, ...(options.id === undefined ? [] : [options.id]), ...roles.past, ...roles.future]);
  const named = options.targets === "all" && !table.columns.some((c) => c.name === "all") ? undefined : [options.targets].flat();
  roles.targets = named ?? allTargets(table, taken, notes);
  const parts = { time: timeNames, id: [options.id ?? []].flat(), target: roles.targets, past: roles.past, future: roles.future };
  const seen = new Map<string, string>();
  for (const [part, names] of Object.entries(parts)) {
    for (const name of names) {
      column(table, name);
      const before = seen.get(name);
      if (before !== undefined) {
        throw new SluiceError(
          "usage",
          `${table.source}: column "${name}" is ${before === part ? `${part} twice` : `${before} and ${part}`}, expected one part for each column`,
          { column: name },
        );
      }
      seen.set(name, part);
    }
  }
  if (roles.targets.length > 0) return roles;
  throw new SluiceError(
    "usage",
    `${table.source}: no target is left, expected at least one numeric column besides time, id and covariates`,
    {},
  );
}

/** Every numeric column that may be a target: not empty, and not a counter of rows (1, 2, 3 …, or a time as a number). */
function allTargets(table: Table, taken: Set<string>, notes: string[]): string[] {
  const names: string[] = [];
  for (const c of table.columns) {
    if (c.kind !== "number" || taken.has(c.name)) continue;
    const step = c.values[1]! - c.values[0]!;
    const counter = table.rows > 10 && step > 0 && c.values.every((v, i) => i === 0 || v === c.values[i - 1]! + step);
    if (counter || c.values.every((v) => Number.isNaN(v))) {
      notes.push(`column "${c.name}" is left out of the targets: it ${counter ? "only counts the rows" : "is empty"}`);
    } else names.push(c.name);
  }
  return names;
}
