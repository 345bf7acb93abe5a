// Random numbers by Philox 4x32-10 (Salmon et al. 2011): word i of a draw is word i%4 of block first + i/4, the same words that
// src/base/random.ts draws. A mask is a function of its key and block, so backward draws it again instead of keeping it.
#pragma once
#include "abi.h"
#include "vec.h"
#if TRAINING

typedef u32 u32x4 __attribute__((vector_size(16)));
typedef u32 u32x4u __attribute__((vector_size(16), aligned(4), may_alias));
typedef u64 u64x2 __attribute__((vector_size(16)));

// Makes the compiler forget what is in v: it would take a known factor out of the loop, and then miss that a 32×32-bit product will do.
#if defined(__wasm__)
#define KEEP_VECTOR(v) asm volatile("" : "+r"(v))
#else
#define KEEP_VECTOR(v)
#endif

// high and low halves of c·m in each lane
INLINE void multiply(u32x4 c, u32 m, u32x4& high, u32x4& low) {
  u32x4 mm = {m, m, m, m};
  KEEP_VECTOR(mm);
  const u64x2 a = __builtin_convertvector(__builtin_shufflevector(c, c, 0, 1), u64x2) * __builtin_convertvector(__builtin_shufflevector(mm, mm, 0, 1), u64x2);
  const u64x2 b = __builtin_convertvector(__builtin_shufflevector(c, c, 2, 3), u64x2) * __builtin_convertvector(__builtin_shufflevector(mm, mm, 2, 3), u64x2);
  high = __builtin_shufflevector((u32x4)a, (u32x4)b, 1, 3, 5, 7);
  low = __builtin_shufflevector((u32x4)a, (u32x4)b, 0, 2, 4, 6);
}

// The 32 words of the blocks first .. first+7, one block in a lane while they are stirred, two vectors at a time to keep the processor busy.
NOINLINE void draw32(u32* out, u32 key0, u32 key1, u64 first) {
  u32x4 c0[2], c1[2], c2[2] = {}, c3[2] = {};
  UNROLL for (int v = 0; v < 2; v++)
    for (int i = 0; i < 4; i++) {
      const u64 block = first + 4 * v + i;
      c0[v][i] = (u32)block, c1[v][i] = (u32)(block >> 32);
    }
  for (int round = 0; round < 10; round++) {
    UNROLL for (int v = 0; v < 2; v++) {
      u32x4 h0, l0, h1, l1;
      multiply(c0[v], 0xd2511f53u, h0, l0);
      multiply(c2[v], 0xcd9e8d57u, h1, l1);
      c0[v] = h1 ^ c1[v] ^ key0;
      c1[v] = l1;
      c2[v] = h0 ^ c3[v] ^ key1;
      c3[v] = l0;
    }
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
  UNROLL for (int v = 0; v < 2; v++) {
    const u32x4 a = __builtin_shufflevector(c0[v], c1[v], 0, 4, 1, 5), b = __builtin_shufflevector(c2[v], c3[v], 0, 4, 1, 5);
    const u32x4 c = __builtin_shufflevector(c0[v], c1[v], 2, 6, 3, 7), d = __builtin_shufflevector(c2[v], c3[v], 2, 6, 3, 7);
    *(u32x4u*)(out + 16 * v + 0) = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    *(u32x4u*)(out + 16 * v + 4) = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    *(u32x4u*)(out + 16 * v + 8) = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    *(u32x4u*)(out + 16 * v + 12) = __builtin_shufflevector(c, d, 2, 3, 6, 7);
  }
}

// f(i, words, m): draws the words i .. i+m−1 for every i = 0, 32, 64 … < N; m is 32 but at the end
template <class F> INLINE void eachDraw(int N, u32 key0, u32 key1, u32 block0, u32 block1, F f) {
  u64 block = (u64)block1 << 32 | block0;
  u32 words[32];
  int i = 0;
  for (; i + 32 <= N; i += 32, block += 8) {
    draw32(words, key0, key1, block);
    f(i, words, 32);
  }
  if (i == N) return;
  draw32(words, key0, key1, block);
  f(i, words, N - i);
}

// out = lo + (hi − lo)·u, u uniform in [0, 1)
KERNEL void uniform(T* out /*[N]*/, int N, double lo, double hi, u32 key0, u32 key1, u32 block0, u32 block1) {
  eachDraw(N, key0, key1, block0, block1, [&](int i, const u32* words, int m) {
    for (int j = 0; j < m; j++) out[i + j] = (T)(lo + (hi - lo) * (words[j] / 4294967296.0));
  });
}
// out = scale where the word is at least `threshold` (= p·2³²), 0 elsewhere
KERNEL void bernoulli(T* out /*[N]*/, int N, T scale, u32 threshold, u32 key0, u32 key1, u32 block0, u32 block1) {
  eachDraw(N, key0, key1, block0, block1, [&](int i, const u32* words, int m) {
    for (int j = 0; j < m; j++) out[i + j] = words[j] >= threshold ? scale : 0;
  });
}
// kept[j] = x[j]·scale or 0: apart from x and y in memory, so that the compiler may use vectors
INLINE void keepSome(T* kept, const T* x, const u32* words, int m, T scale, u32 threshold) {
  for (int j = 0; j < m; j++) {
    const T value = x[j] * scale;
    kept[j] = words[j] >= threshold ? value : 0;
  }
}
// y = x·scale where the word is at least `threshold`, 0 elsewhere
KERNEL void dropout_forward(T* y /*[N]*/, const T* x /*[N]*/, int N, T scale, u32 threshold, u32 key0, u32 key1, u32 block0, u32 block1) {
  eachDraw(N, key0, key1, block0, block1, [&](int i, const u32* words, int m) {
    T kept[32];
    keepSome(kept, x + i, words, m, scale, threshold);
    for (int j = 0; j < m; j++) y[i + j] = kept[j];
  });
}
KERNEL void dropout_backward(T* dx /*[N]?*/, const T* dy /*[N]*/, int N, T scale, u32 threshold, u32 key0, u32 key1, u32 block0, u32 block1) {
  if (!dx) return;
  eachDraw(N, key0, key1, block0, block1, [&](int i, const u32* words, int m) {
    T kept[32];
    keepSome(kept, dy + i, words, m, scale, threshold);
    for (int j = 0; j < m; j++) dx[i + j] += kept[j];
  });
}
#endif
