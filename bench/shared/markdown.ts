/** @file Markdown as the experiments' pages hold it. */

/** A table; the first column to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, i) => (i === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Four digits, without an exponent where that reads well. */
export const digits = (v: number | null | undefined, count = 4): string =>
  v === null || v === undefined || Number.isNaN(v) ? "–" : Math.abs(v) >= 1e-3 && Math.abs(v) < 1e5 ? String(Number(v.toPrecision(count))) : v.toExponential(1);
