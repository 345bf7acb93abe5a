/** @file What DEBUG=2, 3 and 4 print and catch: the cost of each op, its shapes, and the first number that is not finite. */
import { SluiceError, showBytes, showShape } from "../base/errors.ts";
import type { Engine } from "./engine.ts";
import type { Op } from "./op.ts";
import { Param, type Tensor } from "./tensor.ts";

type Named = Readonly<Record<string, Tensor | undefined>>;

/** One line about a finished op: time, bytes made and, from level 3, shapes. */
export function report(e: Engine, name: string, started: number, inputs: Named, made: Named): void {
  const us = ((performance.now() - started) * 1000).toFixed(0);
  const bytes = Object.values(made).reduce((sum, t) => sum + (t ? t.size * t.bytesPerElement : 0), 0);
  const shapes = (named: Named) => Object.entries(named).flatMap(([k, t]) => (t ? [`${k}${showShape(t.shape)}`] : [])).join(" ");
  const more = e.debug >= 3 ? `  ${shapes(inputs)} -> ${shapes(made)}` : "";
  console.error(`sluice: ${name.padEnd(24)} ${us.padStart(8)} us ${showBytes(bytes).padStart(10)}${more}`);
}

/** Index of the first NaN or infinity, or -1. */
export function firstNonFinite(values: ArrayLike<number>): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) return i;
  return -1;
}

/** `[17, 3, 5]` for a flat index into a shape. */
function placeOf(index: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  for (let axis = shape.length - 1, rest = index; axis >= 0; axis--) {
    place.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return place;
}

/** Which layer an op belongs to: the common path of its parameters' names. */
function layerOf(inputs: Named): string {
  const names = Object.values(inputs).flatMap((t) => (t instanceof Param && t.name ? [t.name] : []));
  return names.length > 0 ? ` of ${names[0]!.split(".").slice(0, -1).join(".") || names[0]!}` : "";
}

/**
 * Looks for the first value that is not finite in what an op has just made, and says where it came from.
 * @throws numeric: names the training step, the op, the layer, the gate (where the op names its blocks), the element and the inputs that were bad already
 */
export function checkFinite(e: Engine, op: Op, inputs: Named, made: Named, kept: readonly Tensor[], pass: "forward" | "backward"): void {
  const bad = (label: string, values: ArrayLike<number> | null, shape: readonly number[]): { label: string; text: string; index: number } | null => {
    const index = values === null ? -1 : firstNonFinite(values);
    return index < 0 ? null : { label, index, text: `${label} is ${values![index]} at ${showShape(placeOf(index, shape))}` };
  };
  const first = (named: Named, gradient: boolean) => {
    for (const [name, t] of Object.entries(named)) {
      if (!t || t.kind === "int") continue;
      const found = bad(gradient ? `d${name}` : name, gradient ? t.grad : (t.data as ArrayLike<number>), t.shape);
      if (found) return found;
    }
    return null;
  };
  const result = pass === "forward" ? first(made, false) : first(inputs, true);
  if (!result) return;
  let gate = "";
  const names = Object.keys(op.spec.saved ?? {});
  for (const [i, t] of kept.entries()) {
    const blocks = op.spec.blocks?.[names[i]!];
    const index = blocks ? firstNonFinite(t.data) : -1;
    if (!blocks || index < 0) continue;
    const place = placeOf(index, t.shape);
    gate = `; gate ${blocks[place.at(-2)!] ?? "?"} is the first bad one, at time step ${place[0]}, item ${place[1]}, unit ${place.at(-1)}`;
    break;
  }
  const cause = first(inputs, false);
  const origin = cause ? `input ${cause.text}` : "all inputs are finite";
  throw new SluiceError("numeric", `${e.where ? `${e.where}: ` : ""}${op.spec.name}${layerOf(inputs)}, ${pass}: ${result.text}${gate}; ${origin}`, {
    op: op.spec.name,
    pass,
    output: result.label,
    index: result.index,
  });
}
