/**
 * @file How exact the kernels are: the figures of docs/numerics.md. Truth: JavaScript's Math for the functions, the plain double loops of
 * kernels/reference.cpp for the cells. `npm run bench -- precision`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nativeStatus } from "../src/engine/index.ts";
import { type Case, distance, GRADIENT_START, run } from "../test/kernels/cells.ts";

const bin = join(process.cwd(), "kernels/bin");
const rounds = nativeStatus().addon?.onRequest?.includes("avx512bf16") ?? false;
const relaxedRuns = WebAssembly.validate(new Uint8Array(readFileSync(join(bin, "relaxed.wasm"))));

const truth = {
  probe_exp: Math.exp,
  probe_log: Math.log,
  probe_sigmoid: (x: number) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
  probe_tanh: Math.tanh,
};

/** Largest relative error of one function over every `stride`-th float32, where the result is a normal number. */
function worst(file: string, name: keyof typeof truth, stride: number): number {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 });
  const kernels = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(join(bin, `${file}.wasm`))), { env: { memory } }).exports;
  const call = kernels[name] as (y: number, x: number, n: number) => void;
  const [x, y, n] = [1 << 20, 2 << 20, 1 << 17];
  const bits = new Uint32Array(memory.buffer, x, n);
  const xs = new Float32Array(memory.buffer, x, n);
  const ys = new Float32Array(memory.buffer, y, n);
  let error = 0;
  for (let at = 0; at < 2 ** 32; ) {
    let filled = 0;
    for (; filled < n && at < 2 ** 32; filled++, at += stride) bits[filled] = at;
    call(y, x, filled);
    for (let i = 0; i < filled; i++) {
      const due = truth[name](xs[i]!);
      const size = Math.abs(due);
      if (size >= 2 ** -126 && size <= 3.4e38) error = Math.max(error, Math.abs(ys[i]! - due) / size);
    }
  }
  return error;
}

const show = (v: number) => v.toExponential(1);
for (const file of ["probe", ...(relaxedRuns ? ["probe-relaxed"] : [])]) {
  for (const name of Object.keys(truth) as (keyof typeof truth)[]) console.log(`${file.padEnd(14)} ${name.slice(6).padEnd(8)} largest relative error ${show(worst(file, name, 61))}`);
}

const base = { P: 64, H: 64, I: 16, B: 8, reverse: false, resetAfter: true, relu: false, lengths: null, keep: 1, keepCell: 1, seed: 3 };
const absent = ["lengths", "mask", "zone", "zoneCell", "wr", "peep", "gates"];
for (const cell of ["gru", "lstm", "rnn"] as const) {
  for (const L of [1, 100, 1000]) {
    const c: Case = { ...base, cell, L, absent };
    const due = run("reference-f64", c, true).values;
    const gradients = Object.keys(due).filter((name) => name.startsWith("d"));
    for (const file of ["plain", ...(relaxedRuns ? ["relaxed"] : []), "plain-f64", ...(rounds ? ["native-avx512bf16"] : [])]) {
      const got = run(file, c, true).values;
      const largest = got["y"]!.reduce((most, v, i) => Math.max(most, Math.abs(v - due["y"]![i]!)), 0);
      const own = (values: number[]) => values.map((v) => v - GRADIENT_START); // what backward has added
      const far = Math.max(...gradients.map((name) => distance(own(got[name]!), own(due[name]!))));
      console.log(`${cell.padEnd(5)} L ${String(L).padStart(4)} ${file.padEnd(17)} outputs at most ${show(largest)} off, gradients ${show(far)} (relative, L2)`);
    }
  }
}
