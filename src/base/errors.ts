/** @file The one error class. Its message says where, what, got, expected and the way out; its fields say the same to a program. */

/** What kind of thing went wrong; the command line maps `usage` to exit code 2 and all others to 1. */
export type ErrorCode =
  | "usage" // a flag, option or argument that cannot be meant
  | "shape" // sizes that do not fit together
  | "range" // a value outside its limits
  | "type" // a value of the wrong kind
  | "missing" // a column, tensor, file or option that is not there
  | "format" // a file or text that is not what it says it is
  | "data" // readable, but nothing can be learnt or predicted from it
  | "io" // the disk or the operating system refused
  | "memory" // more bytes than there are
  | "numeric" // a number became infinite or NaN
  | "state" // called at the wrong time, or with something that has ended
  | "aborted"; // stopped on request

/**
 * Any error that Sluice throws on purpose.
 * Message grammar: `<where>: <what> is <got>, expected <due>; <who decided>` and, if there is one, the way out.
 */
export class SluiceError extends Error {
  override readonly name = "SluiceError";
  constructor(
    readonly code: ErrorCode,
    message: string,
    /** The parts of the message as data: file, row, column, op, input, shape, … */
    readonly details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** `[2, 3]`, as shapes are printed in every message. */
export const showShape = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/** `1.50 GB`, as amounts of memory are printed in every message. */
export function showBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  let n = bytes;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${unit === 0 ? n : n.toFixed(n < 10 ? 2 : 1)} ${units[unit]}`;
}

/** Up to three of `known` that resemble `name`, nearest first: the "did you mean" of an error. */
export function nearNames(name: string, known: readonly string[]): string[] {
  const limit = Math.min(name.length - 1, Math.max(2, Math.ceil(name.length / 3))); // not every letter may be another
  return known
    .map((k) => ({ k, d: editDistance(name.toLowerCase(), k.toLowerCase()) - (k.toLowerCase().includes(name.toLowerCase()) ? 1 : 0) }))
    .filter(({ k, d }) => d <= limit || k.toLowerCase().includes(name.toLowerCase()))
    .sort((a, b) => a.d - b.d)
    .slice(0, 3)
    .map(({ k }) => k);
}

/** Levenshtein distance: the least number of letters to insert, drop or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
