// The linear layer, y = x·wᵀ + b, for any number of rows.
#pragma once
#include "gemm.h"

struct LinearWork {
  Scratch scratch;
  int rows; // of x at a time
  const T **x, **w;
  T **y, **dw;
  T *block, *packed, *packedRows;

  LinearWork(T* work, int N, int I, int O) : scratch{work}, rows(min(N, KC)) {
    x = scratch.list<const T*>(rows);
    y = scratch.list<T*>(rows);
    block = scratch.take(BLOCK_SIZE);
    w = scratch.list<const T*>(O);
    dw = scratch.list<T*>(O);
    packed = scratch.take(max(packedSize(I, O), packedSize(O, I)));
    packedRows = scratch.take(packedSize(rows, I));
  }
};

// Elements of scratch for linear_forward and linear_backward.
KERNEL int linear_work(int N, int I, int O) { return elements(LinearWork(nullptr, N, I, O).scratch.used); }

// y = x·wᵀ + b
KERNEL void linear_forward(T* y /*[N,O]*/, const T* x /*[N,I]*/, const T* w /*[O,I]*/, const T* b /*[O]?*/, T* work, int N, int I, int O) {
  LinearWork q(work, N, I, O);
  listRows(q.w, w, I, O);
  const Right right = prepare(q.packed, q.w, I, O, N);
  for (int r = 0; r < N; r += q.rows) {
    const int n = min(q.rows, N - r);
    listRows(q.x, x + long(r) * I, I, n);
    listRows(q.y, y + long(r) * O, O, n);
    for (int i = 0; i < n; i++) {
      if (b) copyRow(q.y[i], b, O);
      else fillRow(q.y[i], 0, O);
    }
    multiply(q.y, 0, q.x, 0, nullptr, right, n, O, I, q.block);
  }
}

#if TRAINING
// dx += dy·w, dw += dyᵀ·x, db += Σ dy
KERNEL void linear_backward(T* dx /*[N,I]?*/, T* dw /*[O,I]?*/, T* db /*[O]?*/, const T* dy /*[N,O]*/, const T* x /*[N,I]*/, const T* w /*[O,I]*/, T* work, int N, int I, int O) {
  LinearWork q(work, N, I, O);
  if (dx) {
    listRows(q.w, w, I, O);
    packStraight(q.packed, q.w, nullptr, O, I);
  }
  if (dw) listRows(q.dw, dw, I, O);
  for (int r = 0; r < N; r += q.rows) {
    const int n = min(q.rows, N - r);
    if (dw) {
      listRows(q.x, x + long(r) * I, I, n);
      packStraight(q.packedRows, q.x, nullptr, n, I);
    }
    listRows(q.x, dy + long(r) * O, O, n);
    if (dw) {
      for (int o = 0; o < O; o += MC) {
        const int mc = min(MC, O - o);
        packBlockOfColumns(q.block, q.x, o, mc, n);
        multiplyBlocks(q.dw + o, 0, q.block, q.packedRows, mc, I, n);
      }
    }
    if (db) {
      for (int i = 0; i < n; i++) addRow(db, q.x[i], O);
    }
    if (dx) {
      listRows(q.y, dx + long(r) * I, I, n);
      multiply(q.y, 0, q.x, 0, nullptr, {q.packed, nullptr}, n, I, O, q.block);
    }
  }
}
#endif
