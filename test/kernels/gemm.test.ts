/** @file The linear kernels, and with them the matrix products. Truth: plain loops in double precision (kernels/reference.cpp). */
import { expect, test } from "vitest";
import { distance, noise } from "./cells.ts";
import { load, natives } from "./wasm.ts";

function linear(file: string, N: number, I: number, O: number, absent: readonly string[] = []) {
  const m = load(file);
  const x = m.put(noise(1, N * I));
  const w = m.put(noise(2, O * I));
  const b = absent.includes("b") ? 0 : m.put(noise(3, O));
  const dy = m.put(noise(4, N * O));
  const y = m.fill(N * O);
  const gradient = (name: string, n: number) => (absent.includes(name) ? 0 : m.fill(n, 0.5));
  const dx = gradient("dx", N * I);
  const dw = gradient("dw", O * I);
  const db = gradient("db", O);
  m.call("linear_forward", y, x, w, b, 0, m.fill(m.call("linear_work", N, I, O)), N, I, O);
  m.check();
  m.call("linear_backward", dx, dw, db, dy, x, w, m.fill(m.call("linear_work", N, I, O)), N, I, O);
  m.check();
  return {
    y: m.read(y, N * O),
    dx: dx ? m.read(dx, N * I) : [],
    dw: dw ? m.read(dw, O * I) : [],
    db: db ? m.read(db, O) : [],
  };
}

function compare(N: number, I: number, O: number, absent: readonly string[] = []): void {
  const due = linear("reference-f64", N, I, O, absent);
  for (const [file, limit] of [
    ["plain-f64", 1e-12],
    ["plain", 1e-5],
    ...natives.map((name) => [name, 1e-5] as const),
  ] as const) {
    const got = linear(file, N, I, O, absent);
    for (const name of ["y", "dx", "dw", "db"] as const)
      expect(distance(got[name], due[name]), `${file} ${name} of ${[N, I, O]}`).toBeLessThan(limit);
  }
}

test("all small sizes", () => {
  for (let N = 1; N <= 9; N++) for (let I = 1; I <= 9; I++) for (let O = 1; O <= 10; O++) compare(N, I, O);
});

test("sizes around the edges of tiles, panels and blocks", () => {
  const edges = [1, 3, 5, 8, 15, 16, 17, 31, 33, 63, 64, 65, 70];
  edges.forEach((N, i) => compare(N, edges[(i * 5 + 2) % edges.length]!, edges[(i * 3 + 7) % edges.length]!));
  for (const [N, I, O] of [
    [255, 7, 9],
    [256, 9, 5],
    [257, 3, 66],
    [600, 5, 3],
    [5, 255, 9],
    [3, 257, 17],
    [1, 600, 67],
    [2, 513, 33],
    [66, 3, 261],
  ] as const)
    compare(N, I, O);
});

test("what is absent is left out", () => {
  for (const name of ["b", "dx", "dw", "db"]) compare(13, 11, 9, [name]);
});

test.each(["plain", ...natives])("%s: a row's bits do not depend on the rows beside it", (file) => {
  const m = load(file);
  const [N, I, O] = [70, 300, 45];
  const rows = noise(1, N * I);
  const w = m.put(noise(2, O * I));
  const b = m.put(noise(3, O));
  const forward = (x: number[]) => {
    const n = x.length / I;
    const y = m.fill(n * O);
    m.call("linear_forward", y, m.put(x), w, b, 0, m.fill(m.call("linear_work", n, I, O)), n, I, O);
    return m.read(y, n * O);
  };
  const whole = forward(rows);
  for (let n = 1; n <= 9; n++) expect(forward(rows.slice(0, n * I))).toEqual(whole.slice(0, n * O));
  for (let i = 0; i < N; i++) expect(forward(rows.slice(i * I, (i + 1) * I))).toEqual(whole.slice(i * O, (i + 1) * O));
});
