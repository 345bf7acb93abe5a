/**
 * @file The op table, found among the exports: what table-wide tests and the reference page walk through. It imports every op.
 */
import type { Op } from "../engine/op.ts";
import * as everything from "./index.ts";

/** Every op, by name. */
export const table: readonly Op[] = Object.values(everything as Record<string, unknown>)
  .filter((x): x is Op => typeof x === "function" && "spec" in x)
  .sort((a, b) => (a.spec.name < b.spec.name ? -1 : 1));
