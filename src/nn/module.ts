/**
 * @file What has parameters. Nobody registers one: a model's parameters are found by walking its fields, and a parameter's name is
 * the path to it (`encoder.weight_ih_l0`), as in PyTorch.
 */
import { Engine } from "../engine/engine.ts";
import { Param, Tensor } from "../engine/tensor.ts";

/** A layer that names its parameters otherwise than by its fields. */
export interface NamesParameters {
  parameters(): Readonly<Record<string, Param>>;
}

/** Every parameter of a model by its path, each once (a tied weight under the first path that reaches it); sets `param.name`. */
export function parametersOf(model: object): Map<string, Param> {
  const found = new Map<string, Param>();
  const seen = new Set<object>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Param) {
      value.name = path;
      found.set(path, value);
      return;
    }
    if (value instanceof Engine || value instanceof Tensor || ArrayBuffer.isView(value)) return;
    const named = (value as Partial<NamesParameters>).parameters;
    const entries = typeof named === "function" ? Object.entries(named.call(value)) : Object.entries(value);
    for (const [key, child] of entries) visit(child, path ? `${path}.${key}` : key);
  };
  visit(model, "");
  return found;
}

/** Number of trained numbers in a model. */
export function countParameters(model: object): number {
  let n = 0;
  for (const p of parametersOf(model).values()) n += p.size;
  return n;
}
