// Random numbers by Philox 4x32-10 (Salmon et al. 2011): word i of a draw is word i%4 of block first + i/4, the same words that
// src/base/random.ts draws. A mask is a function of its key and block, so backward draws it again instead of keeping it.
#pragma once
#include "abi.h"
#if TRAINING

typedef u32 u32x4 __attribute__((vector_size(16)));
typedef u32 u32x4u __attribute__((vector_size(16), aligned(4), may_alias));
typedef u64 u64x2 __attribute__((vector_size(16)));

// high and low halves of c·m in each lane
INLINE void multiply(u32x4 c, u32 m, u32x4& high, u32x4& low) {
  const u64x2 mm = {m, m};
  const u64x2 a = __builtin_convertvector(__builtin_shufflevector(c, c, 0, 1), u64x2) * mm;
  const u64x2 b = __builtin_convertvector(__builtin_shufflevector(c, c, 2, 3), u64x2) * mm;
  high = __builtin_shufflevector((u32x4)a, (u32x4)b, 1, 3, 5, 7);
  low = __builtin_shufflevector((u32x4)a, (u32x4)b, 0, 2, 4, 6);
}

// The 16 words of the blocks first .. first+3, one block in a lane while they are stirred.
NOINLINE void draw16(u32* out, u32 key0, u32 key1, u64 first) {
  u32x4 c0, c1, c2 = {}, c3 = {};
  for (int i = 0; i < 4; i++) c0[i] = (u32)(first + i), c1[i] = (u32)((first + i) >> 32);
  for (int round = 0; round < 10; round++) {
    u32x4 h0, l0, h1, l1;
    multiply(c0, 0xd2511f53u, h0, l0);
    multiply(c2, 0xcd9e8d57u, h1, l1);
    c0 = h1 ^ c1 ^ key0;
    c1 = l1;
    c2 = h0 ^ c3 ^ key1;
    c3 = l0;
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
  const u32x4 a = __builtin_shufflevector(c0, c1, 0, 4, 1, 5), b = __builtin_shufflevector(c2, c3, 0, 4, 1, 5);
  const u32x4 c = __builtin_shufflevector(c0, c1, 2, 6, 3, 7), d = __builtin_shufflevector(c2, c3, 2, 6, 3, 7);
  *(u32x4u*)(out + 0) = __builtin_shufflevector(a, b, 0, 1, 4, 5);
  *(u32x4u*)(out + 4) = __builtin_shufflevector(a, b, 2, 3, 6, 7);
  *(u32x4u*)(out + 8) = __builtin_shufflevector(c, d, 0, 1, 4, 5);
  *(u32x4u*)(out + 12) = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

// f(i, word i) for every i < N
template <class F> INLINE void eachWord(int N, u32 key0, u32 key1, u32 block0, u32 block1, F f) {
  u64 block = (u64)block1 << 32 | block0;
  u32 words[16];
  int i = 0;
  for (; i + 16 <= N; i += 16, block += 4) {
    draw16(words, key0, key1, block);
    for (int j = 0; j < 16; j++) f(i + j, words[j]);
  }
  if (i == N) return;
  draw16(words, key0, key1, block);
  for (int j = 0; i + j < N; j++) f(i + j, words[j]);
}

// out = lo + (hi − lo)·u, u uniform in [0, 1)
KERNEL void uniform(T* out /*[N]*/, int N, double lo, double hi, u32 key0, u32 key1, u32 block0, u32 block1) {
  eachWord(N, key0, key1, block0, block1, [&](int i, u32 word) { out[i] = (T)(lo + (hi - lo) * (word / 4294967296.0)); });
}
// out = scale where the word is at least `threshold` (= p·2³²), 0 elsewhere
KERNEL void bernoulli(T* out /*[N]*/, int N, T scale, u32 threshold, u32 key0, u32 key1, u32 block0, u32 block1) {
  eachWord(N, key0, key1, block0, block1, [&](int i, u32 word) { out[i] = word >= threshold ? scale : 0; });
}
// y = x·scale where the word is at least `threshold`, 0 elsewhere
KERNEL void dropout_forward(T* y /*[N]*/, const T* x /*[N]*/, int N, T scale, u32 threshold, u32 key0, u32 key1, u32 block0, u32 block1) {
  eachWord(N, key0, key1, block0, block1, [&](int i, u32 word) { y[i] = word >= threshold ? x[i] * scale : 0; });
}
KERNEL void dropout_backward(T* dx /*[N]?*/, const T* dy /*[N]*/, int N, T scale, u32 threshold, u32 key0, u32 key1, u32 block0, u32 block1) {
  if (dx) eachWord(N, key0, key1, block0, block1, [&](int i, u32 word) { dx[i] += word >= threshold ? dy[i] * scale : 0; });
}
#endif
