// Rows of a table chosen by number.
#pragma once
#include "abi.h"

// ids[i], for an error to name.
KERNEL int int_at(const int* ids /*[N]*/, int i) { return ids[i]; }

// y[n] = weight[ids[n]]. Returns -1, or the place of the first id outside 0..V−1 (then nothing is written).
KERNEL int embedding_forward(T* y /*[N,E]*/, const int* ids /*[N]*/, const T* weight /*[V,E]*/, int N, int V, int E) {
  for (int n = 0; n < N; n++)
    if ((u32)ids[n] >= (u32)V) return n;
  for (int n = 0; n < N; n++)
    for (int e = 0; e < E; e++) y[(long)n * E + e] = weight[(long)ids[n] * E + e];
  return -1;
}
#if TRAINING
// dweight[ids[n]] += dy[n], n upwards; the row `padding` is left alone (-1: none).
KERNEL void embedding_backward(T* dweight /*[V,E]?*/, const T* dy /*[N,E]*/, const int* ids /*[N]*/, int N, int E, int padding) {
  if (!dweight) return;
  for (int n = 0; n < N; n++) {
    if (ids[n] == padding) continue;
    for (int e = 0; e < E; e++) dweight[(long)ids[n] * E + e] += dy[(long)n * E + e];
  }
}
#endif
