/** @file The numeric columns a series is made of: numbers as they are, categories as one column each. PURE. */
import { SluiceError } from "../base/errors.ts";
import type { Table } from "./table.ts";
import { column, numberColumn } from "./table.ts";

/** One numeric column of the series. */
export interface Feature {
  /** `TEMP`, or `cbwd=NE` for a category. */
  name: string;
  /** The table's column it comes from. */
  from: string;
  values: Float64Array;
}

/** More different texts than this are names or codes, not categories. */
const mostCategories = 16;

/**
 * Targets, then covariates in the order given. A text covariate becomes one 0/1 column per category, sorted by name; a missing
 * text is 0 in all.
 * @param known categories fixed by a trained model; a text not among them is 0 in all, with a note
 * @throws type: a target is not numeric; a text covariate has over 16 different texts
 */
export function expandFeatures(
  table: Table,
  targets: readonly string[],
  covariates: readonly string[],
  known: Record<string, string[]>,
  notes: string[],
): { columns: Feature[]; categories: Record<string, string[]> } {
  const columns: Feature[] = targets.map((name) => ({ name, from: name, values: numberColumn(table, name) }));
  const categories: Record<string, string[]> = {};
  for (const name of covariates) {
    const found = column(table, name);
    const fixed = Object.hasOwn(known, name) ? known[name] : undefined;
    if (found.kind !== "text" && fixed === undefined) {
      columns.push({ name, from: name, values: numberColumn(table, name) });
      continue;
    }
    const texts = found.kind === "text" ? found.values : Array.from(found.values, (v) => (Number.isNaN(v) ? "" : String(v)));
    const present = new Set(texts);
    present.delete("");
    const list = fixed ?? [...present].sort();
    const odd = found.kind === "text" ? found.odd : undefined;
    if (list.length > mostCategories) {
      throw new SluiceError(
        "type",
        `${table.source}: covariate "${name}" has ${list.length} different texts${odd ? ` (such as "${odd.cell}" in row ${odd.row})` : ""},` +
          ` expected numbers or at most ${mostCategories} categories; leave it out or group them`,
        { column: name, categories: list.length },
      );
    }
    const strange = [...present].filter((text) => !list.includes(text));
    if (strange.length > 0)
      notes.push(`column "${name}" has categories the model has not seen (${strange.slice(0, 5).join(", ")}): treated as none`);
    categories[name] = list;
    for (const category of list) {
      columns.push({
        name: `${name}=${category}`,
        from: name,
        values: Float64Array.from(texts, (text) => (text === category ? 1 : 0)),
      });
    }
  }
  return { columns, categories };
}
