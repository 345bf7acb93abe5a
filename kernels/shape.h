// Copies that rearrange: join and cut along the last axis, swap the first two axes, repeat.
#pragma once
#include "abi.h"

// to[r, 0..C) = from[r, 0..C) over R rows that lie `toStep` and `fromStep` elements apart
INLINE void copyRows(T* to, int toStep, const T* from, int fromStep, int R, int C) {
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) to[(long)r * toStep + c] = from[(long)r * fromStep + c];
}
// the same, adding
INLINE void addRows(T* to, int toStep, const T* from, int fromStep, int R, int C) {
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) to[(long)r * toStep + c] += from[(long)r * fromStep + c];
}

// y[n] = a[n] followed by b[n]
KERNEL void concat_forward(T* y /*[N,I+J]*/, const T* a /*[N,I]*/, const T* b /*[N,J]*/, int N, int I, int J) {
  copyRows(y, I + J, a, I, N, I);
  copyRows(y + I, I + J, b, J, N, J);
}
// y[n] = x[n, from .. from+D)
KERNEL void slice_forward(T* y /*[N,D]*/, const T* x /*[N,C]*/, int N, int C, int from, int D) {
  copyRows(y, D, x + from, C, N, D);
}
// y[b,a] = x[a,b]
KERNEL void transpose01_forward(T* y /*[B,A,C]*/, const T* x /*[A,B,C]*/, int A, int B, int C) {
  for (int b = 0; b < B; b++) copyRows(y + (long)b * A * C, C, x + (long)b * C, B * C, A, C);
}
// y[k] = x
KERNEL void repeat_forward(T* y /*[K,N]*/, const T* x /*[N]*/, int K, int N) {
  copyRows(y, N, x, 0, K, N);
}
#if TRAINING
KERNEL void concat_backward(T* da /*[N,I]?*/, T* db /*[N,J]?*/, const T* dy /*[N,I+J]*/, int N, int I, int J) {
  if (da) addRows(da, I, dy, I + J, N, I);
  if (db) addRows(db, J, dy + I, I + J, N, J);
}
KERNEL void slice_backward(T* dx /*[N,C]?*/, const T* dy /*[N,D]*/, int N, int C, int from, int D) {
  if (dx) addRows(dx + from, C, dy, D, N, D);
}
KERNEL void transpose01_backward(T* dx /*[A,B,C]?*/, const T* dy /*[B,A,C]*/, int A, int B, int C) {
  if (dx)
    for (int b = 0; b < B; b++) addRows(dx + (long)b * C, B * C, dy + (long)b * A * C, C, A, C);
}
KERNEL void repeat_backward(T* dx /*[N]?*/, const T* dy /*[K,N]*/, int K, int N) {
  if (dx) addRows(dx, 0, dy, N, K, N);
}
#endif
