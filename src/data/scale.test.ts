/** @file Truth: mean, deviation and quartiles worked out by hand; a law: apply then invert gives back. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ScalerKind, ScalerState } from "./scale.ts";
import { applyScaler, fitScaler, invertScaler } from "./scale.ts";

const nan = Number.NaN;
// [5, 2]: a column with a hole, and one that never changes. Row 4 is outside the training part.
const values = Float32Array.of(2, 7, 4, 7, nan, 7, 9, 7, 1000, 7);
const fit = (kind: ScalerKind) => fitScaler(kind, [{ values, from: 0, to: 4 }], 2).all;

test("each kind measures the training rows, leaving out what is missing", () => {
  expect(fit("standard")).toEqual({ center: [5, 7], scale: [Math.sqrt((9 + 1 + 16) / 3), 1] });
  expect(fit("robust")).toEqual({ center: [4, 7], scale: [6.5 - 3, 1] }); // quartiles of 2, 4, 9 are 3 and 6.5
  expect(fit("minmax")).toEqual({ center: [2, 7], scale: [7, 1] });
  expect(fit("none")).toEqual({ center: [0, 0], scale: [1, 1] });
  expect(() => fitScaler("z" as ScalerKind, [], 2)).toThrow('scaler: it is "z", expected standard, robust, minmax, none');
  expect(() => fitScaler("none", [{ values, from: 0, to: 1 }], 3)).toThrow("expected a multiple of 3");
});

test("a large level does not eat a small spread", () => {
  const level = Float32Array.from({ length: 1000 }, (_, i) => 100_000 + (i % 2));
  expect(fitScaler("standard", [{ values: level, from: 0, to: 1000 }], 1).all).toEqual({ center: [100_000.5], scale: [0.5] });
});

test("per series: each id has its own, strangers get the common one", () => {
  const blocks = [
    { id: "a", values: Float32Array.of(0, 2), from: 0, to: 2 },
    { id: "b", values: Float32Array.of(10, 14), from: 0, to: 2 },
  ];
  const state = JSON.parse(JSON.stringify(fitScaler("standard", blocks, 1, { perSeries: true }))) as ScalerState;
  expect(Array.from(applyScaler(state, Float32Array.of(4), "a"))).toEqual([3]);
  expect(Array.from(applyScaler(state, Float32Array.of(14), "b"))).toEqual([1]);
  expect(state.all.center).toEqual([6.5]);
  expect(Array.from(applyScaler(state, Float32Array.of(6.5), "__proto__"))).toEqual([0]);
});

test("forecasts of the first columns alone can be turned back, and a wrong width is refused", () => {
  const state = fitScaler("minmax", [{ values: Float32Array.of(0, 0, 10, 100), from: 0, to: 2 }], 2);
  expect(Array.from(invertScaler(state, Float32Array.of(0.5, 1), undefined, undefined, 1))).toEqual([5, 10]);
  expect(() => applyScaler(state, Float32Array.of(1, 2, 3))).toThrow("3 numbers in rows of 2");
  const inPlace = Float32Array.of(5, 50);
  expect(applyScaler(state, inPlace, undefined, inPlace)).toBe(inPlace);
  expect(Array.from(inPlace)).toEqual([0.5, 0.5]);
});

test("law: scaling and back gives back, also through JSON", () => {
  const cell = fc.float({ min: -1e4, max: 1e4, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 30 }),
      fc.constantFrom<ScalerKind>("standard", "robust", "minmax", "none"),
      (rows, kind) => {
        const x = Float32Array.from(rows.flat());
        const state = JSON.parse(JSON.stringify(fitScaler(kind, [{ values: x, from: 0, to: rows.length }], 2))) as ScalerState;
        invertScaler(state, applyScaler(state, x)).forEach((v, i) => void expect(Math.abs(v - x[i]!)).toBeLessThanOrEqual(4e-3));
        expect(state.all.scale.every((s) => s > 0)).toBe(true);
      },
    ),
  );
});
