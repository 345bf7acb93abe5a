/**
 * @file Kernels on several threads. Truth: the same kernels on one thread, to the last bit, with canaries around every buffer; what one thread
 * computes is tested beside this file.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { hasRelaxedSimd } from "../../src/engine/index.ts";
import { type Case, type CellName, noise, optionalInputs, run } from "./cells.ts";
import { load, natives } from "./wasm.ts";

const files = ["plain", ...(hasRelaxedSimd() ? ["relaxed"] : []), ...natives];
const counts = [2, 3, 5];

/** A case with all optional inputs but `absent`. */
function whole(part: Partial<Case>): Case {
  const c: Case = {
    ...{ cell: "gru", L: 3, B: 2, I: 3, H: 5, P: 5, reverse: false, resetAfter: true, relu: false, lengths: null },
    ...{ keep: 1, keepCell: 1, absent: [], seed: 1 },
    ...part,
  };
  if (c.cell !== "lstm" || c.absent.includes("wr")) c.P = c.H;
  return c;
}

function compare(file: string, c: Case, threads: readonly number[] = counts): void {
  const due = run(file, c, true).bits;
  for (const count of threads) {
    const got = run(file, c, true, undefined, count).bits;
    for (const name of Object.keys(due)) {
      // Not expect(): these are long, and equal thousands of times.
      if (name !== "work" && got[name] !== due[name]) throw new Error(`${file}, ${count} threads: ${name} has other bytes in ${JSON.stringify(c)}`);
    }
  }
}

for (const file of files) {
  for (const cell of ["gru", "lstm", "rnn"] satisfies CellName[]) {
    test(`${cell}, ${file}: the same bytes on 1, 2, 3 and 5 threads`, () => {
      compare(file, whole({ cell, L: 4, B: 1, I: 3, H: 5, P: 4 })); // nothing to share
      compare(file, whole({ cell, L: 5, B: 7, I: 33, H: 37, P: 18, reverse: true, lengths: [5, 0, 1, 4, 4, 2, 3] }));
      compare(file, whole({ cell, L: 4, B: 6, I: 9, H: 66, P: 35, resetAfter: false, lengths: [4, 0, 0, 0, 0, 0], keep: 0.8 })); // all in one part
      compare(file, whole({ cell, L: 3, B: 4, I: 2, H: 3, P: 2, lengths: [0, 0, 0, 0] }));
      compare(file, whole({ cell, L: 40, B: 23, I: 5, H: 17, P: 9, relu: true, absent: ["zone", "zoneCell"], keep: 0.9, keepCell: 0.7 })); // several chunks back
      compare(file, whole({ cell, L: 30, B: 33, I: 3, H: 40, P: 8, absent: ["mask", "zone", "wr"], resetAfter: false })); // several chunks forward
      compare(file, whole({ cell, L: 2, B: 261, I: 3, H: 9, P: 4, absent: [...optionalInputs] })); // a step longer than a block
      compare(file, whole({ cell, L: 2, B: 5, I: 259, H: 70, P: 65, resetAfter: false, absent: ["lengths"] }), [3]); // more than one block over k
    });
  }

  test(`${file}: whatever the sizes and options, the same bytes`, () => {
    const cases = fc.record({
      cell: fc.constantFrom<CellName>("gru", "lstm", "rnn"),
      L: fc.integer({ min: 1, max: 9 }),
      B: fc.integer({ min: 1, max: 12 }),
      I: fc.integer({ min: 1, max: 40 }),
      H: fc.integer({ min: 1, max: 40 }),
      P: fc.integer({ min: 1, max: 40 }),
      reverse: fc.boolean(),
      resetAfter: fc.boolean(),
      relu: fc.boolean(),
      absent: fc.subarray([...optionalInputs, "gates", "dy", "dhn", "dcn", "dx", "dwx", "dwh", "dbx", "dbh", "dh0"]),
      seed: fc.integer({ min: 0, max: 1e6 }),
      ragged: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 12, maxLength: 12 }),
      threads: fc.constantFrom(2, 3, 5),
    });
    fc.assert(
      fc.property(cases, ({ ragged, threads, ...c }) =>
        compare(file, whole({ ...c, lengths: c.absent.includes("lengths") ? null : ragged.slice(0, c.B).map((n) => Math.min(n, c.L)) }), [threads]),
      ),
      { numRuns: 40, seed: 11 },
    );
  });

  test(`${file}: linear layers, forward and back, the same bytes`, () => {
    for (const [N, I, O] of [[1, 5, 3], [2, 70, 65], [7, 33, 1], [300, 7, 40], [513, 65, 67], [1030, 40, 9]] as const) {
      const results = [1, ...counts].map((threads) => {
        const m = load(file, threads);
        m.reset();
        const [x, w, b] = [m.put(noise(1, N * I)), m.put(noise(2, O * I)), m.put(noise(3, O))];
        const [y, dx, dw, db] = [m.fill(N * O), m.fill(N * I, 0.5), m.fill(O * I, 0.5), m.fill(O, 0.5)];
        const work = () => m.fill(m.call("linear_work", N, I, O));
        m.call("linear_forward", y, x, w, b, 0, work(), N, I, O);
        m.call("linear_backward", dx, dw, db, y, x, w, work(), N, I, O);
        m.call("linear_backward", 0, dw, 0, y, x, w, work(), N, I, O);
        m.call("linear_backward", dx, 0, 0, y, x, w, work(), N, I, O);
        m.check();
        return [m.bits(y, N * O), m.bits(dx, N * I), m.bits(dw, O * I), m.bits(db, O)];
      });
      for (const [i, got] of results.entries()) expect(got.every((bits, k) => bits === results[0]![k]), `${[N, I, O]}, ${[1, ...counts][i]} threads`).toBe(true);
    }
  });

  test(`${file}: cross entropy, forward and back, the same bytes`, () => {
    for (const [N, V] of [[1, 2], [63, 5], [65, 3], [300, 7]] as const) {
      const results = [1, ...counts].map((threads) => {
        const m = load(file, threads);
        m.reset();
        // Two rows alike, with weights that cancel and leave so few bits to the others that the loss shows in which order they were added.
        const [numbers, weights] = [noise(6, N * V), noise(7, N)];
        if (N > 2) {
          for (let c = 0; c < V; c++) numbers[(N - 2) * V + c] = numbers[V + c]!;
          [weights[1], weights[N - 2]] = [1e12, -1e12];
        }
        const [logits, weight, target] = [m.put(numbers), m.put(weights), m.putInts(weights.map((w) => (Math.abs(w) > 0.9 ? 0 : w > 0.8 ? -1 : 1)))];
        const [y, divisor, normal, dlogits, dy] = [m.fill(1), m.fill(1), m.fill(N, 0), m.fill(N * V, 0.5), m.put([0.3])];
        expect(m.call("cross_entropy_forward", y, divisor, normal, logits, target, 0, weight, N, V, 0, 0.1, -1)).toBe(-1);
        m.call("cross_entropy_backward", dlogits, dy, divisor, normal, logits, target, 0, weight, N, V, 0.1, -1);
        m.check();
        return [m.bits(y, 1), m.bits(divisor, 1), m.bits(normal, N), m.bits(dlogits, N * V)];
      });
      for (const [i, got] of results.entries()) expect(got.every((bits, k) => bits === results[0]![k]), `${[N, V]}, ${[1, ...counts][i]} threads`).toBe(true);
    }
  });

  test(`${file}: optimizers and the norm of gradients, the same bytes`, () => {
    for (const N of [1, 15, 17, 1000, 70_001]) {
      const results = [1, ...counts].map((threads) => {
        const m = load(file, threads);
        m.reset();
        const out: (string | number)[] = [];
        const g = m.put(noise(4, N));
        const state = () => [m.put(noise(5, N)), ...[0, 0, 0].map(() => m.fill(N, 0.25))];
        const done = (slots: number[]) => {
          m.check();
          out.push(...slots.map((p) => m.bits(p, N)));
        };
        let [x, s0, s1, s2] = state() as [number, number, number, number];
        m.call("adam_update", x, s0, s1, s2, g, N, 0.1, 0.9, 0.99, 1e-8, 0.01, 0, 0.1, 0.01, 0.5, 0.3);
        done([x, s0, s1, s2]);
        [x, s0, s1, s2] = state() as [number, number, number, number];
        m.call("rmsprop_update", x, s0, s1, s2, g, N, 0.1, 0.9, 1e-8, 0.5, 0.01, 0.5, 0.3);
        done([x, s0, s1, s2]);
        [x, s0] = state() as [number, number];
        m.call("sgd_update", x, s0, g, N, 0.1, 0.9, 0.1, 0.01, 1, 0, 0.5, 0);
        m.call("adagrad_update", x, s0, g, N, 0.1, 1e-8, 0.01, 0.5, 0);
        done([x, s0]);
        out.push(m.call("sum_squares", g, N));
        return out;
      });
      for (const [i, got] of results.entries()) expect(got.every((bits, k) => bits === results[0]![k]), `${N}, ${[1, ...counts][i]} threads`).toBe(true);
    }
  });
}
