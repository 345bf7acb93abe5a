/** @file Quantiles of the normal and Student's t distribution: from a distribution's parameters to a forecast fan. */

/**
 * The number below which a standard normal falls with probability p.
 * @param p above 0, below 1
 * @see Wichura 1988, algorithm AS 241 (7 figures)
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (
      (q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)) /
      (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1)
    );
  }
  let r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  let x: number;
  if (r <= 5) {
    r -= 1.6;
    x = (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777) / ((0.12021132975 * r + 0.73700164250) * r + 1);
  } else {
    r -= 5;
    x = (((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150) / ((0.012258202635 * r + 0.24197894225) * r + 1);
  }
  return q < 0 ? -x : x;
}

/**
 * The number below which a standard Student's t variable falls with probability p: within 1e-4 of its size from 2 degrees of freedom up.
 * @param p above 0, below 1
 * @param v degrees of freedom, at least 2
 * @see Hill 1970, Communications of the ACM algorithm 396
 */
export function studentQuantile(p: number, v: number): number {
  if (p === 0.5) return 0;
  const two = 2 * Math.min(p, 1 - p);
  const sign = p < 0.5 ? -1 : 1;
  if (v <= 2.000001) return sign * Math.sqrt(2 / (two * (2 - two)) - 2);
  const a = 1 / (v - 0.5);
  const b = 48 / (a * a);
  let c = (((20700 * a) / b - 98) * a - 16) * a + 96.36;
  const d = ((94.5 / (b + c) - 3) / b + 1) * Math.sqrt((a * Math.PI) / 2) * v;
  let y = (d * two) ** (2 / v);
  if (y > 0.05 + a) {
    const x = normalQuantile(two / 2);
    const square = x * x;
    if (v < 5) c += 0.3 * (v - 4.5) * (x + 0.6);
    c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c;
    const near = (((((0.4 * square + 6.3) * square + 36) * square + 94.5) / c - square - 3) / b + 1) * x;
    y = Math.expm1(a * near * near);
  } else {
    y = ((1 / (((v + 6) / (v * y) - 0.089 * d - 0.822) * (v + 2) * 3) + 0.5 / (v + 4)) * y - 1) * ((v + 1) / (v + 2)) + 1 / y;
  }
  return sign * Math.sqrt(v * y);
}

/** log(1 + eˣ) without overflow. */
export const softplus = (x: number): number => (x > 30 ? x : Math.log1p(Math.exp(x)));
