/** Truth: the densities themselves, integrated numerically from the quantile's tail. */
import { expect, test } from "vitest";
import { normalQuantile, softplus, studentQuantile } from "./distribution.ts";

/** ∫ f from x to infinity by the substitution x = tan(a), Simpson's rule. */
function tail(f: (x: number) => number, x: number): number {
  const a = Math.atan(x);
  const n = 20_000;
  const h = (Math.PI / 2 - a) / n;
  let sum = 0;
  for (let i = 0; i <= n; i++) {
    const at = a + i * h;
    const cos = Math.cos(at);
    const value = i === n ? 0 : f(Math.tan(at)) / (cos * cos);
    sum += value * (i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2);
  }
  return (sum * h) / 3;
}

const levels = [0.5, 0.6, 0.75, 0.8, 0.9, 0.95, 0.975, 0.99, 0.999];

test("normal quantiles leave the right share above them", () => {
  const density = (x: number) => Math.exp(-x * x * 0.5) / Math.sqrt(2 * Math.PI);
  for (const p of levels) {
    expect(tail(density, normalQuantile(p))).toBeCloseTo(1 - p, 6);
    expect(normalQuantile(1 - p)).toBeCloseTo(-normalQuantile(p), 6);
  }
});

test("Student's t quantiles leave the right share above them, from 2 degrees of freedom up", () => {
  for (const v of [2, 2.1, 2.5, 3, 4, 4.9, 6, 10, 30, 200]) {
    const kernel = (x: number) => (1 + (x * x) / v) ** (-(v + 1) / 2);
    const whole = 2 * tail(kernel, 0);
    for (const p of levels) {
      const share = tail(kernel, studentQuantile(p, v)) / whole;
      expect(Math.abs(share / (1 - p) - 1), `v ${v}, p ${p}`).toBeLessThan(2e-3);
      expect(studentQuantile(1 - p, v)).toBeCloseTo(-studentQuantile(p, v), 9);
    }
  }
});

test("softplus neither overflows nor loses small values", () => {
  expect(softplus(1000)).toBe(1000);
  expect(softplus(-50)).toBeCloseTo(Math.exp(-50), 30);
  expect(softplus(0)).toBeCloseTo(Math.LN2, 12);
});
