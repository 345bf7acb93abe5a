// Rows chosen, summed, masked and ranked: what embeddings of parts of words, beams and dropout over whole rows are made of.
#pragma once
#include "gemm.h"
#include "real.h"
#include "softmax.h"

// y[m] = x[rows[m]]. Returns -1, or the first place whose row is outside 0..N−1 (then nothing is written).
KERNEL int gather_rows_forward(T* y /*[M,H]*/, const T* x /*[N,H]*/, const int* rows /*[M]*/, int M, int N, int H) {
  for (int m = 0; m < M; m++)
    if ((u32)rows[m] >= (u32)N) return m;
  for (int m = 0; m < M; m++) copyRow(y + i64(m) * H, x + i64(rows[m]) * H, H);
  return -1;
}

// y[n] = Σ weight[ids[i]] over offsets[n] ≤ i < offsets[n + 1], divided by their number if `mean`; P = N + 1. Returns -1, the first place whose id is
// outside 0..V−1, or M + the first place where the offsets don't start at 0, fall, or end elsewhere than at M (then nothing is written).
KERNEL int embedding_bag_forward(T* y /*[P-1,E]*/, const int* ids /*[M]*/, const int* offsets /*[P]*/, const T* weight /*[V,E]*/, int M, int P, int V, int E, int mean) {
  for (int p = 0; p < P; p++)
    if (offsets[p] < (p > 0 ? offsets[p - 1] : 0) || (p == 0 && offsets[p] > 0) || offsets[p] > M || (p == P - 1 && offsets[p] < M)) return M + p;
  for (int m = 0; m < M; m++)
    if ((u32)ids[m] >= (u32)V) return m;
  for (int n = 0; n + 1 < P; n++) {
    T* to = y + i64(n) * E;
    const int count = offsets[n + 1] - offsets[n];
    fillRow(to, 0, E);
    for (int i = offsets[n]; i < offsets[n + 1]; i++) addRow(to, weight + i64(ids[i]) * E, E);
    if (mean && count > 1)
      for (int e = 0; e < E; e++) to[e] /= T(count);
  }
  return -1;
}

// y[l] = x[l] ∘ mask
KERNEL void mask_steps_forward(T* y /*[L,N]*/, const T* x /*[L,N]*/, const T* mask /*[N]*/, int L, int N) {
  for (int l = 0; l < L; l++)
    eachVector(N, [&](int i, int m) ALWAYS { store(y + i64(l) * N + i, load(x + i64(l) * N + i, m) * load(mask + i, m), m); });
}
// y[n] = scale[n]·x[n]
KERNEL void scale_rows_forward(T* y /*[N,H]*/, const T* x /*[N,H]*/, const T* scale /*[N]*/, int N, int H) {
  for (int n = 0; n < N; n++) {
    const V by = splat(scale[n]);
    eachVector(H, [&](int h, int m) ALWAYS { store(y + i64(n) * H + h, load(x + i64(n) * H + h, m) * by, m); });
  }
}

// The K largest of each row, largest first and of equals the lower number first, with their logarithms of softmax.
KERNEL void top_k(int* ids /*[N,K]*/, T* values /*[N,K]*/, const T* logits /*[N,V]*/, int N, int V, int K) {
  constexpr int STRETCH = 256; // passed over when none of it is large enough
  for (int n = 0; n < N; n++) {
    const T* x = logits + i64(n) * V;
    int* id = ids + i64(n) * K;
    T* best = values + i64(n) * K;
    int found = 0;
    for (int from = 0; from < V; from += STRETCH) {
      const int to = min(from + STRETCH, V);
      if (found == K && !(rowMax(x + from, to - from) > best[K - 1])) continue;
      for (int c = from; c < to; c++) {
        if (found == K && !(x[c] > best[K - 1])) continue;
        int at = found < K ? found++ : K - 1;
        for (; at > 0 && x[c] > best[at - 1]; at--) {
          best[at] = best[at - 1];
          id[at] = id[at - 1];
        }
        best[at] = x[c];
        id[at] = c;
      }
    }
    const T top = best[0];
    const double rest = realLog(sumOfExp(nullptr, x, top, V));
    for (int k = 0; k < K; k++) best[k] = T((double)best[k] - top - rest);
  }
}

#if TRAINING
// dx[rows[m]] += dy[m], m upwards
KERNEL void gather_rows_backward(T* dx /*[N,H]?*/, const T* dy /*[M,H]*/, const int* rows /*[M]*/, int M, int H) {
  for (int m = 0; dx && m < M; m++) addRow(dx + i64(rows[m]) * H, dy + i64(m) * H, H);
}
// dweight[ids[i]] += dy[n] (/ their number), i upwards
KERNEL void embedding_bag_backward(T* dweight /*[V,E]?*/, const T* dy /*[P-1,E]*/, const int* ids /*[M]*/, const int* offsets /*[P]*/, int P, int E, int mean) {
  if (!dweight) return;
  for (int n = 0; n + 1 < P; n++) {
    const V by = splat(mean ? T(1) / T(max(1, offsets[n + 1] - offsets[n])) : T(1));
    const T* g = dy + i64(n) * E;
    for (int i = offsets[n]; i < offsets[n + 1]; i++) {
      T* d = dweight + i64(ids[i]) * E;
      eachVector(E, [&](int e, int m) ALWAYS { store(d + e, fma_(load(g + e, m), by, load(d + e, m)), m); });
    }
  }
}
KERNEL void mask_steps_backward(T* dx /*[L,N]?*/, const T* dy /*[L,N]*/, const T* mask /*[N]*/, int L, int N) {
  for (int l = 0; dx && l < L; l++)
    eachVector(N, [&](int i, int m) ALWAYS { store(dx + i64(l) * N + i, fma_(load(dy + i64(l) * N + i, m), load(mask + i, m), load(dx + i64(l) * N + i, m)), m); });
}
KERNEL void scale_rows_backward(T* dx /*[N,H]?*/, const T* dy /*[N,H]*/, const T* scale /*[N]*/, int N, int H) {
  for (int n = 0; dx && n < N; n++) {
    const V by = splat(scale[n]);
    eachVector(H, [&](int h, int m) ALWAYS { store(dx + i64(n) * H + h, fma_(load(dy + i64(n) * H + h, m), by, load(dx + i64(n) * H + h, m)), m); });
  }
}
#endif
