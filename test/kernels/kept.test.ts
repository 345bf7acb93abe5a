/**
 * @file Packed weights kept from call to call. Truth: the same call that keeps nothing, to the last bit, whatever has happened to the weights
 * since the last one.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nativeStatus } from "../../src/engine/index.ts";
import { type Case, type CellName, forward, inputs, noise, read } from "./cells.ts";
import { load, natives, type Wasm } from "./wasm.ts";

const onRequest = (nativeStatus().addon?.onRequest ?? []).map((isa) => `native-${isa}`);
const whole: Case = {
  ...{ cell: "gru", L: 3, B: 4, I: 5, H: 37, P: 37, reverse: false, resetAfter: true, relu: false, lengths: null },
  ...{ keep: 1, keepCell: 1, absent: ["mask", "zone", "zoneCell", "lengths"], seed: 1 },
};
const cells: CellName[] = ["gru", "lstm", "rnn"];
/** A buffer for packed weights, as a call with nothing of the past makes it. */
const room = (m: Wasm, c: Case, given = inputs(c)): number => forward(m, c, given, false).ptr["kept"]!;

function compare(m: Wasm, c: Case, given: Record<string, number[]>, kept: number, what: string): void {
  const bitsOf = (at: number) => {
    const { ptr, made } = forward(m, c, given, false, at);
    return read(m, c, made, ptr).bits;
  };
  expect(bitsOf(kept), `${what}: ${JSON.stringify(c)}`).toEqual(bitsOf(0));
}

/** The inputs with `change` made to one array of weights. */
const changed = (given: Record<string, number[]>, name: string, change: (w: number[]) => number[]) => ({
  ...given,
  [name]: change(given[name]!),
});

describe.each([...natives, ...onRequest])("%s", (file) => {
  test.each(cells)("%s: the same bits with weights as they were, one changed, all negated, and as they were again", (cell) => {
    for (const shape of [
      {},
      { resetAfter: false },
      { B: 1, L: 9 },
      { B: 1, L: 9, H: 64, P: 64 },
      { H: 70, P: 70, I: 300 },
      { H: 264, P: 264 },
    ]) {
      const c: Case = { ...whole, cell, ...shape };
      if (cell === "lstm" && c.H < 70) c.P = 21;
      else if (cell === "lstm") c.absent = [...c.absent, "wr"];
      const m = load(file);
      const first = inputs(c);
      const kept = room(m, c, first);
      expect(kept).toBeGreaterThan(0);
      compare(m, c, first, kept, "untouched");
      for (const name of ["wx", "wh", "wr"]) {
        const w = first[name];
        if (!w) continue;
        for (const at of [0, w.length >> 1, w.length - 1]) {
          compare(
            m,
            c,
            changed(first, name, (w) => w.with(at, w[at]! + 2 ** -12)),
            kept,
            `${name}[${at}] changed`,
          );
        }
        compare(
          m,
          c,
          changed(first, name, (w) => w.map((x) => -x)),
          kept,
          `${name} negated`,
        );
        compare(
          m,
          c,
          changed(first, name, (w) => [...w].reverse()),
          kept,
          `${name} turned round`,
        );
      }
      compare(m, c, first, kept, "as they were");
    }
  });

  test("one buffer, sequences alone and in batches, in any order", () => {
    for (const cell of cells) {
      const batch: Case = { ...whole, cell, I: 9, H: 64, P: 64, absent: [...whole.absent, "wr"] };
      const m = load(file);
      const given = inputs(batch);
      const kept = room(m, batch, given);
      for (const [L, B] of [
        [3, 4],
        [12, 1],
        [12, 1],
        [3, 4],
        [1, 3],
        [12, 1],
      ] as const) {
        const c = { ...batch, L, B };
        const { x, h0, c0 } = inputs(c);
        compare(m, c, { ...given, x: x!, h0: h0!, ...(c0 && { c0 }) }, kept, `${L} steps of ${B}`);
      }
    }
  });

  test("whatever the sizes, on one thread and on three", () => {
    const sizes = fc.record({
      L: fc.integer({ min: 1, max: 6 }),
      B: fc.integer({ min: 1, max: 9 }),
      I: fc.integer({ min: 1, max: 70 }),
      H: fc.integer({ min: 1, max: 70 }),
    });
    const all = fc.tuple(fc.constantFrom(...cells), sizes, fc.boolean(), fc.constantFrom(1, 3));
    fc.assert(
      fc.property(all, ([cell, size, resetAfter, threads]) => {
        const c: Case = { ...whole, cell, ...size, P: cell === "lstm" ? Math.ceil(size.H / 2) : size.H, resetAfter };
        const m = load(file, threads);
        const given = inputs(c);
        const kept = room(m, c, given);
        compare(m, c, given, kept, "untouched");
        compare(
          m,
          c,
          changed(given, "wh", (w) => w.map((x) => x * 0.5)),
          kept,
          "halved",
        );
      }),
      { numRuns: 60 },
    );
  });

  test("linear, too", () => {
    for (const [N, I, O] of [
      [5, 9, 33],
      [64, 300, 70],
      [512, 3, 5],
    ] as const) {
      const m = load(file);
      const [x, b, kept] = [m.put(noise(1, N * I)), m.put(noise(2, O)), m.fill(m.call("linear_kept", N, I, O), 0)];
      const w = noise(3, O * I);
      for (const weights of [w, w, w.with(O * I - 1, 0.25), w.map((v) => -v), w]) {
        const bits = [kept, 0].map((keep) => {
          const y = m.fill(N * O);
          m.call("linear_forward", y, x, m.put(weights), b, keep, m.fill(m.call("linear_work", N, I, O)), N, I, O);
          m.check();
          return m.bits(y, N * O);
        });
        expect(bits[0]).toBe(bits[1]);
      }
    }
  });

  test.skipIf(file.endsWith("bf16"))("what is as it was is not packed again: what stands there is used", () => {
    const m = load(file);
    const given = inputs(whole);
    const kept = room(m, whole, given);
    const y = () => read(m, whole, ["y"], forward(m, whole, given, false, kept).ptr).bits["y"];
    const due = y();
    const at = m.read(kept, m.call("gru_kept", whole.L, whole.B, whole.I, whole.H, 1)).indexOf(given["wx"]![0]!);
    expect(at).toBeGreaterThan(0);
    m.write(kept + 4 * at, [9]);
    expect(y()).not.toBe(due);
  });

  test("is not worth it for a row or two, and for many", () => {
    const m = load(file);
    const size = (L: number, B: number) => m.call("gru_kept", L, B, 8, 8, 1);
    expect([size(1, 3), size(8, 64)].every((n) => n > 0)).toBe(true);
    expect([size(9, 64), size(65536, 65536)]).toEqual([0, 0]);
    if (!file.endsWith("bf16")) expect([size(1, 1), size(2, 1), size(1, 2)]).toEqual([0, 0, 0]);
  });
});

test("WebAssembly keeps nothing", () => {
  expect(load("plain").call("gru_kept", 3, 4, 8, 8, 1)).toBe(0);
});
