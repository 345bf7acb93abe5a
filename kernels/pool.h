// From a sequence to one row an item: last real step, mean or maximum of the real steps. Padded steps never count; an item of
// length zero gives zeros.
#pragma once
#include "abi.h"

INLINE int realSteps(const int* lengths, int b, int L) { return lengths ? max(0, min(lengths[b], L)) : L; }

// y[b] = x[length−1, b]
KERNEL void last_step_forward(T* y /*[B,H]*/, const T* x /*[L,B,H]*/, const int* lengths /*[B]?*/, int L, int B, int H) {
  for (int b = 0; b < B; b++) {
    const int n = realSteps(lengths, b, L);
    const T* from = x + ((long)(n - 1) * B + b) * H;
    for (int h = 0; h < H; h++) y[(long)b * H + h] = n > 0 ? from[h] : 0;
  }
}
// y[b] = Σ_t x[t, b] / length
KERNEL void mean_pool_forward(T* y /*[B,H]*/, const T* x /*[L,B,H]*/, const int* lengths /*[B]?*/, int L, int B, int H) {
  for (int b = 0; b < B; b++) {
    const int n = realSteps(lengths, b, L);
    T* out = y + (long)b * H;
    for (int h = 0; h < H; h++) out[h] = 0;
    for (int t = 0; t < n; t++)
      for (int h = 0; h < H; h++) out[h] += x[((long)t * B + b) * H + h];
    for (int h = 0; h < H; h++) out[h] = n > 0 ? out[h] / (T)n : 0;
  }
}
// y[b] = max_t x[t, b]; NaN wins
KERNEL void max_pool_forward(T* y /*[B,H]*/, const T* x /*[L,B,H]*/, const int* lengths /*[B]?*/, int L, int B, int H) {
  for (int b = 0; b < B; b++) {
    const int n = realSteps(lengths, b, L);
    T* out = y + (long)b * H;
    for (int h = 0; h < H; h++) out[h] = n > 0 ? x[(long)b * H + h] : 0;
    for (int t = 1; t < n; t++) {
      const T* row = x + ((long)t * B + b) * H;
      for (int h = 0; h < H; h++) out[h] = out[h] >= row[h] || out[h] != out[h] ? out[h] : row[h];
    }
  }
}
#if TRAINING
KERNEL void last_step_backward(T* dx /*[L,B,H]?*/, const T* dy /*[B,H]*/, const int* lengths /*[B]?*/, int L, int B, int H) {
  if (!dx) return;
  for (int b = 0; b < B; b++) {
    const int n = realSteps(lengths, b, L);
    if (n == 0) continue;
    for (int h = 0; h < H; h++) dx[((long)(n - 1) * B + b) * H + h] += dy[(long)b * H + h];
  }
}
KERNEL void mean_pool_backward(T* dx /*[L,B,H]?*/, const T* dy /*[B,H]*/, const int* lengths /*[B]?*/, int L, int B, int H) {
  if (!dx) return;
  for (int b = 0; b < B; b++) {
    const int n = realSteps(lengths, b, L);
    for (int t = 0; t < n; t++)
      for (int h = 0; h < H; h++) dx[((long)t * B + b) * H + h] += dy[(long)b * H + h] / (T)n;
  }
}
// The first step that holds the maximum gets the gradient.
KERNEL void max_pool_backward(T* dx /*[L,B,H]?*/, const T* dy /*[B,H]*/, const T* y /*[B,H]*/, const T* x /*[L,B,H]*/, const int* lengths /*[B]?*/, int L, int B, int H) {
  if (!dx) return;
  for (int b = 0; b < B; b++) {
    const int n = realSteps(lengths, b, L);
    for (int h = 0; h < H; h++)
      for (int t = 0; t < n; t++) {
        const long i = ((long)t * B + b) * H + h;
        if (x[i] != y[(long)b * H + h]) continue;
        dx[i] += dy[(long)b * H + h];
        break;
      }
  }
}
#endif
