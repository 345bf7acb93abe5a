// Batches of windows cut straight out of a long series, so that no window is ever stored.
#pragma once
#include "abi.h"

// out = value, or 0 where it is missing (NaN); mask = 1 or 0 accordingly
INLINE void putValue(T* out, T* mask, long to, T value) {
  const bool there = value == value;
  out[to] = there ? value : 0;
  if (mask) mask[to] = there;
}
// -1, or the first item whose rows leave the series
INLINE int firstOutside(const int* starts, int rows, int B, int offset, int length) {
  for (int b = 0; b < B; b++)
    if (const i64 from = (i64)starts[b] + offset; from < 0 || from > rows - length) return b;
  return -1;
}

// out[t,b,k] = series[starts[b] + offset + t, columns[k]]. Returns -1, or the first item outside the series (nothing is written).
KERNEL int window_gather(T* out /*[L,B,K]*/, T* mask /*[L,B,K]?*/, const T* series /*[R,C]*/, const int* starts /*[B]*/, const int* columns /*[K]*/, int R, int C, int L, int B, int K, int offset) {
  const int bad = firstOutside(starts, R, B, offset, L);
  if (bad >= 0) return bad;
  for (int t = 0; t < L; t++)
    for (int b = 0; b < B; b++) {
      const T* row = series + (long)(starts[b] + offset + t) * C;
      for (int k = 0; k < K; k++) putValue(out, mask, ((long)t * B + b) * K + k, row[columns[k]]);
    }
  return -1;
}
// Each column of each window is an item of its own, cut into S segments of D steps:
// out[s, b·K+k, j] = series[starts[b] + offset + s·D + j, columns[k]]. Returns as above.
KERNEL int window_segments(T* out /*[S,B*K,D]*/, T* mask /*[S,B*K,D]?*/, const T* series /*[R,C]*/, const int* starts /*[B]*/, const int* columns /*[K]*/, int R, int C, int S, int D, int B, int K, int offset) {
  const int bad = firstOutside(starts, R, B, offset, S * D);
  if (bad >= 0) return bad;
  for (int s = 0; s < S; s++)
    for (int b = 0; b < B; b++)
      for (int k = 0; k < K; k++)
        for (int j = 0; j < D; j++)
          putValue(out, mask, (((long)s * B + b) * K + k) * D + j, series[(long)(starts[b] + offset + s * D + j) * C + columns[k]]);
  return -1;
}
