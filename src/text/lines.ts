/** @file Texts of lines, and two of them whose lines belong together. */
import { SluiceError } from "../base/errors.ts";

/** The lines of a text; a line end at its end begins no new line. */
export function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Two texts whose line n belongs to line n of the other. */
export interface ParallelText {
  source: string[];
  target: string[];
  /** Lines, counted from 1, that were left out because a side is empty. */
  skipped: number[];
}

/**
 * Brings two lists of lines together. A line without a letter in both is left out and counted in `skipped`.
 * @param names of the two files, for errors
 * @param options `skipEmpty`: leave out lines that are empty on one side too, instead of refusing them
 * @throws data: different numbers of lines; a line empty on one side only; nothing left
 */
export function alignLines(source: readonly string[], target: readonly string[], names: readonly [string, string], options: { skipEmpty?: boolean } = {}): ParallelText {
  const where = names.join(" and ");
  if (source.length !== target.length) {
    const message = `${where}: the first has ${source.length} lines, the second ${target.length}, expected as many; line n of one belongs to line n of the other`;
    throw new SluiceError("data", `${message}. ${firstGap(source, target)}`, { source: source.length, target: target.length });
  }
  const out: ParallelText = { source: [], target: [], skipped: [] };
  for (let i = 0; i < source.length; i++) {
    const [s, t] = [source[i]!, target[i]!];
    const empty = [s.trim() === "", t.trim() === ""];
    if (empty[0] !== empty[1] && !options.skipEmpty) {
      const side = empty[0] ? 0 : 1;
      const message = `${where}: line ${i + 1} of ${names[side]} is empty, expected text as in ${names[1 - side]}`;
      throw new SluiceError("data", `${message}; line n of one belongs to line n of the other. Remove the line from both, or ask for such lines to be left out`, { line: i + 1, file: names[side] });
    }
    if (empty[0] || empty[1]) out.skipped.push(i + 1);
    else {
      out.source.push(s);
      out.target.push(t);
    }
  }
  if (out.source.length === 0) throw new SluiceError("data", `${where}: the number of pairs with text is 0, expected some; all ${source.length} lines are empty`, {});
  return out;
}

/** Where to begin looking when line counts differ: an empty line on one side, else the shorter one's end. */
function firstGap(source: readonly string[], target: readonly string[]): string {
  const n = Math.min(source.length, target.length);
  for (let i = 0; i < n; i++) {
    if ((source[i]!.trim() === "") !== (target[i]!.trim() === "")) return `Line ${i + 1} is empty in one of them: they may part there`;
  }
  return `The ${source.length > target.length ? "second" : "first"} ends at line ${n}; sentences broken over two lines are the usual cause`;
}
