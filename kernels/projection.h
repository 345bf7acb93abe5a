// A linear map to a vocabulary and softmax cross entropy over it as one, for vocabularies whose logits don't fit in memory: no more than a
// block of rows × V is ever there. While training the slopes follow from a block at once, so nothing is kept of it, and the way back has
// only to scale them. Rows that don't count are never computed. Threads share a block's rows, then the rows of dw.
#pragma once
#include "gemm.h"
#include "loss.h"
#include "softmax.h"
#if TRAINING

constexpr i64 projectionOperations(int N, int H, int V) { return 2LL * N * H * V; }
// Rows of a block: as many as one pass over dw is worth, fewer where their logits would take more than 16 MB.
INLINE int projectionRows(int N, int V) { return min(N, min(KC, max(32, (1 << 22) / V))); }

// What all parts read.
struct ProjectionShared {
  int* counted; // places of the rows that count
  double* losses;
  const T** w;
  T *columns, *straight, *packedX; // w packed for x·wᵀ and for d·w; a block of x
  T* block;                        // logits, then slopes [rows, V]
  T* zeros;                        // the bias where there is none

  ProjectionShared(Scratch& s, int N, int H, int V) {
    const int rows = projectionRows(N, V);
    counted = s.list<int>(N);
    losses = s.list<double>(N);
    w = s.list<const T*>(V);
    columns = s.take(packedSize(H, V));
    straight = s.take(packedSize(V, H));
    packedX = s.take(packedSize(rows, H));
    block = s.take(i64(rows) * V);
    zeros = s.take(V);
  }
};

// One part's own.
struct ProjectionWork {
  const T** x;
  T **d, **dx, **dw;
  T* block;

  ProjectionWork(Scratch& s, int N, int V) {
    const int rows = projectionRows(N, V);
    x = s.list<const T*>(rows);
    d = s.list<T*>(rows);
    dx = s.list<T*>(rows);
    dw = s.list<T*>(V);
    block = s.take(BLOCK_SIZE);
  }
  ProjectionWork(const Scratch& shared, int N, int V, const Part& part) {
    Scratch own = shared.part(part.index, size(N, V));
    *this = ProjectionWork(own, N, V);
  }
  static i64 size(int N, int V) {
    Scratch s{nullptr};
    ProjectionWork(s, N, V);
    return s.used;
  }
};

// Elements of scratch for projected_cross_entropy_forward.
KERNEL int projected_cross_entropy_work(int N, int H, int V, Team* team) {
  const int parts = mostParts(team, 3 * projectionOperations(N, H, V), N);
  Scratch s{nullptr};
  ProjectionShared(s, N, H, V);
  return elements(s.used + parts * ProjectionWork::size(N, V));
}

// Σ (top − x), short stretches in T, these in float64.
NOINLINE double sumBelow(const T* x, T top, int C) {
  constexpr int STRETCH = 32 * W;
  double sum = 0;
  for (int from = 0; from < C; from += STRETCH) {
    V part = {};
    eachVector(min(STRETCH, C - from), [&](int c, int m) ALWAYS {
      T lanes[W];
      store(lanes, splat(top) - load(x + from + c, m));
      part += load(lanes, m);
    });
    sum += total(part);
  }
  return sum;
}

// The loss of a row of logits, which become exp(x − max); `sum` of these.
INLINE double rowLoss(T* x, int V, int target, double smoothing, double& sum) {
  const T top = rowMax(x, V);
  const double here = (double)top - x[target];
  const double spread = smoothing > 0 ? sumBelow(x, top, V) : 0;
  sum = sumOfExp(x, x, top, V);
  const double rest = realLog(sum);
  return (1 - smoothing) * (here + rest) + smoothing * (spread / V + rest);
}

// y = Σ w·loss / Σ w (divided only if `mean`), loss = −(1 − s)·ln p[t] − s/V·Σ_c ln p[c], p = softmax(x·wᵀ + b), s = smoothing. With `sx` also
// the slopes of y to x, w and b (`sb` only where b is). `nats` has each row's loss, 0 where target is `ignore` or weight 0. Returns -1, or the
// first row whose target is neither `ignore` nor in 0..V−1 (then nothing is written).
KERNEL int projected_cross_entropy_forward(T* y /*[1]*/, T* nats /*[N]?*/, T* sx /*[N,H]?*/, T* sw /*[V,H]?*/, T* sb /*[V]?*/, const T* x /*[N,H]*/, const T* w /*[V,H]*/, const T* b /*[V]?*/, const int* target /*[N]*/, const T* weight /*[N]?*/, T* work, int N, int H, int V, int mean, double smoothing, int ignore, Team* team) {
  for (int n = 0; n < N; n++)
    if (target[n] != ignore && (u32)target[n] >= (u32)V) return n;
  const int parts = partsNow(team, (sx ? 3 : 1) * projectionOperations(N, H, V), N);
  Scratch scratch{work};
  const ProjectionShared all(scratch, N, H, V);
  int count = 0;
  double by = 0;
  for (int n = 0; n < N; n++) {
    all.losses[n] = 0;
    if (target[n] == ignore || weightAt(weight, n) == 0) continue;
    all.counted[count++] = n;
    by += weightAt(weight, n);
  }
  if (!mean) by = 1;
  listRows(all.w, w, H, V);
  if (!b) fillRow(all.zeros, 0, V);
  const int rows = projectionRows(N, V);
  together(team, parts, [&](const Part& part) {
    const ProjectionWork q(scratch, N, V, part);
    const auto [first, last] = part.of(V); // columns of the slopes, rows of dw
    const Right right = prepare(all.columns, all.w, H, V, count, part);
    if (sx) {
      packStraight(all.straight, all.w, nullptr, V, H, part);
      listRows(q.dw, sw, H, V);
      for (int v = first; v < last; v++) fillRow(q.dw[v], 0, H);
      if (b) fillRow(sb + first, 0, last - first);
      const auto [from, to] = part.of(N);
      for (int n = from; n < to; n++) fillRow(sx + i64(n) * H, 0, H);
    }
    for (int r = 0; r < count; r += rows) {
      const int n = min(rows, count - r);
      const int* place = all.counted + r;
      const auto [from, to] = part.of(n);
      for (int i = 0; i < n; i++) q.x[i] = x + i64(place[i]) * H;
      listRows(q.d, all.block, V, n);
      if (sx) packStraight(all.packedX, q.x, nullptr, n, H, part);
      part.meet(); // packed; and nobody needs the block before any more
      multiply({q.d + from, 0, b ? b : all.zeros}, {q.x + from}, right, to - from, V, H, q.block);
      for (int i = from; i < to; i++) {
        const int t = target[place[i]];
        double sum;
        all.losses[place[i]] = rowLoss(q.d[i], V, t, smoothing, sum);
        if (!sx) continue;
        const double g = by == 0 ? 0 : weightAt(weight, place[i]) / by;
        const auto scale = splat(T(g / sum)), even = splat(T(-g * smoothing / V));
        eachVector(V, [&](int c, int m) ALWAYS { store(q.d[i] + c, fma_(load(q.d[i] + c, m), scale, even), m); });
        q.d[i][t] -= T(g * (1 - smoothing));
        q.dx[i] = sx + i64(place[i]) * H;
      }
      if (!sx) continue;
      multiply({q.dx + from}, {q.d + from}, {all.straight}, to - from, H, V, q.block);
      part.meet();
      for (int v = first; v < last; v += MC) {
        const int mc = min(MC, last - v);
        packBlockOfColumns(q.block, q.d, v, mc, n);
        multiplyBlocks({.rows = q.dw, .cold = true}, v, {q.block}, all.packedX, mc, H, n);
      }
      if (b) addRows(sb + first, q.d, first, n, last - first);
      part.meet(); // nobody needs this packed block of x any more
    }
  });
  const double sum = total(N, [&](int n) { return all.losses[n] == 0 ? 0 : weightAt(weight, n) * all.losses[n]; });
  *y = T(by == 0 ? 0 : sum / by);
  for (int n = 0; nats && n < N; n++) nats[n] = T(all.losses[n]);
  return -1;
}

// d += dy·slope
KERNEL void projected_cross_entropy_backward(T* dx /*[N,H]?*/, T* dw /*[V,H]?*/, T* db /*[V]?*/, const T* dy /*[1]*/, const T* sx /*[N,H]*/, const T* sw /*[V,H]*/, const T* sb /*[V]*/, int N, int H, int V, Team* team) {
  const auto g = splat(*dy);
  const auto add = [&](T* d, const T* slope, int from, int to) ALWAYS {
    eachVector(to - from, [&](int i, int m) ALWAYS { store(d + from + i, fma_(g, load(slope + from + i, m), load(d + from + i, m)), m); });
  };
  together(team, partsNow(team, 8LL * H * max(N, V), max(N, V)), [&](const Part& part) {
    const auto [from, to] = part.of(N);
    for (int n = from; dx && n < to; n++) add(dx + i64(n) * H, sx + i64(n) * H, 0, H);
    const auto [first, last] = part.of(V);
    for (int v = first; dw && v < last; v++) add(dw + i64(v) * H, sw + i64(v) * H, 0, H);
    if (db) add(db, sb, first, last);
  });
}
#endif
