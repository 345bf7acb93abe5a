// Softmax and its logarithm over the last axis, shifted by the row's maximum so that no exponential overflows.
#pragma once
#include "abi.h"
#include "vec.h"

INLINE T rowMax(const T* x, int C) {
  T top = x[0];
  for (int c = 1; c < C; c++) top = x[c] > top ? x[c] : top;
  return top;
}

// y = exp(x − max) / Σ exp(x − max)
KERNEL void softmax_forward(T* y /*[N,C]*/, const T* x /*[N,C]*/, int N, int C) {
  for (int n = 0; n < N; n++) {
    const T* in = x + n * C;
    T* out = y + n * C;
    const V top = splat(rowMax(in, C));
    eachVector(C, [&](int c, int m) ALWAYS { store(out + c, exp(load(in + c, m) - top), m); });
    V sum = {};
    eachVector(C, [&](int c, int m) ALWAYS { sum += load(out + c, m); });
    const T s = total(sum);
    for (int c = 0; c < C; c++) out[c] /= s;
  }
}
// y = x − max − ln Σ exp(x − max)
KERNEL void log_softmax_forward(T* y /*[N,C]*/, const T* x /*[N,C]*/, int N, int C) {
  for (int n = 0; n < N; n++) {
    const T* in = x + n * C;
    T* out = y + n * C;
    const T top = rowMax(in, C);
    eachVector(C, [&](int c, int m) ALWAYS { store(out + c, exp(load(in + c, m) - splat(top)), m); });
    V sum = {};
    eachVector(C, [&](int c, int m) ALWAYS { sum += load(out + c, m); });
    T lanes[W];
    store(lanes, log(splat(total(sum))));
    for (int c = 0; c < C; c++) out[c] = (in[c] - top) - lanes[0];
  }
}
#if TRAINING
// dx += y·(dy − Σ dy·y)
KERNEL void softmax_backward(T* dx /*[N,C]?*/, const T* dy /*[N,C]*/, const T* y /*[N,C]*/, int N, int C) {
  if (!dx) return;
  for (int n = 0; n < N; n++) {
    const T *g = dy + n * C, *out = y + n * C;
    V sum = {};
    eachVector(C, [&](int c, int m) ALWAYS { sum += load(g + c, m) * load(out + c, m); });
    const T s = total(sum);
    for (int c = 0; c < C; c++) dx[n * C + c] += out[c] * (g[c] - s);
  }
}
// dx += dy − exp(y)·Σ dy
KERNEL void log_softmax_backward(T* dx /*[N,C]?*/, const T* dy /*[N,C]*/, const T* y /*[N,C]*/, int N, int C) {
  if (!dx) return;
  for (int n = 0; n < N; n++) {
    const T *g = dy + n * C, *out = y + n * C;
    V sum = {};
    eachVector(C, [&](int c, int m) ALWAYS { sum += load(g + c, m); });
    const V s = splat(total(sum));
    T* d = dx + n * C;
    eachVector(C, [&](int c, int m) ALWAYS { store(d + c, load(d + c, m) + load(g + c, m) - exp(load(out + c, m)) * s, m); });
  }
}
#endif
