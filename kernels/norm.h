// Layer normalisation, and the mean and deviation of each item of a batch.
#pragma once
#include "abi.h"
#include "reduce.h"

// y = (x − mean) / √(variance + eps) · gain + bias over the last axis; stats = mean and 1/√(variance + eps) of each row
KERNEL void layer_norm_forward(T* y /*[N,H]*/, T* stats /*[N,2]?*/, const T* x /*[N,H]*/, const T* gain /*[H]?*/, const T* bias /*[H]?*/, int N, int H, T eps) {
  for (int n = 0; n < N; n++) {
    const T* in = x + (long)n * H;
    T* out = y + (long)n * H;
    const double mean = total(H, [&](int h) { return (double)in[h]; }) / H;
    const double variance = total(H, [&](int h) { return (in[h] - mean) * (in[h] - mean); }) / H;
    const T m = (T)mean, r = (T)(1 / __builtin_sqrt(variance + eps));
    for (int h = 0; h < H; h++) out[h] = (in[h] - m) * r;
    if (gain)
      for (int h = 0; h < H; h++) out[h] *= gain[h];
    if (bias)
      for (int h = 0; h < H; h++) out[h] += bias[h];
    if (stats) stats[2 * n] = m, stats[2 * n + 1] = r;
  }
}
// mean[b] and deviation[b] = √(variance + eps) of x[·, b, ·], over the elements whose mask is not 0 (none: 0 and 1)
KERNEL void item_moments(T* mean /*[B]*/, T* deviation /*[B]*/, const T* x /*[A,B,K]*/, const T* mask /*[A,B,K]?*/, int A, int B, int K, T eps) {
  for (int b = 0; b < B; b++) {
    double sum = 0, squares = 0;
    int count = 0;
    for (int pass = 0; pass < 2; pass++)
      for (int a = 0; a < A; a++)
        for (int k = 0; k < K; k++) {
          const long i = ((long)a * B + b) * K + k;
          if (mask && mask[i] == 0) continue;
          if (pass == 0) sum += x[i], count++;
          else squares += (x[i] - sum / count) * (x[i] - sum / count);
        }
    mean[b] = count > 0 ? (T)(sum / count) : 0;
    deviation[b] = count > 0 ? (T)__builtin_sqrt(squares / count + eps) : 1;
  }
}
#if TRAINING
KERNEL void layer_norm_backward(T* dx /*[N,H]?*/, T* dgain /*[H]?*/, T* dbias /*[H]?*/, const T* dy /*[N,H]*/, const T* x /*[N,H]*/, const T* gain /*[H]?*/, const T* stats /*[N,2]*/, int N, int H) {
  for (int n = 0; n < N; n++) {
    const T *in = x + (long)n * H, *g = dy + (long)n * H;
    const T m = stats[2 * n], r = stats[2 * n + 1];
    if (dbias)
      for (int h = 0; h < H; h++) dbias[h] += g[h];
    if (dgain)
      for (int h = 0; h < H; h++) dgain[h] += g[h] * ((in[h] - m) * r);
    if (!dx) continue;
    T* out = dx + (long)n * H;
    const T a = (T)(total(H, [&](int h) { return (double)(gain ? g[h] * gain[h] : g[h]); }) / H);
    const T b = (T)(total(H, [&](int h) { return (double)(gain ? g[h] * gain[h] : g[h]) * ((in[h] - m) * r); }) / H);
    for (int h = 0; h < H; h++) out[h] += r * ((gain ? g[h] * gain[h] : g[h]) - a - (in[h] - m) * r * b);
  }
}
#endif
