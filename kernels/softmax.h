// Softmax and its logarithm over the last axis, shifted by the row's maximum so that no exponential overflows.
#pragma once
#include "abi.h"
#include "vec.h"

// The largest of C > 0 numbers.
NOINLINE T rowMax(const T* x, int C) {
  T top = x[0];
  int c = 0;
  if (C >= 4 * W) {
    V best[4];
    UNROLL for (int i = 0; i < 4; i++) best[i] = load(x + i * W);
    for (c = 4 * W; c + 4 * W <= C; c += 4 * W) {
      UNROLL for (int i = 0; i < 4; i++) best[i] = atLeast(load(x + c + i * W), best[i]);
    }
    T lanes[W];
    store(lanes, atLeast(atLeast(best[0], best[1]), atLeast(best[2], best[3])));
    for (int i = 0; i < W; i++) top = lanes[i] > top ? lanes[i] : top;
  }
  for (; c < C; c++) top = x[c] > top ? x[c] : top;
  return top;
}

// Σ exp(x − top), and every term in `out` where there is one (x itself will do). Short stretches are summed in T, these in float64.
NOINLINE double sumOfExp(T* out, const T* x, T top, int C) {
  constexpr int STRETCH = 32 * W;
  double sum = 0;
  for (int from = 0; from < C; from += STRETCH) {
    V part = {};
    eachVector(min(STRETCH, C - from), [&](int c, int m) ALWAYS {
      const V e = exp(load(x + from + c, m) - splat(top));
      T lanes[W];
      store(lanes, e);
      part += load(lanes, m); // lanes beyond the row are no terms
      if (out) store(out + from + c, e, m);
    });
    sum += total(part);
  }
  return sum;
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
