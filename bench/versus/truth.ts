/** @file What the numbers of a case should be, in float64, and how far a library's are from them. */
import { readFileSync } from "node:fs";
import { Engine, wasmBackend } from "../../src/engine/index.ts";
import type { Case, Values } from "./cases.ts";
import { task } from "./ours.ts";

/** Steps of training whose losses are compared: Adam's first step knows little but the signs of a gradient, its second the sizes too. */
export const LOSSES = 3;
/** Largest distance that counts as the same computation. */
export const TOLERANCE = 1e-4;

export type Truth = Readonly<Record<string, ArrayLike<number>>>;

/** The case computed with the float64 kernels, which the tests hold to plain loops and to PyTorch. */
export async function truthOf(c: Case, values: Values): Promise<Truth> {
  const engine = new Engine(wasmBackend("wasm-f64", new Uint8Array(readFileSync("kernels/bin/plain-f64.wasm")), 8));
  const mine = task(engine, { ...c, values });
  if ("step" in mine) {
    mine.reset();
    let y: Float32Array = new Float32Array();
    const n = c.B * c.I;
    for (let t = 0; t < c.L; t++) y = mine.step(values["x"]!.subarray(t * n, (t + 1) * n));
    return { y };
  }
  if (c.kind === "forward" || c.kind === "train") return mine.read(mine.run()) as Truth;
  const losses: number[] = [];
  for (let i = 0; i < LOSSES; i++) losses.push((await mine.run()) as number);
  return { losses };
}

/**
 * Largest distance of anything in `got` from the truth: of outputs the largest difference, of gradients and training losses the difference
 * relative to the L2 norm. What a library has no name for (a second bias) is passed over; what the truth has no name for, or numbers missing, is infinitely far.
 */
export function distance(got: Truth, truth: Truth): number {
  let worst = 0;
  for (const [name, values] of Object.entries(got)) {
    // Beside gradients the loss says nothing new, and a library that adds L·B·H squares one by one in float32 has it 3e-4 off.
    if (name === "loss") continue;
    const due = truth[name];
    if (due === undefined || due.length !== values.length) return Infinity;
    let [largest, squares, norm] = [0, 0, 0];
    for (let i = 0; i < due.length; i++) {
      const d = Math.abs(values[i]! - due[i]!);
      largest = Math.max(largest, d);
      squares += d * d;
      norm += due[i]! ** 2;
    }
    const far = name === "y" ? largest : Math.sqrt(squares / norm);
    worst = Math.max(worst, far);
  }
  return Number.isNaN(worst) || Object.keys(got).length === 0 ? Infinity : worst;
}
