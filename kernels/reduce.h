// Whole-array passes: fill, copy, add, sums and the search for the first bad number.
#pragma once
#include "team.h"
#include "vec.h"

// Σ f(i) over i < N in float64: eight interleaved partial sums, in an order that only N decides.
template <class F> INLINE double total(int N, F f) {
  constexpr int LANES = 8;
  double sum[LANES] = {};
  int i = 0;
  NOUNROLL for (; i + LANES <= N; i += LANES) {
#if TRAINING
    UNROLL
#endif
    for (int lane = 0; lane < LANES; lane++) sum[lane] += f(i + lane);
  }
  NOUNROLL for (int lane = 0; i < N; i++, lane++) sum[lane] += f(i);
  UNROLL for (int half = LANES / 2; half > 0; half /= 2) {
    UNROLL for (int lane = 0; lane < half; lane++) sum[lane] += sum[lane + half];
  }
  return sum[0];
}

// Sums that threads share are made of so many pieces, which only N decides, added in their order.
constexpr int PIECES = 64;

// x = value
KERNEL void fill(T* x /*[N]*/, T value, int N) {
  for (int i = 0; i < N; i++) x[i] = value;
}
// y = x
KERNEL void copy(T* y /*[N]*/, const T* x /*[N]*/, int N) {
  for (int i = 0; i < N; i++) y[i] = x[i];
}
// y += a·x
KERNEL void axpy(T* y /*[N]*/, T a, const T* x /*[N]*/, int N) {
  for (int i = 0; i < N; i++) y[i] += a * x[i];
}
// The place of the first NaN or infinity, or -1.
KERNEL int first_nonfinite(const T* x /*[N]*/, int N) {
  constexpr int block = 256;
  for (int i = 0; i < N; i += block) {
    const int end = min(block, N - i);
    V bad = {};  // x·0 is 0 for every finite x and NaN for all others
    eachVector(end, [&](int j, int m) ALWAYS { bad += load(x + i + j, m) * splat(0); });
    if (!anyNaN(bad)) continue;
    for (int j = 0; j < end; j++)
      if (!(x[i + j] * 0 == 0)) return i + j;
  }
  return -1;
}
// y = Σ x, divided by N if `mean`
KERNEL void sum_forward(T* y /*[1]*/, const T* x /*[N]*/, int N, int mean) {
  const double s = total(N, [&](int i) { return (double)x[i]; });
  *y = (T)(mean && N > 0 ? s / N : s);
}
#if TRAINING
KERNEL void sum_backward(T* dx /*[N]?*/, const T* dy /*[1]*/, int N, int mean) {
  if (!dx) return;
  const T g = mean ? *dy / (T)N : *dy;
  for (int i = 0; i < N; i++) dx[i] += g;
}
// Σ x² in float64. Threads share its pieces.
KERNEL double sum_squares(const T* x /*[N]*/, int N, Team* team) {
  const int size = max(16384, roundUp((N + PIECES - 1) / PIECES, 16)), pieces = (N + size - 1) / size;
  double sums[PIECES] = {};
  together(team, partsNow(team, i64(N) * 50, pieces), [&](const Part& part) {
    const auto [from, to] = part.of(pieces);
    for (int p = from; p < to; p++) {
      const T* piece = x + i64(p) * size;
      sums[p] = total(min(size, N - p * size), [&](int i) { return (double)piece[i] * piece[i]; });
    }
  });
  double sum = 0;
  for (int p = 0; p < pieces; p++) sum += sums[p];
  return sum;
}
#endif
