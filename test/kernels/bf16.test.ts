/**
 * @file Matrix products of numbers rounded to bfloat16 (native, `avx512bf16`). Truth: the plain loops in double precision
 * (kernels/reference.cpp) on inputs that were rounded before, in JavaScript; and laws that hold to the last bit.
 */
import { expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import { createEngine, nativeBackend, nativeStatus } from "../../src/engine/index.ts";
import { Init, Recurrent } from "../../src/nn/index.ts";
import { mse } from "../../src/ops/index.ts";
import { type Case, type CellName, distance, inputs, noise, optionalInputs, run } from "./cells.ts";
import { load } from "./wasm.ts";

const FILE = "native-avx512bf16";
const { addon } = nativeStatus();
const here = addon?.onRequest?.includes("avx512bf16") ?? false;
if (!here) console.log("bf16: tests skipped, the processor has no AVX512_BF16 or there is no addon");

const bits = new Uint32Array(1);
const real = new Float32Array(bits.buffer);
/** The bfloat16 nearest to a finite float32, ties to even. */
function rounded(x: number): number {
  real[0] = x;
  const b = bits[0]!;
  bits[0] = (b + 0x7fff + ((b >>> 16) & 1)) & 0xffff0000;
  return real[0]!;
}
const roundedAll = (xs: readonly number[]) => xs.map(rounded);

/** The linear layer forward and back, with `dx`, `dw` and `db` starting at 0.5. */
function linear(file: string, N: number, I: number, O: number, round: (xs: readonly number[]) => readonly number[]) {
  const m = load(file);
  const [x, w, dy] = [noise(1, N * I), noise(2, O * I), noise(4, N * O)].map((v) => m.put(round(v)));
  const work = () => m.fill(m.call("linear_work", N, I, O));
  const [y, dx, dw, db] = [m.fill(N * O), m.fill(N * I, 0.5), m.fill(O * I, 0.5), m.fill(O, 0.5)];
  m.call("linear_forward", y, x!, w!, m.put(noise(3, O)), 0, work(), N, I, O);
  m.check();
  m.call("linear_backward", dx, dw, db, dy!, x!, w!, work(), N, I, O);
  m.check();
  return { y: m.read(y, N * O), dx: m.read(dx, N * I), dw: m.read(dw, O * I), db: m.read(db, O) };
}
function compare(N: number, I: number, O: number): void {
  const got = linear(FILE, N, I, O, (v) => v);
  const due = { ...linear("reference-f64", N, I, O, roundedAll), db: linear("reference-f64", N, I, O, (v) => v).db };
  for (const name of ["y", "dx", "dw", "db"] as const) expect(distance(got[name], due[name]), `${name} of ${[N, I, O]}`).toBeLessThan(2e-6);
}

test.skipIf(!here)("linear: every product is that of rounded numbers, and only products round", () => {
  for (let N = 1; N <= 5; N++) for (let I = 1; I <= 6; I++) for (let O = 1; O <= 5; O++) compare(N, I, O);
  const edges = [1, 2, 3, 8, 11, 12, 13, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 70];
  for (const [i, N] of edges.entries()) {
    for (const j of [2, 7, 11]) compare(N, edges[(i * 5 + j) % edges.length]!, edges[(i * 7 + 3 * j) % edges.length]!);
  }
  for (const [N, I, O] of [[255, 7, 9], [257, 3, 66], [600, 5, 3], [5, 255, 9], [3, 257, 17], [1, 600, 67], [2, 513, 33], [66, 3, 261]] as const) compare(N, I, O);
});

const base: Case = {
  ...{ cell: "gru", L: 1, B: 3, I: 5, H: 7, P: 7, reverse: false, resetAfter: true, relu: false, lengths: null, keep: 1, keepCell: 1 },
  ...{ absent: ["wr", "lengths", "zone", "zoneCell", "mask"], seed: 3 },
};
const cells: CellName[] = ["gru", "lstm", "rnn"];

test.skipIf(!here).each(cells)("%s: one step from rounded numbers is the step in double precision", (cell) => {
  for (const [i, H] of [1, 2, 15, 16, 17, 32, 33, 63, 65, 70].entries()) {
    const c = { ...base, cell, B: 1 + ((i * 5) % 14), I: [3, 70, 1, 16, 33][i % 5]!, H, P: H, seed: i };
    const given = Object.fromEntries(Object.entries(inputs(c)).map(([name, v]) => [name, /^(x|h0|w.)$/.test(name) ? roundedAll(v) : v]));
    const [got, due] = [FILE, "reference-f64"].map((file) => run(file, c, false, given).values);
    for (const name of ["y", "hn"]) expect(distance(got![name]!, due![name]!), `${name}, H = ${H}`).toBeLessThan(1e-5);
  }
});

test.skipIf(!here).each(cells)("%s: over a sequence, outputs and gradients within what rounding may cost", (cell) => {
  for (const resetAfter of [true, false]) {
    for (const absent of [["wr"], [...optionalInputs]]) {
      const c = { ...base, cell, resetAfter, L: 9, B: 21, I: 19, H: 37, P: 37, lengths: absent.length > 1 ? null : Array.from({ length: 21 }, (_, b) => b % 10), keep: 0.9, absent };
      const [got, due] = [FILE, "reference-f64"].map((file) => run(file, c, true).values);
      for (const name of Object.keys(due!)) {
        if (name !== "saved") expect(distance(got![name]!, due![name]!), `${name}, ${JSON.stringify(c)}`).toBeLessThan(0.02);
      }
    }
  }
});

test.skipIf(!here).each(cells)("%s: an item alone gives the same bits as in a batch; a sequence in chunks the same as whole", (cell) => {
  for (const resetAfter of [true, false]) {
    const c = { ...base, cell, resetAfter, L: 5, B: 7, I: 9, H: 21, P: 21 };
    const given = inputs(c);
    const all = run(FILE, c, false, given).values;
    const width: Record<string, number> = { x: c.I, h0: c.P, c0: c.H };
    for (let b = 0; b < c.B; b++) {
      const one = Object.fromEntries(Object.entries(given).map(([name, v]) => [name, width[name] ? v.filter((_, i) => Math.floor(i / width[name]!) % c.B === b) : v]));
      expect(run(FILE, { ...c, B: 1 }, false, one).values["y"]).toEqual(all["y"]!.filter((_, i) => Math.floor(i / c.P) % c.B === b));
    }
    const cut = 2 * c.B * c.I;
    const head = run(FILE, { ...c, L: 2 }, false, { ...given, x: given["x"]!.slice(0, cut) }).values;
    const state = { h0: head["hn"]!, ...(cell === "lstm" ? { c0: head["cn"]! } : {}) };
    const tail = run(FILE, { ...c, L: 3 }, false, { ...given, ...state, x: given["x"]!.slice(cut) }).values;
    expect([...head["y"]!, ...tail["y"]!]).toEqual(all["y"]);
  }
});

test.skipIf(!here)("infinite and undefined numbers stay what they are", () => {
  const m = load(FILE);
  const [N, I, O] = [4, 3, 2];
  const x = m.put([1, 2, 3, Number.POSITIVE_INFINITY, 2, 3, 1, Number.NaN, 3, 1, -2, Number.NEGATIVE_INFINITY]);
  const y = m.fill(N * O);
  m.call("linear_forward", y, x, m.put([1, 1, 1, 1, 1, 1]), 0, 0, m.fill(m.call("linear_work", N, I, O)), N, I, O);
  expect(m.read(y, N * O)).toEqual([6, 6, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, Number.NaN, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]);
});

/** A stack, and what it gives on some numbers. */
function stack(threads: number) {
  const engine = createEngine({ isa: "avx512bf16", threads, debug: 0 });
  const net = new Recurrent({ inputSize: 70, hiddenSize: 64 }, new Init(engine, new Rng(1)));
  return { engine, net };
}
test.skipIf(!here)("one thread and two give the same bytes", () => {
  const [one, two] = [1, 2].map((threads) => {
    const { engine, net } = stack(threads);
    const rng = new Rng(2);
    const x = Float32Array.from({ length: 30 * 9 * 70 }, () => rng.normal());
    const zeros = new Float32Array(30 * 9 * 64);
    const loss = engine.record(() => mse({ pred: net.sequence(engine.tensor([30, 9, 70], x)).y, target: engine.tensor([30, 9, 64], zeros) }).y);
    engine.backward(loss);
    return [loss.data, ...Object.values(net.parameters()).map((p) => p.grad!)].map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength).toString("hex"));
  });
  expect(two).toEqual(one);
});

test.skipIf(!here)("streams stay float32 until rounding is asked of them, alone and many together", () => {
  const { net } = stack(1);
  const plain = new Recurrent(net.config, new Init(createEngine({ isa: "avx512", threads: 1, debug: 0 }), new Rng(1)));
  const sample = Float32Array.from({ length: 5 * 70 }, (_, i) => Math.sin(i));
  const [many, due] = [net, plain].map((n) => Array.from(n.streams(5).push(sample)));
  expect(many).toEqual(due);
  expect(Array.from(net.stream().push(sample.subarray(0, 70)))).toEqual(due!.slice(0, 64));
});

test.skipIf(addon === null)("where the processor has no bf16 products, the error says so", () => {
  expect(() => nativeBackend({ ...addon!, onRequest: [] }, "avx512bf16")).toThrow(/isa is "avx512bf16", expected .*; the processor decides, it has no AVX512_BF16/);
});
