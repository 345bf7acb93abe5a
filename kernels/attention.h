// Attention: every query of an item reads that item's memory, a mean of its L values weighed by softmax over scores. A decoder's whole
// sequence is Q queries an item, one step of it is Q = 1. Weights beyond an item's length are exactly 0, and a length of 0 reads zeros.
// Backward computes tanh again: kept, it would be the largest array of a translator. Threads share the items.
#pragma once
#include "gemm.h"
#include "pool.h"
#include "softmax.h"

struct AttentionSizes {
  int Q, L, B, A, H;
  // A tanh counts as much as twelve multiply-adds.
  i64 operations(bool tanh) const { return i64(Q) * L * B * ((tanh ? 24LL : 2LL) * A + 2LL * H); }
};

// y[h] (+)= Σ_i w[i·wStep] · x[i·xStep + h] over i < n
NOINLINE void weigh(T* y, bool add, const T* w, i64 wStep, const T* x, i64 xStep, int n, int H) {
  int h = 0;
  NOUNROLL for (; h + 4 * W <= H; h += 4 * W) {
    V sum[4];
    UNROLL for (int j = 0; j < 4; j++) sum[j] = add ? load(y + h + j * W) : V{};
    NOUNROLL for (int i = 0; i < n; i++) {
      const V left = splat(w[i * wStep]);
      UNROLL for (int j = 0; j < 4; j++) sum[j] = fma_(left, load(x + i * xStep + h + j * W), sum[j]);
    }
    UNROLL for (int j = 0; j < 4; j++) store(y + h + j * W, sum[j]);
  }
  eachVector(H - h, [&](int j, int m) ALWAYS {
    V sum = add ? load(y + h + j, m) : V{};
    NOUNROLL for (int i = 0; i < n; i++) sum = fma_(splat(w[i * wStep]), load(x + i * xStep + h + j, m), sum);
    store(y + h + j, sum, m);
  });
}

// e[i] = Σ_a q[a] · x[i·step + a] over i < n
NOINLINE void dots(T* e, const T* q, const T* x, i64 step, int n, int A) {
  for (int i = 0; i < n; i++) {
    V sum = {};
    eachVector(A, [&](int a, int m) ALWAYS { sum = fma_(load(q + a, m), load(x + i * step + a, m), sum); });
    e[i] = total(sum);
  }
}

// e = softmax(e) over n > 0 numbers
NOINLINE void softmaxRow(T* e, int n) {
  const V top = splat(rowMax(e, n));
  V sum = {};
  eachVector(n, [&](int s, int m) ALWAYS { store(e + s, exp(load(e + s, m) - top), m); });
  eachVector(n, [&](int s, int m) ALWAYS { sum += load(e + s, m); });
  const T by = total(sum);
  for (int s = 0; s < n; s++) e[s] /= by;
}

// Weights and contexts from score(e, q, b, n), which writes the scores of one query on the n real steps of item b.
template <class Score> INLINE void attend(T* context, T* weights, const T* values, const int* lengths, const AttentionSizes& z, Team* team, int parts, Score score) {
  together(team, parts, [&](const Part& part) {
    const auto [from, to] = part.of(z.B);
    for (int b = from; b < to; b++) {
      const int n = realSteps(lengths, b, z.L);
      for (int q = 0; q < z.Q; q++) {
        const i64 row = i64(q) * z.B + b;
        T* w = weights + row * z.L;
        if (n > 0) {
          score(w, q, b, n);
          softmaxRow(w, n);
        }
        for (int s = n; s < z.L; s++) w[s] = 0;
        weigh(context + row * z.H, false, w, 1, values + i64(b) * z.H, i64(z.B) * z.H, n, z.H);
      }
    }
  });
}

// context = Σ_s weights[s]·values[s], weights = softmax_s(v · tanh(query + keys[s]))
KERNEL void additive_attention_forward(T* context /*[Q,B,H]*/, T* weights /*[Q,B,L]*/, const T* query /*[Q,B,A]*/, const T* keys /*[L,B,A]*/, const T* v /*[A]*/, const T* values /*[L,B,H]*/, const int* lengths /*[B]?*/, int Q, int L, int B, int A, int H, Team* team) {
  const AttentionSizes z{Q, L, B, A, H};
  attend(context, weights, values, lengths, z, team, partsNow(team, z.operations(true), B), [&](T* e, int q, int b, int n) ALWAYS {
    const T* x = query + (i64(q) * B + b) * A;
    for (int s = 0; s < n; s++) {
      const T* k = keys + (i64(s) * B + b) * A;
      V sum = {};
      eachVector(A, [&](int a, int m) ALWAYS { sum = fma_(load(v + a, m), tanh(load(x + a, m) + load(k + a, m)), sum); });
      e[s] = total(sum);
    }
  });
}
// the same with weights = softmax_s(scale · query · keys[s])
KERNEL void dot_attention_forward(T* context /*[Q,B,H]*/, T* weights /*[Q,B,L]*/, const T* query /*[Q,B,A]*/, const T* keys /*[L,B,A]*/, const T* values /*[L,B,H]*/, const int* lengths /*[B]?*/, T scale, int Q, int L, int B, int A, int H, Team* team) {
  const AttentionSizes z{Q, L, B, A, H};
  attend(context, weights, values, lengths, z, team, partsNow(team, z.operations(false), B), [&](T* e, int q, int b, int n) ALWAYS {
    dots(e, query + (i64(q) * B + b) * A, keys + i64(b) * A, i64(B) * A, n, A);
    for (int s = 0; s < n; s++) e[s] *= scale;
  });
}

#if TRAINING
// One part's own in backward: the slopes of one item's scores, its keys and their gradient W columns at a time.
struct AttentionWork {
  T *de, *keys, *dkeys;
  AttentionWork(Scratch& s, const AttentionSizes& z) {
    de = s.take(i64(z.Q) * z.L);
    keys = s.take(i64(z.L) * W);
    dkeys = s.take(i64(z.L) * W);
  }
  AttentionWork(const Scratch& shared, const AttentionSizes& z, const Part& part) {
    Scratch own = shared.part(part.index, size(z));
    *this = AttentionWork(own, z);
  }
  static i64 size(const AttentionSizes& z) {
    Scratch s{nullptr};
    AttentionWork(s, z);
    return s.used;
  }
};
// Elements of scratch for the two backward kernels.
KERNEL int attention_work(int Q, int L, int B, int A, int H, Team* team) {
  const AttentionSizes z{Q, L, B, A, H};
  Scratch s{nullptr};
  s.take(i64(B) * A); // each item's part of dv
  return elements(s.used + mostParts(team, 2 * z.operations(true), B) * AttentionWork::size(z));
}

// Adds into dvalues and leaves in de[q·L + s] the slopes of item b's scores.
INLINE void attendBackward(T* de, T* dvalues, const T* dcontext, const T* dweights, const T* weights, const T* values, int b, int n, const AttentionSizes& z) {
  const T* w = weights + i64(b) * z.L;
  const i64 step = i64(z.B) * z.L, across = i64(z.B) * z.H;
  for (int q = 0; q < z.Q; q++, w += step) {
    T* e = de + i64(q) * z.L;
    if (dcontext) dots(e, dcontext + q * across + i64(b) * z.H, values + i64(b) * z.H, across, n, z.H);
    else fillRow(e, 0, n);
    if (dweights) addRow(e, dweights + (w - weights), n);
    V sum = {};
    eachVector(n, [&](int s, int m) ALWAYS { sum = fma_(load(e + s, m), load(w + s, m), sum); });
    const V mean = splat(total(sum));
    eachVector(n, [&](int s, int m) ALWAYS { store(e + s, load(w + s, m) * (load(e + s, m) - mean), m); });
  }
  if (dvalues && dcontext)
    for (int s = 0; s < n; s++) weigh(dvalues + s * across + i64(b) * z.H, true, weights + i64(b) * z.L + s, step, dcontext + i64(b) * z.H, across, z.Q, z.H);
}

KERNEL void additive_attention_backward(T* dquery /*[Q,B,A]?*/, T* dkeys /*[L,B,A]?*/, T* dv /*[A]?*/, T* dvalues /*[L,B,H]?*/, const T* dcontext /*[Q,B,H]?*/, const T* dweights /*[Q,B,L]?*/, const T* weights /*[Q,B,L]*/, const T* query /*[Q,B,A]*/, const T* keys /*[L,B,A]*/, const T* v /*[A]*/, const T* values /*[L,B,H]*/, const int* lengths /*[B]?*/, T* work, int Q, int L, int B, int A, int H, Team* team) {
  const AttentionSizes z{Q, L, B, A, H};
  Scratch scratch{work};
  T* dvs = scratch.take(i64(B) * A); // each item's part of dv
  const i64 across = i64(B) * A;
  together(team, partsNow(team, 2 * z.operations(true), B), [&](const Part& part) {
    const AttentionWork own(scratch, z, part);
    const auto [from, to] = part.of(B);
    for (int b = from; b < to; b++) {
      const int n = realSteps(lengths, b, L);
      attendBackward(own.de, dvalues, dcontext, dweights, weights, values, b, n, z);
      eachVector(A, [&](int a, int m) ALWAYS {
        const i64 at = i64(b) * A + a;
        for (int s = 0; s < n; s++) {
          store(own.keys + s * W, load(keys + s * across + at, m));
          store(own.dkeys + s * W, V{});
        }
        const V vector = load(v + a, m);
        V slope = {};
        for (int q = 0; q < Q; q++) {
          const V x = load(query + q * across + at, m);
          const T* e = own.de + i64(q) * L;
          V dx = {};
          for (int s = 0; s < n; s++) {
            const V t = tanh(x + load(own.keys + s * W)), by = splat(e[s]);
            const V d = by * vector * (splat(1) - t * t);
            slope = fma_(by, t, slope);
            dx += d;
            store(own.dkeys + s * W, load(own.dkeys + s * W) + d);
          }
          if (dquery) store(dquery + q * across + at, load(dquery + q * across + at, m) + dx, m);
        }
        if (dkeys)
          for (int s = 0; s < n; s++) store(dkeys + s * across + at, load(dkeys + s * across + at, m) + load(own.dkeys + s * W), m);
        store(dvs + at, slope, m);
      });
    }
    if (!dv) return;
    part.meet();
    const auto [first, last] = part.of(A, W);
    for (int b = 0; b < B; b++) addRow(dv + first, dvs + i64(b) * A + first, last - first);
  });
}
KERNEL void dot_attention_backward(T* dquery /*[Q,B,A]?*/, T* dkeys /*[L,B,A]?*/, T* dvalues /*[L,B,H]?*/, const T* dcontext /*[Q,B,H]?*/, const T* dweights /*[Q,B,L]?*/, const T* weights /*[Q,B,L]*/, const T* query /*[Q,B,A]*/, const T* keys /*[L,B,A]*/, const T* values /*[L,B,H]*/, const int* lengths /*[B]?*/, T scale, T* work, int Q, int L, int B, int A, int H, Team* team) {
  const AttentionSizes z{Q, L, B, A, H};
  Scratch scratch{work};
  scratch.take(i64(B) * A);
  const i64 across = i64(B) * A;
  together(team, partsNow(team, 2 * z.operations(false), B), [&](const Part& part) {
    const AttentionWork own(scratch, z, part);
    const auto [from, to] = part.of(B);
    for (int b = from; b < to; b++) {
      const int n = realSteps(lengths, b, L);
      attendBackward(own.de, dvalues, dcontext, dweights, weights, values, b, n, z);
      for (i64 i = 0; i < i64(Q) * L; i++) own.de[i] *= scale;
      const i64 at = i64(b) * A;
      if (dquery)
        for (int q = 0; q < Q; q++) weigh(dquery + q * across + at, true, own.de + i64(q) * L, 1, keys + at, across, n, A);
      if (dkeys)
        for (int s = 0; s < n; s++) weigh(dkeys + s * across + at, true, own.de + s, L, query + at, across, Q, A);
    }
  });
}
#endif
