// The linear layer, y = x·wᵀ + b, for any number of rows. Threads share the rows of y and dx, and the rows of dw and db.
#pragma once
#include "gemm.h"

constexpr i64 linearOperations(int N, int I, int O) { return 2LL * N * I * O; }

// What all parts read.
struct LinearShared {
  int rows; // of x at a time
  const T** w;
  T* zeros;
  Store packed;
  T* packedRows[2];

  LinearShared(Scratch& s, int N, int I, int O, int parts, Scratch* kept = nullptr)
      : rows(min(N, KC)), w(s.list<const T*>(O)), zeros(s.take(O)), packed(kept ? Store(s, kept, I, O, false) : s.take(max(packedSize(I, O), packedSize(O, I)))) {
    for (int i = 0; i < 2; i++) packedRows[i] = i == 0 || parts > 1 ? s.take(packedSize(rows, I)) : packedRows[0];
  }
};

// One part's own.
struct LinearWork {
  const T** x;
  T **y, **dw;
  T* block;

  LinearWork(Scratch& s, int N, int O) {
    x = s.list<const T*>(min(N, KC));
    y = s.list<T*>(min(N, KC));
    dw = s.list<T*>(O);
    block = s.take(BLOCK_SIZE);
  }
  LinearWork(const Scratch& shared, int N, int O, const Part& part) {
    Scratch own = shared.part(part.index, size(N, O));
    *this = LinearWork(own, N, O);
  }
  static i64 size(int N, int O) {
    Scratch s{nullptr};
    LinearWork(s, N, O);
    return s.used;
  }
};

// Elements of scratch for linear_forward and linear_backward.
KERNEL int linear_work(int N, int I, int O, Team* team) {
  const int parts = mostParts(team, 2 * linearOperations(N, I, O), N);
  Scratch s{nullptr};
  LinearShared(s, N, I, O, parts);
  return elements(s.used + parts * LinearWork::size(N, O));
}

// Elements of `kept` for linear_forward, 0: none.
KERNEL int linear_kept(int N, int I, int O) {
  if (!worthKeeping(N)) return 0;
  Scratch scratch{nullptr}, kept{nullptr};
  LinearShared(scratch, N, I, O, 1, &kept);
  return elements(kept.used);
}

// y = x·wᵀ + b
KERNEL void linear_forward(T* y /*[N,O]*/, const T* x /*[N,I]*/, const T* w /*[O,I]*/, const T* b /*[O]?*/, T* kept /*[linear_kept]?*/, T* work, int N, int I, int O, Team* team) {
  const int parts = partsNow(team, linearOperations(N, I, O), N);
  Scratch scratch{work}, keeper{kept};
  const LinearShared all(scratch, N, I, O, parts, kept ? &keeper : nullptr);
  listRows(all.w, w, I, O);
  if (!b) fillRow(all.zeros, 0, O);
  together(team, parts, [&](const Part& part) {
    const LinearWork q(scratch, N, O, part);
    const Right right = prepare(all.packed, all.w, I, O, N, part);
    part.meet();
    const auto [from, to] = part.of(N);
    for (int r = from; r < to; r += all.rows) {
      const int n = min(all.rows, to - r);
      listRows(q.x, x + long(r) * I, I, n);
      listRows(q.y, y + long(r) * O, O, n);
      multiply({q.y, 0, b ? b : all.zeros}, {q.x}, right, n, O, I, q.block);
    }
  });
}

#if TRAINING
// dx += dy·w, dw += dyᵀ·x, db += Σ dy
KERNEL void linear_backward(T* dx /*[N,I]?*/, T* dw /*[O,I]?*/, T* db /*[O]?*/, const T* dy /*[N,O]*/, const T* x /*[N,I]*/, const T* w /*[O,I]*/, T* work, int N, int I, int O, Team* team) {
  const int parts = partsNow(team, 2 * linearOperations(N, I, O), N);
  Scratch scratch{work};
  const LinearShared all(scratch, N, I, O, parts);
  if (dx) listRows(all.w, w, I, O);
  together(team, parts, [&](const Part& part) {
    const LinearWork q(scratch, N, O, part);
    const auto [first, last] = part.of(O); // columns of dy, rows of dw
    if (dx) packStraight(all.packed.at, all.w, nullptr, O, I, part);
    if (dw) listRows(q.dw, dw, I, O);
    for (int r = 0; r < N; r += all.rows) {
      const int n = min(all.rows, N - r);
      T* packed = all.packedRows[r / all.rows % 2]; // two: a part may be packing the next rows while others still read these
      if (dw) {
        listRows(q.x, x + long(r) * I, I, n);
        packStraight(packed, q.x, nullptr, n, I, part);
      }
      if (dw || r == 0) part.meet();
      listRows(q.x, dy + long(r) * O, O, n);
      for (int o = first; dw && o < last; o += MC) {
        const int mc = min(MC, last - o);
        packBlockOfColumns(q.block, q.x, o, mc, n);
        multiplyBlocks({.rows = q.dw, .cold = true}, o, {q.block}, packed, mc, I, n);
      }
      if (db) addRows(db + first, q.x, first, n, last - first);
      if (dx) {
        const auto [from, to] = part.of(n);
        listRows(q.y, dx + long(r + from) * I, I, to - from);
        multiply({q.y}, {q.x + from}, {all.packed.at}, to - from, I, O, q.block);
      }
    }
  });
}
#endif
