/**
 * @file GRU, LSTM and simple RNN kernels. Truth: plain loops in double precision (kernels/reference.cpp), which in turn agree with
 * central differences; and laws that hold to the last bit: items alone = batch, chunks = whole.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Case,
  type CellName,
  differentiable,
  distance,
  GRADIENT_START,
  inputs,
  optionalInputs,
  outputGradients,
  run,
  words,
} from "./cells.ts";
import { natives } from "./wasm.ts";

const cells: CellName[] = ["gru", "lstm", "rnn"];
const base: Case = {
  cell: "gru",
  L: 3,
  B: 2,
  I: 3,
  H: 5,
  P: 5,
  reverse: false,
  resetAfter: true,
  relu: false,
  lengths: null,
  keep: 1,
  keepCell: 1,
  absent: [...optionalInputs],
  seed: 1,
};
/** A case with all optional inputs except `absent`; H stands for P where there is no projection. */
const whole = (part: Partial<Case>): Case => {
  const c = { ...base, absent: [], lengths: null, ...part };
  if (c.cell !== "lstm" || c.absent.includes("wr")) c.P = c.H;
  return c;
};

/** Compares all outputs and gradients with the reference; `saved` is private to each. */
function compare(c: Case): void {
  const due = run("reference-f64", c, true).values;
  for (const [file, limit] of [
    ["plain-f64", 1e-11],
    ["plain", 1e-4],
    ...natives.map((name) => [name, 1e-4] as const),
  ] as const) {
    const got = run(file, c, true).values;
    for (const name of Object.keys(due)) {
      if (name === "saved") continue;
      const far = distance(got[name]!, due[name]!);
      if (!(far < limit)) throw new Error(`${file}: ${name} differs by ${far} in ${JSON.stringify(c)}`);
    }
  }
}

const arbitrary = (most: number) =>
  fc
    .record({
      cell: fc.constantFrom(...cells),
      L: fc.integer({ min: 1, max: 7 }),
      B: fc.integer({ min: 1, max: 9 }),
      I: fc.integer({ min: 1, max: most }),
      H: fc.integer({ min: 1, max: most }),
      P: fc.integer({ min: 1, max: most }),
      reverse: fc.boolean(),
      resetAfter: fc.boolean(),
      relu: fc.boolean(),
      keep: fc.constantFrom(1, 0.75),
      keepCell: fc.constantFrom(1, 0.5),
      absent: fc.subarray([...optionalInputs, "gates", "dy", "dhn", "dcn"]),
      seed: fc.integer({ min: 0, max: 1e6 }),
      ragged: fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 9, maxLength: 9 }),
    })
    .map(({ ragged, ...c }) =>
      whole({ ...c, lengths: c.absent.includes("lengths") ? null : ragged.slice(0, c.B).map((n) => Math.min(n, c.L)) }),
    );

test("fast kernels agree with the plain loops, whatever the sizes and options", () => {
  fc.assert(fc.property(arbitrary(20), compare), { numRuns: 150, seed: 7 });
});

for (const cell of cells) {
  test(`${cell}: sizes around the edges of tiles, panels, blocks and chunks`, () => {
    const edges = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 63, 64, 65, 70];
    edges.forEach((H, i) => {
      const I = edges[(i * 7 + 3) % edges.length]!;
      const B = edges[(i * 5 + 1) % 12]!;
      compare(
        whole({
          cell,
          L: 1 + (i % 3),
          B,
          I,
          H,
          P: edges[(i * 3 + 2) % edges.length]!,
          seed: i,
          resetAfter: i % 2 === 0,
          keep: 0.9,
        }),
      );
    });
    compare(whole({ cell, L: 2, B: 2, I: 259, H: 261, P: 257, absent: ["zone", "zoneCell"] })); // more than one block over k
    compare(whole({ cell, L: 2, B: 67, I: 5, H: 67, P: 3, absent: ["mask"] })); // more than one block of rows
    compare(whole({ cell, L: 3, B: 259, I: 2, H: 3, P: 4, resetAfter: false })); // a step longer than a block
    compare(whole({ cell, L: 300, B: 2, I: 2, H: 3, P: 3, lengths: [300, 270], reverse: true, resetAfter: false })); // several chunks back
    compare(whole({ cell, L: 30, B: 33, I: 3, H: 40, P: 8, absent: ["mask", "zone"] })); // several chunks forward
  });

  test(`${cell}: each optional input and each gradient may be left out`, () => {
    for (const resetAfter of [true, false]) {
      const lengths = [3, 0, 2];
      for (const name of [...optionalInputs, "gates", "dy", "dhn", "dcn", ...differentiable.map((d) => `d${d}`)]) {
        compare(whole({ cell, B: 3, P: 4, resetAfter, absent: [name], lengths: name === "lengths" ? null : lengths }));
      }
    }
  });

  test(`${cell}: the reference's gradients are those of its outputs (central differences)`, () => {
    const variants: Partial<Case>[] = [
      {},
      { lengths: [3, 1], reverse: true },
      { resetAfter: false, lengths: [0, 3] },
      { absent: ["zone", "zoneCell"], keep: 0.7, keepCell: 0.6, resetAfter: false },
      { relu: true, absent: ["mask"] },
      { absent: ["wr"] },
    ];
    for (const part of variants) {
      const c = whole({ cell, H: 3, I: 2, P: 4, ...part });
      const given = inputs(c);
      const weights = outputGradients(c);
      const loss = () => {
        const { values } = run("reference-f64", c, false, given);
        let sum = 0;
        for (const name of ["y", "hn", "cn"]) weights[`d${name}`]?.forEach((w, i) => (sum += w * values[name]![i]!));
        return sum;
      };
      const analytic = run("reference-f64", c, true, given).values;
      let checked = 0;
      for (const name of differentiable.filter((d) => given[d])) {
        for (let i = 0; i < given[name]!.length; i++) {
          const x = given[name]![i]!;
          const step = 1e-5;
          given[name]![i] = x + step;
          const up = loss();
          given[name]![i] = x - step;
          const down = loss();
          given[name]![i] = x;
          const numeric = (up - down) / (2 * step);
          expect(Math.abs(analytic[`d${name}`]![i]! - GRADIENT_START - numeric), `d${name}[${i}]`).toBeLessThan(
            1e-6 * Math.max(1e-2, Math.abs(numeric)),
          );
          checked++;
        }
      }
      expect(checked).toBeGreaterThan(30);
    }
  });

  for (const file of ["plain", "plain-f64", "relaxed", ...natives]) {
    // Node 20 runs relaxed SIMD only behind a flag of V8.
    const can =
      file !== "relaxed" ||
      WebAssembly.validate(
        new Uint8Array([
          0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253,
          128, 2, 11,
        ]),
      );
    test.skipIf(!can)(
      `${cell}, ${file}: an item alone gives the same bits as in a batch; a sequence in chunks the same as whole`,
      () => {
        for (const resetAfter of [true, false]) {
          const c = whole({
            cell,
            L: 5,
            B: 7,
            I: 9,
            H: 21,
            P: 10,
            resetAfter,
            absent: ["lengths", "gates", "zone", "zoneCell"],
            keep: 0.9,
            keepCell: 0.8,
          });
          const given = inputs(c);
          const all = run(file, c, false, given).values;
          const rowSize: Record<string, number> = { x: c.I, h0: c.P, c0: c.H, mask: c.P };
          for (let b = 0; b < c.B; b++) {
            const one: Record<string, number[]> = { ...given };
            for (const [name, n] of Object.entries(rowSize)) {
              if (given[name]) one[name] = given[name]!.filter((_, i) => Math.floor(i / n) % c.B === b);
            }
            const alone = run(file, { ...c, B: 1 }, false, one).values;
            expect(alone["y"]).toEqual(all["y"]!.filter((_, i) => Math.floor(i / c.P) % c.B === b));
            expect(alone["hn"]).toEqual(all["hn"]!.slice(b * c.P, (b + 1) * c.P));
          }
          const cut = 2 * c.B;
          const head = run(file, { ...c, L: 2 }, false, { ...given, x: given["x"]!.slice(0, cut * c.I) }).values;
          const tailGiven: Record<string, number[]> = { ...given, x: given["x"]!.slice(cut * c.I), h0: head["hn"]! };
          if (cell === "lstm") tailGiven["c0"] = head["cn"]!;
          const tail = run(file, { ...c, L: 3 }, false, tailGiven).values;
          expect([...head["y"]!, ...tail["y"]!]).toEqual(all["y"]);
          expect(tail["hn"]).toEqual(all["hn"]);
          expect(tail["cn"]).toEqual(all["cn"]);
        }
      },
    );
  }

  test(`${cell}: without saved buffers the outputs have the same bits`, () => {
    const c = whole({ cell, L: 9, B: 5, I: 6, H: 13, P: 4, lengths: [9, 3, 0, 8, 1], absent: ["gates"] });
    const training = run("plain", c, true).bits;
    const inference = run("plain", { ...c, absent: ["gates", "saved"] }, false).bits;
    for (const name of Object.keys(inference)) expect(inference[name], name).toBe(training[name]);
    expect(Object.keys(inference)).not.toContain("saved");
  });

  test(`${cell}: padded steps are zero in every output, and a zero-length item returns its initial state`, () => {
    const c = whole({ cell, L: 4, B: 2, lengths: [2, 0], P: 3, reverse: true });
    const { values } = run("plain", c, true);
    const given = inputs(c);
    expect(values["hn"]!.slice(c.P)).toEqual(given["h0"]!.slice(c.P));
    for (const name of ["y", "gates", "saved", "cells", "hidden"]) {
      if (!values[name]) continue;
      const perRow = name === "saved" ? (cell === "rnn" ? c.H : 4 * c.H) : name === "y" ? c.P : c.H;
      values[name]!.forEach((v, i) => {
        const row = Math.floor(i / perRow) % (c.L * c.B);
        if (row % c.B === 1 || row >= 2 * c.B) expect(v, `${name}[${i}]`).toBe(0);
      });
    }
    const dx = values["dx"]!;
    expect(dx.slice(2 * c.B * c.I).every((v) => v === GRADIENT_START)).toBe(true);
    expect(words(cell, "backward")).toContain("dh0");
  });
}
