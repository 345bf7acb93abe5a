/**
 * @file The axis language: "L B 3H" names sizes once; the same words check, allocate and document.
 *
 * A word is a size (`B`), a multiple of one (`3H`) or a number (`4`). `...` first stands for any leading axes; their product is the size `N`.
 * In front, `int` marks whole numbers and `const` reals, both without a gradient; `?` at the end marks what may be left out.
 */
import { SluiceError, showShape } from "./errors.ts";

/** Sizes by symbol: `{ L: 96, B: 32, H: 64 }`. */
export type Dims = Record<string, number>;

/** One parsed specification. */
export interface Axes {
  readonly text: string;
  readonly kind: "real" | "const" | "int";
  readonly optional: boolean;
  readonly rest: boolean;
  /** Symbol "" is a literal number: only `times` counts. */
  readonly axes: readonly { readonly symbol: string; readonly times: number }[];
}

/** Sizes and leading axes bound so far. */
export interface Binding {
  dims: Dims;
  lead: readonly number[] | null;
}

/**
 * Reads a specification such as `"const L B 3H ?"`.
 * @throws format: a word is no size
 */
export function parseAxes(spec: string): Axes {
  let words = spec.trim().split(/\s+/).filter(Boolean);
  const optional = words.at(-1) === "?";
  if (optional) words = words.slice(0, -1);
  let kind: Axes["kind"] = "real";
  if (words[0] === "int" || words[0] === "const") {
    kind = words[0];
    words = words.slice(1);
  }
  const rest = words[0] === "...";
  if (rest) words = words.slice(1);
  const axes = words.map((word) => {
    const m = /^(\d*)([A-Z]?)$/.exec(word);
    if (!m || word === "") throw new SluiceError("format", `axes "${spec}": "${word}" is no size, expected a word like B, 3H or 4`);
    return { symbol: m[2]!, times: m[1] ? Number(m[1]) : 1 };
  });
  return { text: [...(rest ? ["..."] : []), ...words].join(", "), kind, optional, rest, axes };
}

/** Binds the sizes of one input; false means that some axis disagrees (see `explainAxes`). */
export function bindAxes(spec: Axes, shape: readonly number[], to: Binding): boolean {
  const extra = shape.length - spec.axes.length;
  if (spec.rest ? extra < 0 : extra !== 0) return false;
  if (spec.rest) {
    let product = 1;
    for (let i = 0; i < extra; i++) product *= shape[i]!;
    if (to.lead === null) {
      to.lead = shape.slice(0, extra);
      to.dims["N"] = product;
    } else {
      if (to.lead.length !== extra) return false;
      for (let i = 0; i < extra; i++) if (to.lead[i] !== shape[i]) return false;
    }
  }
  for (let i = 0; i < spec.axes.length; i++) {
    const { symbol, times } = spec.axes[i]!;
    const size = shape[extra + i]!;
    if (symbol === "") {
      if (size !== times) return false;
      continue;
    }
    const n = size / times;
    const bound = to.dims[symbol];
    if (bound === undefined) {
      if (!Number.isInteger(n)) return false;
      to.dims[symbol] = n;
    } else if (bound !== n) return false;
  }
  return true;
}

/** Why `bindAxes` refused the last of these inputs: which axis disagrees and who set the size. */
export function explainAxes(op: string, inputs: readonly { name: string; spec: Axes; shape: readonly number[] }[]): SluiceError {
  const culprit = inputs.at(-1)!;
  const dims: Dims = {};
  const from: Record<string, string> = {};
  let why = "";
  for (const { name, spec, shape } of inputs) {
    const extra = shape.length - spec.axes.length;
    if (name === culprit.name && (spec.rest ? extra < 0 : extra !== 0)) break;
    if (spec.rest) {
      const lead = showShape(shape.slice(0, extra));
      if (from["..."] === undefined) from["..."] = `${lead} (from ${name})`;
      else if (name === culprit.name && !from["..."].startsWith(`${lead} `)) why = `... is ${from["..."]}`;
    }
    for (let i = 0; i < spec.axes.length && why === ""; i++) {
      const { symbol, times } = spec.axes[i]!;
      const n = shape[extra + i]! / times;
      if (symbol === "") {
        if (n !== 1) why = `axis ${extra + i} must be ${times}`;
      } else if (dims[symbol] === undefined) {
        if (!Number.isInteger(n)) why = `axis ${extra + i} is no multiple of ${times}`;
        dims[symbol] = n;
        from[symbol] = name;
      } else if (dims[symbol] !== n) why = `${symbol} is ${dims[symbol]} (from ${from[symbol]})`;
    }
  }
  const { name, spec, shape } = culprit;
  return new SluiceError("shape", `${op}: ${name} is ${showShape(shape)}, expected [${spec.text}]${why ? `; ${why}` : ""}`, { op, input: name, shape, dims });
}

/** The shape that a specification has once its sizes are bound. */
export function shapeOf(spec: Axes, { dims, lead }: Binding): number[] {
  const shape = spec.rest ? [...(lead ?? [])] : [];
  for (const { symbol, times } of spec.axes) shape.push(symbol === "" ? times : dims[symbol]! * times);
  return shape;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}
