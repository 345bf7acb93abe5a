/** @file Runs the recurrent kernels by argument name: one table of signatures and shapes for the tests of all three cells. */
import { load, type Wasm } from "./wasm.ts";

export type CellName = "gru" | "lstm" | "rnn";

export interface Case {
  cell: CellName;
  L: number;
  B: number;
  I: number;
  H: number;
  /** Size of the projected state; H without a projection. */
  P: number;
  reverse: boolean;
  resetAfter: boolean;
  relu: boolean;
  /** Real steps per item, or null for all. */
  lengths: number[] | null;
  /** Share of the new state at inference; 1 = no zoneout. */
  keep: number;
  keepCell: number;
  /** Optional pointers that are 0. */
  absent: string[];
  seed: number;
}

const signatures: Record<CellName, { gates: number; saved: number; work: string; kept: string; forward: string; backward: string }> = {
  gru: {
    gates: 3,
    saved: 4,
    work: "L B I H",
    kept: "L B I H resetAfter",
    forward: "y hn gates saved x h0 wx wh bx bh lengths mask zone kept work L B I H reverse resetAfter keep",
    backward: "dx dh0 dwx dwh dbx dbh dy dhn y saved x h0 wx wh lengths mask zone work L B I H reverse resetAfter keep",
  },
  lstm: {
    gates: 4,
    saved: 4,
    work: "L B I H P",
    kept: "L B I H P projects",
    forward:
      "y hn cn gates saved cells hidden x h0 c0 wx wh wr bx bh peep lengths mask zone zoneCell kept work L B I H P reverse keep keepCell",
    backward:
      "dx dh0 dc0 dwx dwh dwr dbx dbh dpeep dy dhn dcn y saved cells hidden x h0 c0 wx wh wr peep lengths mask zone zoneCell work L B I H P reverse keep keepCell",
  },
  rnn: {
    gates: 1,
    saved: 1,
    work: "L B I H",
    kept: "L B I H",
    forward: "y hn saved x h0 wx wh bx bh lengths mask zone kept work L B I H reverse relu keep",
    backward: "dx dh0 dwx dwh dbx dbh dy dhn y saved x h0 wx wh lengths mask zone work L B I H reverse relu keep",
  },
};

/** Axes of every array; "G" is the number of gates, "S" of saved blocks. */
const shapes: Record<string, string> = {
  y: "L B P", hn: "B P", cn: "B H", gates: "G L B H", saved: "L B S H", cells: "L B H", hidden: "L B H",
  x: "L B I", h0: "B P", c0: "B H", wx: "G H I", wh: "G H P", wr: "P H", bx: "G H", bh: "G H", peep: "3 H",
  mask: "B P", zone: "L B P", zoneCell: "L B H",
}; // biome-ignore format: a table

const outputs = ["y", "hn", "cn", "gates", "saved", "cells", "hidden"];
/** What backward gives gradients of. */
export const differentiable = ["x", "h0", "c0", "wx", "wh", "wr", "bx", "bh", "peep"];
/** Inputs that a caller may leave out. */
export const optionalInputs = ["h0", "c0", "wr", "bx", "bh", "peep", "lengths", "mask", "zone", "zoneCell"];

export const words = (cell: CellName, pass: "forward" | "backward"): string[] => signatures[cell][pass].split(" ");

function size(name: string, c: Case): number {
  const { gates, saved } = signatures[c.cell];
  const axis: Record<string, number> = { L: c.L, B: c.B, I: c.I, H: c.H, P: c.P, G: gates, S: saved, "3": 3 };
  return shapes[name]!.split(" ").reduce((n, word) => n * axis[word]!, 1);
}

/** Numbers in (-1, 1), the same for the same seed and name; exact in float32. */
export function noise(seed: number, n: number): number[] {
  let state = (Math.imul(seed, 2654435761) ^ 0x9e3779b9) >>> 0;
  return Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround((state >>> 8) / 8388608 - 1);
  });
}

const hash = (name: string): number => [...name].reduce((h, ch) => (Math.imul(h, 31) + ch.charCodeAt(0)) | 0, 7);

/** The inputs of a case, by name; absent ones are left out. */
export function inputs(c: Case): Record<string, number[]> {
  const out: Record<string, number[]> = {};
  for (const name of words(c.cell, "forward")) {
    if (!shapes[name] || outputs.includes(name) || c.absent.includes(name)) continue;
    const values = noise(c.seed + hash(name), size(name, c));
    if (name === "mask") out[name] = values.map((v) => (v > -0.3 ? 1.25 : 0));
    else if (name.startsWith("zone")) out[name] = values.map((v) => (v > -0.5 ? 1 : 0));
    else if (name[0] === "w") out[name] = values.map((v) => Math.fround((1.5 * v) / Math.sqrt(c.H)));
    else out[name] = values;
  }
  return out;
}

/** The factors of the loss Σ y·dy + Σ hn·dhn + Σ cn·dcn, which the tests differentiate. */
export function outputGradients(c: Case): Record<string, number[]> {
  const out: Record<string, number[]> = {};
  for (const name of ["y", "hn", "cn"]) {
    if (words(c.cell, "forward").includes(name) && !c.absent.includes(`d${name}`))
      out[`d${name}`] = noise(c.seed + hash(`d${name}`), size(name, c));
  }
  return out;
}

export const GRADIENT_START = 0.5;

const workSize = (m: Wasm, c: Case, ptr: Record<string, number>): number =>
  m.call(`${c.cell}_work`, ...signatures[c.cell].work.split(" ").map((word) => ptr[word]!));

/**
 * Puts the inputs into memory and runs forward.
 * @param kept what weights were packed into by an earlier call; a new buffer when left out, 0 for none
 * @returns addresses by argument, and the outputs among them
 */
export function forward(m: Wasm, c: Case, given: Record<string, number[]>, saving: boolean, kept?: number) {
  const ptr: Record<string, number> = {
    ...{ L: c.L, B: c.B, I: c.I, H: c.H, P: c.P, projects: Number(given["wr"] !== undefined) },
    ...{ reverse: Number(c.reverse), resetAfter: Number(c.resetAfter), relu: Number(c.relu), keep: c.keep, keepCell: c.keepCell },
  };
  ptr["lengths"] = c.lengths ? m.putInts(c.lengths) : 0;
  ptr["work"] = m.fill(workSize(m, c, ptr));
  const keeps = m.call(`${c.cell}_kept`, ...signatures[c.cell].kept.split(" ").map((word) => ptr[word]!));
  ptr["kept"] = kept ?? (keeps > 0 ? m.fill(keeps, 0) : 0);
  const made: string[] = [];
  for (const name of words(c.cell, "forward")) {
    if (name in ptr) continue;
    const leftOut =
      (!outputs.includes(name) && !given[name]) ||
      (name === "gates" && c.absent.includes(name)) ||
      (["saved", "cells", "hidden"].includes(name) && !saving) ||
      (name === "hidden" && !given["wr"]);
    ptr[name] = leftOut ? 0 : outputs.includes(name) ? m.fill(size(name, c)) : m.put(given[name]!);
    if (!leftOut && outputs.includes(name)) made.push(name);
  }
  m.call(`${c.cell}_forward`, ...words(c.cell, "forward").map((name) => ptr[name]!));
  m.check();
  return { ptr, made };
}

/**
 * Runs one case on `kernels/bin/<file>.wasm` and returns all outputs and, with `backward`, all gradients (which started at
 * GRADIENT_START). Outputs and scratch start as NaN, so that whatever is read unwritten shows; canaries guard every buffer.
 */
export function run(
  file: string,
  c: Case,
  backward: boolean,
  given = inputs(c),
  threads = 1,
): { values: Record<string, number[]>; bits: Record<string, string> } {
  const m = load(file, threads);
  const { ptr, made } = forward(m, c, given, backward || !c.absent.includes("saved"));
  if (backward) {
    ptr["work"] = m.fill(workSize(m, c, ptr));
    const gradients = outputGradients(c);
    for (const name of words(c.cell, "backward")) {
      if (name in ptr) continue;
      if (["dy", "dhn", "dcn"].includes(name)) ptr[name] = gradients[name] ? m.put(gradients[name]!) : 0;
      else {
        ptr[name] = c.absent.includes(name) || !given[name.slice(1)] ? 0 : m.fill(size(name.slice(1), c), GRADIENT_START);
        if (ptr[name]) made.push(name);
      }
    }
    m.call(`${c.cell}_backward`, ...words(c.cell, "backward").map((name) => ptr[name]!));
    m.check();
  }
  return read(m, c, made, ptr);
}

/** The numbers and the bits of some buffers. */
export function read(m: Wasm, c: Case, names: string[], ptr: Record<string, number>) {
  const values: Record<string, number[]> = {};
  const bits: Record<string, string> = {};
  for (const name of names) {
    const n = size(shapes[name] ? name : name.slice(1), c);
    values[name] = m.read(ptr[name]!, n);
    bits[name] = m.bits(ptr[name]!, n);
  }
  return { values, bits };
}

/** ‖a − b‖ / ‖b‖, with the norms' floor so that an empty or zero b asks for an a near zero; NaN anywhere gives NaN. */
export function distance(a: readonly number[], b: readonly number[]): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / Math.max(norm, 1e-6 * b.length, 1e-30));
}
