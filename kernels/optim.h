// Optimizers, one pass over a parameter and its state each, with PyTorch's formulas. Every gradient g is first multiplied by `scale` (what
// clipping by norm found), then clipped to ±`clip` (0: not at all). Coefficients come in float64 and are rounded once, as PyTorch does.
// Threads share the elements.
#pragma once
#include "abi.h"
#include "team.h"
#include "vec.h"
#if TRAINING

constexpr int UPDATE_OPERATIONS = 100; // what an element costs in the time that a product takes for so many: memory decides

// Calls f(i) for every element.
template <class F> INLINE void eachElement(Team* team, int N, const F& f) {
  together(team, partsNow(team, i64(N) * UPDATE_OPERATIONS, N), [&](const Part& part) {
    const F g = f; // a copy that no pointer can reach: only so the compiler makes vectors of it
    const auto [from, to] = part.of(N, 16);
    for (int i = from; i < to; i++) g(i);
  });
}

INLINE T squareRoot(T x) {
  if constexpr (DOUBLE) return __builtin_sqrt(x);
  else return __builtin_sqrtf(x);
}
INLINE T clipped(T g, T scale, T clip) {
  g *= scale;
  if (clip > 0) g = g > clip ? clip : g < -clip ? -clip : g;
  return g;
}

// g += weightDecay·x;  m = momentum·m + (1 − dampening)·g, the first time m = g;  x −= lr·(nesterov ? g + momentum·m : m)
KERNEL void sgd_update(T* x /*[N]*/, T* m /*[N]?*/, const T* g /*[N]*/, int N, double lr, double momentum, double dampening, double weightDecay, int nesterov, int first, double scale, double clip, Team* team) {
  const T rate = (T)lr, mu = (T)momentum, in = first ? 1 : (T)(1 - dampening), decay = (T)weightDecay, s = (T)scale, limit = (T)clip;
  eachElement(team, N, [=](int i) ALWAYS {
    T d = clipped(g[i], s, limit) + decay * x[i];
    if (m) {
      m[i] = first ? d : mu * m[i] + in * d;
      d = nesterov ? d + mu * m[i] : m[i];
    }
    x[i] -= rate * d;
  });
}

// v = α·v + (1 − α)·g²;  d = g / (√v + eps), centered: √(v − a²) with a = α·a + (1 − α)·g;  with momentum m = momentum·m + d, x −= lr·m
KERNEL void rmsprop_update(T* x /*[N]*/, T* v /*[N]*/, T* a /*[N]?*/, T* m /*[N]?*/, const T* g /*[N]*/, int N, double lr, double alpha, double eps, double momentum, double weightDecay, double scale, double clip, Team* team) {
  const T rate = (T)lr, keep = (T)alpha, in = (T)(1 - alpha), e = (T)eps, mu = (T)momentum, decay = (T)weightDecay, s = (T)scale, limit = (T)clip;
  eachElement(team, N, [=](int i) ALWAYS {
    const T d = clipped(g[i], s, limit) + decay * x[i];
    v[i] = keep * v[i] + in * d * d;
    T spread = v[i];
    if (a) {
      a[i] += in * (d - a[i]);
      spread -= a[i] * a[i];
      spread = spread > 0 ? spread : 0;  // rounding can take it below
    }
    T step = d / (squareRoot(spread) + e);
    if (m) step = m[i] = mu * m[i] + step;
    x[i] -= rate * step;
  });
}

// m = β₁·m + (1 − β₁)·g;  v = β₂·v + (1 − β₂)·g²;  x −= lr/correction₁ · m / (√v/√correction₂ + eps), correction = 1 − βᵗ at step t = 1, 2, ….
// weightDecay is added to the gradient (Adam), or shrinks x itself if `decoupled` (AdamW). With `top` (amsgrad) v's running maximum is used.
KERNEL void adam_update(T* x /*[N]*/, T* m /*[N]*/, T* v /*[N]*/, T* top /*[N]?*/, const T* g /*[N]*/, int N, double lr, double beta1, double beta2, double eps, double weightDecay, int decoupled, double correction1, double correction2, double scale, double clip, Team* team) {
  const T rate = (T)(lr / correction1), root = (T)__builtin_sqrt(correction2), e = (T)eps, s = (T)scale, limit = (T)clip;
  const T in1 = (T)(1 - beta1), keep2 = (T)beta2, in2 = (T)(1 - beta2);
  const T decay = decoupled ? 0 : (T)weightDecay, shrink = decoupled ? (T)(1 - lr * weightDecay) : 1;
  eachElement(team, N, [=](int i) ALWAYS {
    const T d = clipped(g[i], s, limit) + decay * x[i];
    m[i] += in1 * (d - m[i]);
    v[i] = keep2 * v[i] + in2 * d * d;
    T big = v[i];
    if (top) big = top[i] = top[i] > big ? top[i] : big;
    x[i] = x[i] * shrink - rate * m[i] / (squareRoot(big) / root + e);
  });
}

// v += g²;  x −= lr·g / (√v + eps)
KERNEL void adagrad_update(T* x /*[N]*/, T* v /*[N]*/, const T* g /*[N]*/, int N, double lr, double eps, double weightDecay, double scale, double clip, Team* team) {
  const T rate = (T)lr, e = (T)eps, decay = (T)weightDecay, s = (T)scale, limit = (T)clip;
  eachElement(team, N, [=](int i) ALWAYS {
    const T d = clipped(g[i], s, limit) + decay * x[i];
    v[i] += d * d;
    x[i] -= rate * d / (squareRoot(v[i]) + e);
  });
}
#endif
