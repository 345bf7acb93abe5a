// Losses, each to one number: Σ weight·loss, divided by Σ weight if `mean`. A weight of 0 leaves its element out, whatever it holds.
// `divisor` keeps Σ weight for the way back. Every element is computed and summed in float64, in an order that only N decides. Threads share
// the rows of a cross entropy; the others cost too little.
#pragma once
#include "abi.h"
#if TRAINING
#include "real.h"
#include "reduce.h"
#include "softmax.h"

INLINE double weightAt(const T* weight, int i) { return weight ? weight[i] : 1; }

// y = Σ w·value(i) / Σ w·perElement
template <class F> INLINE void lossForward(T* y, T* divisor, const T* weight, int N, int mean, F value) {
  const double sum = weight ? total(N, [&](int i) { return weight[i] == 0 ? 0 : weight[i] * value(i); }) : total(N, value);
  const double by = !mean ? 1 : weight ? total(N, [&](int i) { return (double)weight[i]; }) : N;
  *y = (T)(by == 0 ? 0 : sum / by);
  if (divisor) *divisor = (T)by;
}
// add(i, dy·w / divisor) for each element that counts
template <class F> INLINE void lossBackward(const T* dy, const T* divisor, const T* weight, int N, F add) {
  const double scale = *divisor == 0 ? 0 : (double)*dy / *divisor;
  for (int i = 0; i < N; i++)
    if (weightAt(weight, i) != 0) add(i, scale * weightAt(weight, i));
}
INLINE double absolute(double x) { return __builtin_fabs(x); }
INLINE double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

// x itself
KERNEL void weighted_mean_forward(T* y /*[1]*/, T* divisor /*[1]?*/, const T* x /*[N]*/, const T* weight /*[N]*/, int N) {
  lossForward(y, divisor, weight, N, 1, [&](int i) { return (double)x[i]; });
}
KERNEL void weighted_mean_backward(T* dx /*[N]?*/, const T* dy /*[1]*/, const T* divisor /*[1]*/, const T* weight /*[N]*/, int N) {
  if (dx) lossBackward(dy, divisor, weight, N, [&](int i, double g) { dx[i] += (T)g; });
}
// (p − t)²
KERNEL void mse_forward(T* y /*[1]*/, T* divisor /*[1]?*/, const T* pred /*[N]*/, const T* target /*[N]*/, const T* weight /*[N]?*/, int N, int mean) {
  lossForward(y, divisor, weight, N, mean, [&](int i) { const double d = (double)pred[i] - target[i]; return d * d; });
}
KERNEL void mse_backward(T* dpred /*[N]?*/, const T* dy /*[1]*/, const T* divisor /*[1]*/, const T* pred /*[N]*/, const T* target /*[N]*/, const T* weight /*[N]?*/, int N) {
  if (dpred) lossBackward(dy, divisor, weight, N, [&](int i, double g) { dpred[i] += (T)(g * 2 * ((double)pred[i] - target[i])); });
}
// |p − t|; its slope at 0 is 0
KERNEL void mae_forward(T* y /*[1]*/, T* divisor /*[1]?*/, const T* pred /*[N]*/, const T* target /*[N]*/, const T* weight /*[N]?*/, int N, int mean) {
  lossForward(y, divisor, weight, N, mean, [&](int i) { return absolute((double)pred[i] - target[i]); });
}
KERNEL void mae_backward(T* dpred /*[N]?*/, const T* dy /*[1]*/, const T* divisor /*[1]*/, const T* pred /*[N]*/, const T* target /*[N]*/, const T* weight /*[N]?*/, int N) {
  if (dpred) lossBackward(dy, divisor, weight, N, [&](int i, double g) { dpred[i] += (T)(g * sign((double)pred[i] - target[i])); });
}
// ½ d² up to |d| = delta, delta·(|d| − ½ delta) beyond
KERNEL void huber_forward(T* y /*[1]*/, T* divisor /*[1]?*/, const T* pred /*[N]*/, const T* target /*[N]*/, const T* weight /*[N]?*/, int N, int mean, double delta) {
  lossForward(y, divisor, weight, N, mean, [&](int i) {
    const double d = absolute((double)pred[i] - target[i]);
    return d <= delta ? 0.5 * d * d : delta * (d - 0.5 * delta);
  });
}
KERNEL void huber_backward(T* dpred /*[N]?*/, const T* dy /*[1]*/, const T* divisor /*[1]*/, const T* pred /*[N]*/, const T* target /*[N]*/, const T* weight /*[N]?*/, int N, double delta) {
  if (dpred) lossBackward(dy, divisor, weight, N, [&](int i, double g) {
    const double d = (double)pred[i] - target[i];
    dpred[i] += (T)(g * (absolute(d) <= delta ? d : delta * sign(d)));
  });
}
// Mean over the quantiles q of max(q·(t − p), (q − 1)·(t − p)); its slope at t = p is 0
KERNEL void quantile_forward(T* y /*[1]*/, T* divisor /*[1]?*/, const T* pred /*[N,Q]*/, const T* target /*[N]*/, const T* quantiles /*[Q]*/, const T* weight /*[N]?*/, int N, int Q, int mean) {
  lossForward(y, divisor, weight, N, mean, [&](int i) {
    double sum = 0;
    for (int k = 0; k < Q; k++) {
      const double d = (double)target[i] - pred[i * Q + k];
      sum += d > 0 ? quantiles[k] * d : ((double)quantiles[k] - 1) * d;
    }
    return sum / Q;
  });
}
KERNEL void quantile_backward(T* dpred /*[N,Q]?*/, const T* dy /*[1]*/, const T* divisor /*[1]*/, const T* pred /*[N,Q]*/, const T* target /*[N]*/, const T* quantiles /*[Q]*/, const T* weight /*[N]?*/, int N, int Q) {
  if (dpred) lossBackward(dy, divisor, weight, N, [&](int i, double g) {
    for (int k = 0; k < Q; k++) {
      const double d = (double)target[i] - pred[i * Q + k];
      dpred[i * Q + k] += (T)(g / Q * (d > 0 ? -(double)quantiles[k] : d < 0 ? 1 - (double)quantiles[k] : 0));
    }
  });
}

constexpr double HALF_LN_2PI = 0.91893853320467274178, HALF_LN_PI = 0.57236494292470008707;

// −ln N(t; m, s²), pred = (m, raw), s = softplus(raw) + floor
KERNEL void gaussian_nll_forward(T* y /*[1]*/, T* divisor /*[1]?*/, const T* pred /*[N,2]*/, const T* target /*[N]*/, const T* weight /*[N]?*/, int N, int mean, double floor) {
  lossForward(y, divisor, weight, N, mean, [&](int i) {
    const double s = realSoftplus(pred[2 * i + 1]) + floor, z = ((double)target[i] - pred[2 * i]) / s;
    return realLog(s) + 0.5 * z * z + HALF_LN_2PI;
  });
}
KERNEL void gaussian_nll_backward(T* dpred /*[N,2]?*/, const T* dy /*[1]*/, const T* divisor /*[1]*/, const T* pred /*[N,2]*/, const T* target /*[N]*/, const T* weight /*[N]?*/, int N, double floor) {
  if (dpred) lossBackward(dy, divisor, weight, N, [&](int i, double g) {
    const double s = realSoftplus(pred[2 * i + 1]) + floor, z = ((double)target[i] - pred[2 * i]) / s;
    dpred[2 * i] -= (T)(g * z / s);
    dpred[2 * i + 1] += (T)(g * (1 - z * z) / s * realSigmoid(pred[2 * i + 1]));
  });
}
// −ln of Student's t density, pred = (m, raw scale, raw freedom), s = softplus(raw scale) + floor, v = 2 + softplus(raw freedom)
KERNEL void student_t_nll_forward(T* y /*[1]*/, T* divisor /*[1]?*/, const T* pred /*[N,3]*/, const T* target /*[N]*/, const T* weight /*[N]?*/, int N, int mean, double floor) {
  lossForward(y, divisor, weight, N, mean, [&](int i) {
    const T* p = pred + 3 * i;
    const double s = realSoftplus(p[1]) + floor, v = 2 + realSoftplus(p[2]), z = ((double)target[i] - p[0]) / s;
    double slope;
    return 0.5 * realLog(v) + HALF_LN_PI + realLog(s) - halfStepOfLogGamma(0.5 * v, &slope) + 0.5 * (v + 1) * realLog1p(z * z / v);
  });
}
KERNEL void student_t_nll_backward(T* dpred /*[N,3]?*/, const T* dy /*[1]*/, const T* divisor /*[1]*/, const T* pred /*[N,3]*/, const T* target /*[N]*/, const T* weight /*[N]?*/, int N, double floor) {
  if (dpred) lossBackward(dy, divisor, weight, N, [&](int i, double g) {
    const T* p = pred + 3 * i;
    const double s = realSoftplus(p[1]) + floor, v = 2 + realSoftplus(p[2]), z = ((double)target[i] - p[0]) / s;
    const double q = z * z / v, pull = (v + 1) / (v + z * z);  // pull: how much of the Gaussian's slope is left
    double slope;
    halfStepOfLogGamma(0.5 * v, &slope);
    dpred[3 * i] -= (T)(g * pull * z / s);
    dpred[3 * i + 1] += (T)(g * (1 - pull * z * z) / s * realSigmoid(p[1]));
    dpred[3 * i + 2] += (T)(g * 0.5 * (1 / v - slope + realLog1p(q) - pull * q) * realSigmoid(p[2]));
  });
}

// −(f·t·ln σ(x) + (1 − t)·ln(1 − σ(x))), f = positive[c] where given
KERNEL void bce_with_logits_forward(T* y /*[1]*/, T* divisor /*[1]?*/, const T* logits /*[N,C]*/, const T* target /*[N,C]*/, const T* positive /*[C]?*/, const T* weight /*[N,C]?*/, int N, int C, int mean) {
  lossForward(y, divisor, weight, N * C, mean, [&](int i) {
    const double x = logits[i], t = target[i], f = positive ? positive[i % C] : 1;
    const double tail = realLog1p(realExp(-absolute(x)));  // softplus(±x) = max(±x, 0) + tail
    return f * t * ((x < 0 ? -x : 0) + tail) + (1 - t) * ((x > 0 ? x : 0) + tail);
  });
}
KERNEL void bce_with_logits_backward(T* dlogits /*[N,C]?*/, const T* dy /*[1]*/, const T* divisor /*[1]*/, const T* logits /*[N,C]*/, const T* target /*[N,C]*/, const T* positive /*[C]?*/, const T* weight /*[N,C]?*/, int N, int C) {
  if (dlogits) lossBackward(dy, divisor, weight, N * C, [&](int i, double g) {
    const double x = logits[i], t = target[i], f = positive ? positive[i % C] : 1;
    dlogits[i] += (T)(g * ((1 - t) * realSigmoid(x) - f * t * realSigmoid(-x)));
  });
}

constexpr int EXP_OPERATIONS = 400; // what a float64 e^x costs in the time that a product takes for so many

INLINE double classWeightAt(const T* classWeight, int c) { return classWeight ? classWeight[c] : 1; }

// With p = softmax(logits): −(1 − s)·w[t]·ln p[t] − s/V·Σ_c w[c]·ln p[c], s = smoothing, w = classWeight; the mean divides by Σ weight·w[t] (PyTorch).
// `normal` keeps ln Σ exp(x − max) of each row, which unlike ln Σ exp x loses nothing in float32 however large the logits are. Returns -1, or the first row whose target is neither `ignore` nor in 0..V−1 (then nothing is written).
KERNEL int cross_entropy_forward(T* y /*[1]*/, T* divisor /*[1]?*/, T* normal /*[N]?*/, const T* logits /*[N,V]*/, const int* target /*[N]*/, const T* classWeight /*[V]?*/, const T* weight /*[N]?*/, int N, int V, int mean, double smoothing, int ignore, Team* team) {
  for (int n = 0; n < N; n++)
    if (target[n] != ignore && (u32)target[n] >= (u32)V) return n;
  struct Sums {
    double loss, weight;
  } pieces[PIECES];
  const int size = max(1, (N + PIECES - 1) / PIECES), count = (N + size - 1) / size;
  together(team, partsNow(team, i64(N) * V * EXP_OPERATIONS, count), [&](const Part& part) {
    const auto [from, to] = part.of(count);
    for (int p = from; p < to; p++) {
      Sums sums{0, 0};
      for (int n = p * size; n < min(N, (p + 1) * size); n++) {
        const double w = weightAt(weight, n);
        if (target[n] == ignore || w == 0) continue;
        const T* x = logits + (long)n * V;
        const double top = rowMax(x, V), rest = realLog(total(V, [&](int c) { return realExp(x[c] - top); })), lse = top + rest;
        if (normal) normal[n] = (T)rest;
        double loss = (1 - smoothing) * classWeightAt(classWeight, target[n]) * (lse - x[target[n]]);
        if (smoothing > 0) loss += smoothing / V * total(V, [&](int c) { return classWeightAt(classWeight, c) * (lse - x[c]); });
        sums.loss += w * loss;
        sums.weight += w * classWeightAt(classWeight, target[n]);
      }
      pieces[p] = sums;
    }
  });
  double sum = 0, by = 0;
  for (int p = 0; p < count; p++) {
    sum += pieces[p].loss;
    by += pieces[p].weight;
  }
  if (!mean) by = 1;
  *y = (T)(by == 0 ? 0 : sum / by);
  if (divisor) *divisor = (T)by;
  return -1;
}
KERNEL void cross_entropy_backward(T* dlogits /*[N,V]?*/, const T* dy /*[1]*/, const T* divisor /*[1]*/, const T* normal /*[N]*/, const T* logits /*[N,V]*/, const int* target /*[N]*/, const T* classWeight /*[V]?*/, const T* weight /*[N]?*/, int N, int V, double smoothing, int ignore, Team* team) {
  if (!dlogits || *divisor == 0) return;
  const double scale = (double)*dy / *divisor;
  const double all = smoothing > 0 ? total(V, [&](int c) { return classWeightAt(classWeight, c); }) : 0;
  together(team, partsNow(team, i64(N) * V * EXP_OPERATIONS, N), [&](const Part& part) {
    const auto [from, to] = part.of(N);
    for (int n = from; n < to; n++) {
      const double g = scale * weightAt(weight, n);
      if (target[n] == ignore || weightAt(weight, n) == 0) continue;
      const T* x = logits + (long)n * V;
      T* d = dlogits + (long)n * V;
      const double here = (1 - smoothing) * classWeightAt(classWeight, target[n]), mass = here + smoothing / V * all;
      const double top = rowMax(x, V);
      for (int c = 0; c < V; c++) {
        const double p = realExp(x[c] - top - normal[n]);
        d[c] += (T)(g * (mass * p - (smoothing > 0 ? smoothing / V * classWeightAt(classWeight, c) : 0)));
      }
      d[target[n]] -= (T)(g * here);
    }
  });
}
#endif
