// Number by number: sums, products, activations, and rows or items broadcast over a tensor.
#pragma once
#include "abi.h"
#include "vec.h"

// y[i] = f(x[i]), a vector at a time
template <class F> INLINE void mapVectors(T* y, const T* x, int N, F f) {
  eachVector(N, [&](int i, int m) ALWAYS { store(y + i, f(load(x + i, m)), m); });
}
// ln(1 + eˣ). Where e^−|x| = e is tiny, ln(1 + e) is e; elsewhere 1 + e loses at most the last bit of a number near ln 2.
INLINE V softplus(V x) {
  const V e = exp(-absolute(x)), u = splat(1) + e, d = u - splat(1);
  const V tail = select(d == splat(0), e, log(u) * (e / select(d == splat(0), splat(1), d)));  // Kahan's log1p
  return select(x > splat(0), x, select(x != x, x, splat(0))) + tail;
}

KERNEL void add_forward(T* y /*[N]*/, const T* a /*[N]*/, const T* b /*[N]*/, int N) {
  for (int i = 0; i < N; i++) y[i] = a[i] + b[i];
}
KERNEL void sub_forward(T* y /*[N]*/, const T* a /*[N]*/, const T* b /*[N]*/, int N) {
  for (int i = 0; i < N; i++) y[i] = a[i] - b[i];
}
KERNEL void mul_forward(T* y /*[N]*/, const T* a /*[N]*/, const T* b /*[N]*/, int N) {
  for (int i = 0; i < N; i++) y[i] = a[i] * b[i];
}
// y = scale·x + shift
KERNEL void affine_forward(T* y /*[N]*/, const T* x /*[N]*/, int N, double scale, double shift) {
  const T s = (T)scale, t = (T)shift;
  for (int i = 0; i < N; i++) y[i] = s * x[i] + t;
}
// y = a + w·(b − a)
KERNEL void lerp_forward(T* y /*[N]*/, const T* a /*[N]*/, const T* b /*[N]*/, const T* w /*[N]*/, int N) {
  for (int i = 0; i < N; i++) y[i] = a[i] + w[i] * (b[i] - a[i]);
}
// y = max(x, 0); NaN stays NaN
KERNEL void relu_forward(T* y /*[N]*/, const T* x /*[N]*/, int N) {
  for (int i = 0; i < N; i++) y[i] = x[i] < 0 ? 0 : x[i];
}
KERNEL void tanh_forward(T* y /*[N]*/, const T* x /*[N]*/, int N) {
  mapVectors(y, x, N, [](V v) ALWAYS { return tanh(v); });
}
KERNEL void sigmoid_forward(T* y /*[N]*/, const T* x /*[N]*/, int N) {
  mapVectors(y, x, N, [](V v) ALWAYS { return sigmoid(v); });
}
KERNEL void exp_forward(T* y /*[N]*/, const T* x /*[N]*/, int N) {
  mapVectors(y, x, N, [](V v) ALWAYS { return exp(v); });
}
KERNEL void softplus_forward(T* y /*[N]*/, const T* x /*[N]*/, int N) {
  mapVectors(y, x, N, [](V v) ALWAYS { return softplus(v); });
}
// y[n] = x[n] + b
KERNEL void add_rows_forward(T* y /*[N,C]*/, const T* x /*[N,C]*/, const T* b /*[C]*/, int N, int C) {
  for (int n = 0; n < N; n++)
    for (int c = 0; c < C; c++) y[n * C + c] = x[n * C + c] + b[c];
}
// y[n,b,k] = x[n,b,k]·s[b] + t[b]
KERNEL void scale_shift_forward(T* y /*[N,B,K]*/, const T* x /*[N,B,K]*/, const T* s /*[B]?*/, const T* t /*[B]?*/, int N, int B, int K) {
  for (int n = 0; n < N; n++)
    for (int b = 0; b < B; b++) {
      const int i = (n * B + b) * K;
      const T scale = s ? s[b] : 1, shift = t ? t[b] : 0;
      for (int k = 0; k < K; k++) y[i + k] = x[i + k] * scale + shift;
    }
}
// y[k,b] = a[b] + e[k]
KERNEL void add_outer_forward(T* y /*[K,B,D]*/, const T* a /*[B,D]*/, const T* e /*[K,D]*/, int K, int B, int D) {
  for (int k = 0; k < K; k++)
    for (int b = 0; b < B; b++)
      for (int d = 0; d < D; d++) y[(k * B + b) * D + d] = a[b * D + d] + e[k * D + d];
}

#if TRAINING
KERNEL void mul_backward(T* da /*[N]?*/, T* db /*[N]?*/, const T* dy /*[N]*/, const T* a /*[N]*/, const T* b /*[N]*/, int N) {
  if (da)
    for (int i = 0; i < N; i++) da[i] += dy[i] * b[i];
  if (db)
    for (int i = 0; i < N; i++) db[i] += dy[i] * a[i];
}
KERNEL void lerp_backward(T* da /*[N]?*/, T* db /*[N]?*/, T* dw /*[N]?*/, const T* dy /*[N]*/, const T* a /*[N]*/, const T* b /*[N]*/, const T* w /*[N]*/, int N) {
  if (da)
    for (int i = 0; i < N; i++) da[i] += dy[i] * (1 - w[i]);
  if (db)
    for (int i = 0; i < N; i++) db[i] += dy[i] * w[i];
  if (dw)
    for (int i = 0; i < N; i++) dw[i] += dy[i] * (b[i] - a[i]);
}
KERNEL void relu_backward(T* dx /*[N]?*/, const T* dy /*[N]*/, const T* y /*[N]*/, int N) {
  if (dx)
    for (int i = 0; i < N; i++) dx[i] += y[i] > 0 ? dy[i] : 0;
}
KERNEL void tanh_backward(T* dx /*[N]?*/, const T* dy /*[N]*/, const T* y /*[N]*/, int N) {
  if (dx)
    for (int i = 0; i < N; i++) dx[i] += dy[i] * ((1 - y[i]) * (1 + y[i]));
}
KERNEL void sigmoid_backward(T* dx /*[N]?*/, const T* dy /*[N]*/, const T* y /*[N]*/, int N) {
  if (dx)
    for (int i = 0; i < N; i++) dx[i] += dy[i] * (y[i] * (1 - y[i]));
}
KERNEL void exp_backward(T* dx /*[N]?*/, const T* dy /*[N]*/, const T* y /*[N]*/, int N) {
  if (dx)
    for (int i = 0; i < N; i++) dx[i] += dy[i] * y[i];
}
KERNEL void softplus_backward(T* dx /*[N]?*/, const T* dy /*[N]*/, const T* x /*[N]*/, int N) {
  if (dx) eachVector(N, [&](int i, int m) ALWAYS { store(dx + i, load(dx + i, m) + load(dy + i, m) * sigmoid(load(x + i, m)), m); });
}
// db += Σ_n dy[n]. (dx is dy itself: axpy.)
KERNEL void add_rows_backward(T* db /*[C]?*/, const T* dy /*[N,C]*/, int N, int C) {
  if (!db) return;
  for (int n = 0; n < N; n++)
    for (int c = 0; c < C; c++) db[c] += dy[n * C + c];
}
KERNEL void scale_shift_backward(T* dx /*[N,B,K]?*/, T* ds /*[B]?*/, T* dt /*[B]?*/, const T* dy /*[N,B,K]*/, const T* x /*[N,B,K]*/, const T* s /*[B]?*/, int N, int B, int K) {
  for (int n = 0; n < N; n++)
    for (int b = 0; b < B; b++) {
      const int i = (n * B + b) * K;
      const T scale = s ? s[b] : 1;
      if (dx)
        for (int k = 0; k < K; k++) dx[i + k] += dy[i + k] * scale;
      if (ds)
        for (int k = 0; k < K; k++) ds[b] += dy[i + k] * x[i + k];
      if (dt)
        for (int k = 0; k < K; k++) dt[b] += dy[i + k];
    }
}
KERNEL void add_outer_backward(T* da /*[B,D]?*/, T* de /*[K,D]?*/, const T* dy /*[K,B,D]*/, int K, int B, int D) {
  for (int k = 0; k < K; k++)
    for (int b = 0; b < B; b++) {
      const T* g = dy + (k * B + b) * D;
      if (da)
        for (int d = 0; d < D; d++) da[b * D + d] += g[d];
      if (de)
        for (int d = 0; d < D; d++) de[k * D + d] += g[d];
    }
}
#endif
