/** Clipping. Truth: laws (the norm after is the smaller of norm and limit; direction stays) and PyTorch's clip_grad_norm_ formula. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Engine, type Param, wasmBackend } from "../engine/index.ts";
import { code as f64 } from "../engine/wasm/plain-f64.embed.ts";
import { clipByNorm, clipFactor, gradientNorm, sgd } from "./index.ts";

const e = new Engine(wasmBackend("wasm-plain-f64", f64, 8));
function withGrad(g: number[]): Param {
  const p = e.param([g.length]);
  e.reals(e.gradOf(p), g.length).set(g);
  return p;
}

test("the norm is joint over all parameters; frozen and unreached ones don't count", () => {
  const frozen = withGrad([100]);
  frozen.frozen = true;
  expect(gradientNorm([withGrad([3]), withGrad([0, 4]), e.param([2]), frozen])).toBe(5);
  expect(gradientNorm([])).toBe(0);
});

test("after an update with the factor, the step is as long as the limit allows and points the same way", () => {
  const value = fc.double({ min: -1e3, max: 1e3, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 9 }),
      fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
      (g, maxNorm) => {
        const p = withGrad(g);
        const { norm, scale } = clipByNorm([p], maxNorm);
        expect(norm).toBeCloseTo(Math.hypot(...g), 9);
        sgd().step([p], 1, { scale });
        const length = Math.hypot(...p.data);
        expect(length).toBeLessThanOrEqual(maxNorm * (1 + 1e-12));
        expect(length).toBeCloseTo(Math.min(norm, (norm * maxNorm) / (norm + 1e-6)), 6);
        for (const [i, x] of p.data.entries()) expect(x).toBeCloseTo(-g[i]! * scale, 12);
      },
    ),
  );
});

test("a norm within the limit changes nothing, one that is not finite is reported and scales nothing", () => {
  expect(clipFactor(1, 5)).toBe(1);
  expect(clipFactor(9, 3)).toBe(3 / (9 + 1e-6));
  expect(clipByNorm([withGrad([1, Number.NaN])], 1)).toEqual({ norm: Number.NaN, scale: 1 });
  expect(clipByNorm([withGrad([Number.NEGATIVE_INFINITY])], 1)).toEqual({ norm: Infinity, scale: 1 });
});

test("a limit must be above 0", () => {
  expect(() => clipFactor(1, 0)).toThrow("train: clipNorm is 0, expected a number above 0");
  expect(() => clipFactor(1, Number.NaN)).toThrow("clipNorm is NaN");
});
