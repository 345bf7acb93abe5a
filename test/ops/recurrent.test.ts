/**
 * Recurrent ops and linear. Truth: an independent plain-TypeScript reference for every option; laws (padding, chunks and batches
 * change nothing). Gradients are the table test's business (float64 central differences).
 */
import { describe, expect, test } from "vitest";
import { Rng } from "../../src/base/random.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { gru, linear, lstm, rnn } from "../../src/ops/index.ts";
import { f32, f64 } from "./engines.ts";
import * as reference from "./reference.ts";

type Shapes = Record<string, readonly number[]>;
const engines = [
  { e: f64, tolerance: 1e-12 },
  { e: f32, tolerance: 1e-5 },
];

/** Random numbers for each shape: masks of 0 and 1.25, zoneout masks of 0 and 1, lengths from 0 to L. */
function draw(shapes: Shapes, L: number, rng: Rng): Record<string, number[]> {
  const one = (key: string) => {
    if (key === "lengths") return rng.below(L + 1);
    if (key === "mask") return rng.uniform() < 0.3 ? 0 : 1.25;
    if (key.startsWith("zone")) return rng.uniform() < 0.3 ? 0 : 1;
    return 2 * rng.uniform() - 1;
  };
  return Object.fromEntries(
    Object.entries(shapes).map(([key, shape]) => [key, Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => one(key))]),
  );
}
const load = (e: Engine, shapes: Shapes, values: Record<string, number[]>) =>
  Object.fromEntries(
    Object.keys(values).map((k) => [k, k === "lengths" ? e.ints(shapes[k]!, values[k]) : e.tensor(shapes[k]!, values[k])]),
  );

function expectClose(got: ArrayLike<number>, due: readonly number[], tolerance: number, what: string): void {
  expect(got.length, what).toBe(due.length);
  for (let i = 0; i < due.length; i++)
    if (!(Math.abs(got[i]! - due[i]!) <= tolerance)) expect.fail(`${what}[${i}] is ${got[i]}, the reference says ${due[i]}`);
}
/** Every way to leave out one of these, none, or all. */
const left = (optional: readonly string[]) => [
  [],
  optional,
  ...optional.map((k) => [k]),
  ...optional.map((k) => optional.filter((o) => o !== k)),
];
const without = <V>(all: Record<string, V>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(all).filter(([k]) => !names.includes(k)));

const sizes = [
  { L: 1, B: 1, I: 1, H: 1 },
  { L: 5, B: 3, I: 2, H: 7 },
  { L: 4, B: 5, I: 9, H: 16 },
];
const optional = ["h0", "bx", "bh", "lengths", "mask", "zone"];

describe("against the reference", () => {
  for (const { e, tolerance } of engines) {
    for (const n of sizes) {
      const { L, B, I, H } = n;
      const shapes = (G: number): Shapes => ({
        x: [L, B, I],
        h0: [B, H],
        wx: [G * H, I],
        wh: [G * H, H],
        bx: [G * H],
        bh: [G * H],
        lengths: [B],
        mask: [B, H],
        zone: [L, B, H],
      });

      test(`gru ${JSON.stringify(n)} ${e.backend}`, () => {
        const values = draw(shapes(3), L, new Rng(1));
        for (const names of left(optional)) {
          for (const o of [{}, { reverse: true }, { resetAfter: false }, { keep: 0.7, reverse: true, resetAfter: false }]) {
            const given = without(values, names);
            const due = reference.gru(given as never, n, { resetAfter: true, ...o });
            e.scope(() => {
              const got = gru(load(e, shapes(3), given) as never, { ...o, want: ["gates"] });
              for (const k of ["y", "hn", "gates"] as const)
                expectClose(got[k]!.data, due[k], tolerance, `without ${names}, ${JSON.stringify(o)}: ${k}`);
            });
          }
        }
      });

      test(`rnn ${JSON.stringify(n)} ${e.backend}`, () => {
        const values = draw(shapes(1), L, new Rng(2));
        for (const names of left(optional)) {
          for (const o of [{}, { reverse: true, relu: true }, { keep: 0.7 }]) {
            const given = without(values, names);
            const due = reference.rnn(given as never, n, o);
            e.scope(() => {
              const got = rnn(load(e, shapes(1), given) as never, o);
              for (const k of ["y", "hn"] as const)
                expectClose(got[k].data, due[k], tolerance, `without ${names}, ${JSON.stringify(o)}: ${k}`);
            });
          }
        }
      });

      for (const P of [H, Math.max(1, H - 3)]) {
        test(`lstm ${JSON.stringify({ ...n, P })} ${e.backend}`, () => {
          const all: Shapes = {
            ...{ x: [L, B, I], h0: [B, P], c0: [B, H], wx: [4 * H, I], wh: [4 * H, P], wr: [P, H], bx: [4 * H], bh: [4 * H] },
            ...{ peep: [3, H], lengths: [B], mask: [B, P], zone: [L, B, P], zoneCell: [L, B, H] },
          };
          const values = draw(all, L, new Rng(3));
          const leave = [...optional, "c0", "peep", "zoneCell", ...(P === H ? ["wr"] : [])];
          for (const names of left(leave)) {
            for (const o of [{}, { reverse: true }, { keep: 0.7, keepCell: 0.4 }]) {
              const given = without(values, names);
              const due = reference.lstm(given as never, { ...n, P }, o);
              e.scope(() => {
                const got = lstm(load(e, all, given) as never, { ...o, want: ["gates"] });
                for (const k of ["y", "hn", "cn", "gates"] as const)
                  expectClose(got[k]!.data, due[k], tolerance, `without ${names}, ${JSON.stringify(o)}: ${k}`);
              });
            }
          }
        });
      }
    }

    test(`linear ${e.backend}`, () => {
      const rng = new Rng(4);
      for (const [N, I, O] of [
        [1, 1, 1],
        [3, 7, 5],
        [6, 16, 9],
        [70, 33, 12],
      ] as const) {
        const v = draw({ x: [N, I], w: [O, I], b: [O] }, 0, rng);
        e.scope(() => {
          const [x, w, b] = [e.tensor([N, I], v["x"]), e.tensor([O, I], v["w"]), e.tensor([O], v["b"])];
          expectClose(
            linear({ x, w, b }).y.data,
            reference.linear(v["x"]!, v["w"]!, v["b"], N, I, O),
            tolerance,
            `linear ${N} ${I} ${O}`,
          );
          expectClose(
            linear({ x, w }).y.data,
            reference.linear(v["x"]!, v["w"]!, undefined, N, I, O),
            tolerance,
            `linear ${N} ${I} ${O} without b`,
          );
        });
      }
    });
  }
});

describe("laws, to the bit", () => {
  const [L, B, I, H] = [7, 4, 3, 10];
  const shapes: Shapes = { x: [L, B, I], h0: [B, H], wx: [3 * H, I], wh: [3 * H, H], bx: [3 * H], bh: [3 * H] };
  const values = draw(shapes, L, new Rng(6));
  const run = (x: number[], h0: number[], steps: number, batch: number) =>
    f32.scope(() => {
      const { y, hn } = gru(load(f32, { ...shapes, x: [steps, batch, I], h0: [batch, H] }, { ...values, x, h0 }) as never);
      return { y: [...y.data], hn: [...hn.data] };
    });
  const whole = run(values["x"]!, values["h0"]!, L, B);

  test("a sequence in chunks, or step by step with the state handed on, is the whole sequence", () => {
    for (const cuts of [
      [3, 4],
      [1, 1, 1, 1, 1, 1, 1],
      [6, 1],
    ]) {
      let h = values["h0"]!;
      let t = 0;
      const y: number[] = [];
      for (const steps of cuts) {
        const part = run(values["x"]!.slice(t * B * I, (t + steps) * B * I), h, steps, B);
        y.push(...part.y);
        h = part.hn;
        t += steps;
      }
      expect(y).toEqual(whole.y);
      expect(h).toEqual(whole.hn);
    }
  });

  test("an item alone is the same item in a batch", () => {
    for (let b = 0; b < B; b++) {
      const x = Array.from({ length: L }, (_, t) => values["x"]!.slice((t * B + b) * I, (t * B + b + 1) * I)).flat();
      expect(run(x, values["h0"]!.slice(b * H, (b + 1) * H), L, 1).hn).toEqual(whole.hn.slice(b * H, (b + 1) * H));
    }
  });
});

test("lstm without a projection says that P must be H", () => {
  f32.scope(() => {
    const [x, wx, wh] = [f32.tensor([2, 1, 3]), f32.tensor([16, 3]), f32.tensor([16, 2])];
    expect(() => lstm({ x, wx, wh })).toThrow(
      "lstm: wh is [16, 2], expected [16, 4]; without wr there is no projection and P is H, 4 (from wx)",
    );
  });
});
