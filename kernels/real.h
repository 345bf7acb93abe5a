// One number at a time in float64, whatever T is: the logarithms and exponentials that losses are made of. A loss has few elements
// beside the network before it, so exactness comes first here; vec.h has the fast ones.
#pragma once
#include "abi.h"

constexpr double LN2_HIGH = 6.93147180369123816490e-01, LN2_LOW = 1.90821492927058770002e-10;  // their sum is ln 2; n·LN2_HIGH is exact

// Coefficients of the series below, made when compiled: 1/k! for k ≤ 14, and 1/k for k = 3, 5, … 21.
struct Series {
  double exp[15] = {}, log[10] = {};
  constexpr Series() {
    double factorial = 1;
    for (int k = 0; k < 15; k++) {
      exp[k] = 1 / factorial;
      factorial *= k + 1;
    }
    for (int k = 0; k < 10; k++) log[k] = 1.0 / (2 * k + 3);
  }
};
constexpr Series series;

INLINE double realFromBits(u64 bits) { return __builtin_bit_cast(double, bits); }

// eˣ, relative error below 1e-15 where the result is a normal number
NOINLINE double realExp(double x) {
  if (x != x) return x;
  if (x > 709.782712893384) return __builtin_inf();
  if (x < -708.396418532264) return 0;
  const double n = __builtin_floor(x * 1.44269504088896340736 + 0.5);
  const double r = (x - n * LN2_HIGH) - n * LN2_LOW;  // |r| ≤ ln 2 / 2
  double p = 0;
  for (int k = 14; k >= 0; k--) p = p * r + series.exp[k];
  const int e = (int)n;  // 2ⁿ in two factors: n may be 1024
  return p * realFromBits((u64)(1023 + e / 2) << 52) * realFromBits((u64)(1023 + e - e / 2) << 52);
}

// ln x for x > 0, relative error below 1e-15; 0 gives −∞ and a negative number NaN
NOINLINE double realLog(double x) {
  if (x != x || x == __builtin_inf()) return x;
  if (x <= 0) return x == 0 ? -__builtin_inf() : __builtin_nan("");
  int e = 0;
  if (x < 2.2250738585072014e-308) x *= 18014398509481984.0, e = -54;
  u64 bits = __builtin_bit_cast(u64, x);
  e += (int)(bits >> 52) - 1023;
  double m = realFromBits((bits & 0xfffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.41421356237309515) m *= 0.5, e++;
  const double f = m - 1, s = f / (2 + f), z = s * s;  // ln m = 2 artanh s = 2 (s + s³/3 + s⁵/5 + …), |s| ≤ 0.1716
  double p = 0;
  for (int k = 9; k >= 0; k--) p = (p + series.log[k]) * z;
  return e * LN2_HIGH + (2 * s * p + e * LN2_LOW + (2 * s - f) + f);
}

// ln(1 + x) without losing small x: Kahan's correction of the rounding in 1 + x
INLINE double realLog1p(double x) {
  const double u = 1 + x;
  return u == 1 || u == __builtin_inf() ? x : realLog(u) * (x / (u - 1));
}
// ln(1 + eˣ)
INLINE double realSoftplus(double x) { return (x > 0 ? x : 0) + realLog1p(realExp(x > 0 ? -x : x)); }
// 1 / (1 + e⁻ˣ)
INLINE double realSigmoid(double x) {
  const double e = realExp(x > 0 ? -x : x);
  return (x > 0 ? 1 : e) / (1 + e);
}

// ln Γ(x + ½) − ln Γ(x) for x > 0 and its slope ψ(x + ½) − ψ(x), relative error below 1e-14. The difference has an expansion of its own,
// ½ ln x + Σ (2⁻ᵏ − 2) B_{k+1} / (k (k+1) xᵏ) over odd k, so nothing cancels however large x is; Γ(x+1) = x Γ(x) brings small x to it.
NOINLINE double halfStepOfLogGamma(double x, double* slope) {
  double ratio = 1, d = 0;
  for (; x < 10; x += 1) {
    ratio *= x / (x + 0.5);
    d += 0.5 / (x * (x + 0.5));
  }
  constexpr double c[] = {-1.0 / 8, 1.0 / 192, -1.0 / 640, 17.0 / 14336, -31.0 / 18432, 691.0 / 180224};
  const double z = 1 / (x * x);
  double value = 0, change = 0;
  for (int k = 5; k >= 0; k--) {
    value = value * z + c[k];
    change = change * z - (2 * k + 1) * c[k];
  }
  *slope = d + 0.5 / x + change * z;
  return realLog(ratio) + 0.5 * realLog(x) + value / x;
}
