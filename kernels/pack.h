// What matrix products read: the sizes of their tiles and blocks, scratch, rows, and both sides packed (gemm.h says for what).
//
// A right side is packed once for all threads: each packs its share of the panels. With BF16 (one native build, used on request only) both
// sides are rounded to bfloat16 when they are packed: bf16.h.
#pragma once
#include "team.h"
#include "vec.h"

#ifndef BF16
#define BF16 0
#endif

// A tile's sums, a row of B and one number of A fit the vector registers: 32 of them, or 16 (V8 has 15 to give). With AVX-512 twelve rows would, too;
// with eight, of which many batches are multiples, no sum is moved from register to register (g++ 12), which was 3-6% faster.
#if defined(__AVX512F__)
constexpr int MR = 8, K_UNROLL = 2;
#elif defined(__AVX2__)
constexpr int MR = 6, K_UNROLL = 1;
#elif defined(__ARM_NEON)
constexpr int MR = 12, K_UNROLL = 1;
#else
constexpr int MR = 4, K_UNROLL = 1;
#endif
constexpr int PANEL_VECTORS = 2, NR = PANEL_VECTORS * W;
#if defined(__wasm__)
constexpr bool PREFETCHES = false; // WebAssembly has no word for it
constexpr int WIDEST = 3;          // panels that one row meets at a time: V8 loads all their vectors first, and has 15 registers for them and the sums
#else
constexpr bool PREFETCHES = true;
constexpr int WIDEST = 6;
#endif
constexpr bool STRIDES = !BF16 && TRAINING; // tiles of rows as they stand too; what only predicts is smaller without
constexpr int KC = 256; // a panel of B, KC × NR, stays in the first-level cache
constexpr int MC = 64;  // a block of A, MC × KC, stays in the second

template <auto Value> struct Known {
  static constexpr auto value = Value;
};

// ---- scratch ----

// Hands out parts of a work buffer. Laid out once with a null base to learn the size, once more to get the parts. Counts in 64 bits: sizes
// that fit memory one by one may not fit it, nor an int, once multiplied.
struct Scratch {
  T* base;
  i64 used = 0;
  T* take(i64 n) {
    constexpr i64 LINE = 64 / int(sizeof(T));
    T* part = base + used;
    used += (n + LINE - 1) / LINE * LINE;
    return part;
  }
  // What follows, cut into pieces of one size, one for each part of a shared job.
  Scratch part(int index, i64 size) const { return {base + used + index * size}; }
  template <class P> P* list(i64 n) { return (P*)take((n * i64(sizeof(P)) + i64(sizeof(T)) - 1) / i64(sizeof(T))); }
};
// What a *_work kernel says: the elements used, or the most that an int can say, which no memory has.
INLINE int elements(i64 used) { return used < 0x7fffffff ? int(used) : 0x7fffffff; }

INLINE i64 packedSize(i64 K, int N) { return K * roundUp(N, NR); }
constexpr int BLOCK_SIZE = MC * KC;

NOINLINE void fillRow(T* y, T value, int n) {
  eachVector(n, [&](int j, int m) ALWAYS { store(y + j, splat(value), m); });
}
NOINLINE void copyRow(T* y, const T* x, int n) {
  eachVector(n, [&](int j, int m) ALWAYS { store(y + j, load(x + j, m), m); });
}
NOINLINE void addRow(T* y, const T* x, int n) {
  eachVector(n, [&](int j, int m) ALWAYS { store(y + j, load(y + j, m) + load(x + j, m), m); });
}
// y += the rows from `column`, in their order, n numbers of each.
NOINLINE void addRows(T* y, const T* const* rows, int column, int count, int n) {
  int j = 0;
  for (; j + 4 * W <= n; j += 4 * W) {
    V sum[4];
    UNROLL for (int v = 0; v < 4; v++) sum[v] = load(y + j + v * W);
    for (int i = 0; i < count; i++) {
      UNROLL for (int v = 0; v < 4; v++) sum[v] += load(rows[i] + column + j + v * W);
    }
    UNROLL for (int v = 0; v < 4; v++) store(y + j + v * W, sum[v]);
  }
  for (; j < n; j += W) {
    const int m = min(W, n - j);
    V sum = load(y + j, m);
    for (int i = 0; i < count; i++) sum += load(rows[i] + column + j, m);
    store(y + j, sum, m);
  }
}

// rows[i] = base + i·stride
template <class P> INLINE void listRows(P** rows, P* base, int stride, int n) {
  for (int i = 0; i < n; i++) rows[i] = base + long(i) * stride;
}

// ---- packing ----

// out[j][i] = rows[i][k + j] for four j: W rows are turned into columns in registers.
template <class Vec> INLINE void turn(Vec (&out)[4], const T* const* rows, int k) {
  if constexpr (sizeof(Vec) >= 4 * sizeof(T)) {
    const Vec a = loadQuads(rows, k), b = loadQuads(rows + 1, k), c = loadQuads(rows + 2, k), d = loadQuads(rows + 3, k);
    const Vec ab = interleaveLow(a, b), cd = interleaveLow(c, d), AB = interleaveHigh(a, b), CD = interleaveHigh(c, d);
    out[0] = lowPairs(ab, cd);
    out[1] = highPairs(ab, cd);
    out[2] = lowPairs(AB, CD);
    out[3] = highPairs(AB, CD);
  } else {
    UNROLL for (int j = 0; j < 4; j++) out[j] = column<Vec>(rows, k + j);
  }
}

#if BF16
#include "bf16.h"
#else
INLINE int depthOf(int K) { return K; } // words of K packed numbers
INLINE V dot(V sum, V left, V right) { return fma_(left, right, sum); }
INLINE V splatPacked(const T* p) { return splat(*p); }

// out[k·stride + i] = rows[i][first + k] (· scale[i][first + k]) for i < 4, k < K.
NOINLINE void interleaveFour(T* out, int stride, const T* const* rows, const T* const* scale, int first, int K) {
  const T *p0 = rows[0] + first, *p1 = rows[1] + first, *p2 = rows[2] + first, *p3 = rows[3] + first;
  int k = 0;
  for (; k + 4 <= K; k += 4, out += 4 * stride) {
    Quad a = loadQuad(p0 + k), b = loadQuad(p1 + k), c = loadQuad(p2 + k), d = loadQuad(p3 + k);
    if (scale) {
      a *= loadQuad(scale[0] + first + k);
      b *= loadQuad(scale[1] + first + k);
      c *= loadQuad(scale[2] + first + k);
      d *= loadQuad(scale[3] + first + k);
    }
    const Quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const Quad AB = __builtin_shufflevector(a, b, 2, 6, 3, 7), CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    storeQuad(out, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
    storeQuad(out + stride, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
    storeQuad(out + 2 * stride, __builtin_shufflevector(AB, CD, 0, 1, 4, 5));
    storeQuad(out + 3 * stride, __builtin_shufflevector(AB, CD, 2, 3, 6, 7));
  }
  for (; k < K; k++, out += stride) {
    for (int i = 0; i < 4; i++) out[i] = rows[i][first + k] * (scale ? scale[i][first + k] : T(1));
  }
}

// The same for i < n, any n: four at a time, the last four overlapping the ones before.
NOINLINE void interleave(T* out, int stride, const T* const* rows, const T* const* scale, int n, int first, int K) {
  if (n < 4) {
    for (int k = 0; k < K; k++, out += stride) {
      for (int i = 0; i < n; i++) out[i] = rows[i][first + k] * (scale ? scale[i][first + k] : T(1));
    }
    return;
  }
  for (int at = 0; at < n; at += 4) {
    const int i = min(at, n - 4);
    interleaveFour(out + i, stride, rows + i, scale ? scale + i : nullptr, first, K);
  }
}
#endif

// Packs B[k][n] = rows[n][k], K × N: the rows of a weight become columns. Only the panels that begin at columns `from` … `to`-1.
NOINLINE void packTransposed(T* packed, const T* const* rows, int K, int N, int from, int to) {
  for (int k0 = 0; k0 < K; k0 += KC) {
    const int kc = min(KC, K - k0), depth = depthOf(kc);
    T* out = packed + i64(k0) * roundUp(N, NR) + i64(from) * depth;
    for (int j = from; j < to; j += NR, out += depth * NR) {
      if (N - j < NR) fillRow(out, 0, depth * NR);
      interleave(out, NR, rows + j, nullptr, min(NR, N - j), k0, kc);
    }
  }
}

// Packs B[k][n] = rows[k][n] (· scale[k][n]), K × N. Only one part's share of the columns.
NOINLINE void packStraight(T* packed, const T* const* rows, const T* const* scale, int K, int N, const Part& part = {}) {
  const auto [from, to] = part.of(N, NR);
  for (int k0 = 0; k0 < K; k0 += KC) {
    const int kc = min(KC, K - k0);
    T* out = packed + i64(k0) * roundUp(N, NR) + i64(from) * depthOf(kc);
    for (int j = from; j < to; j += NR) {
      const int n = min(NR, N - j);
#if BF16
      if (n < NR) fillRow(out, 0, depthOf(kc) * NR);
      for (int i = 0; i < n; i += W) pairRows(out + i, NR, rows + k0, scale ? scale + k0 : nullptr, j + i, min(W, n - i), kc);
      out += depthOf(kc) * NR;
#else
      for (int k = k0; k < k0 + kc; k++, out += NR) {
        const T* row = rows[k] + j;
        if (n == NR) {
          UNROLL for (int v = 0; v < NR; v += W) store(out + v, scale ? load(row + v) * load(scale[k] + j + v) : load(row + v));
        } else {
          for (int i = 0; i < NR; i++) out[i] = i < n ? row[i] * (scale ? scale[k][j + i] : T(1)) : T(0);
        }
      }
#endif
    }
  }
}

// Calls f(first, size) for M rows in the fewest panels, their sizes differing by at most 1: 5 rows are 3 + 2, not 4 + 1.
template <class F> INLINE void eachPanel(int M, F f) {
  const int count = (M + MR - 1) / MR;
  for (int i = 0, first = 0; i < count; i++) {
    const int size = M / count + (i < M % count);
    f(first, size);
    first += size;
  }
}

// Packs a block of A from its rows: A[m][k] = rows[m][first + k] (· scale[m][first + k]).
NOINLINE void packBlock(T* out, const T* const* rows, const T* const* scale, int first, int M, int K) {
  eachPanel(M, [&](int m, int size) ALWAYS { interleave(out + m * depthOf(K), size, rows + m, scale ? scale + m : nullptr, size, first, K); });
}

// Packs a block of A from its columns: A[m][k] = rows[k][first + m]. Some rows at a time, so that all panels find them in the cache.
NOINLINE void packBlockOfColumns(T* out, const T* const* rows, int first, int M, int K) {
  constexpr int ROWS = 16;
  for (int k0 = 0; k0 < K; k0 += ROWS) {
    const int kc = min(ROWS, K - k0);
    eachPanel(M, [&](int m, int size) ALWAYS {
      T* to = out + m * depthOf(K) + depthOf(k0) * size;
#if BF16
      pairRows(to, size, rows + k0, nullptr, first + m, size, kc);
#else
      for (int k = k0; k < k0 + kc; k++, to += size) {
        const T* from = rows[k] + first + m;
        if (size == MR) __builtin_memcpy(to, from, MR * sizeof(T));
        else if (size >= 4) {
          for (int i = 0; i < size - 4; i += 4) storeQuad(to + i, loadQuad(from + i));
          storeQuad(to + size - 4, loadQuad(from + size - 4)); // may overlap the one before
        } else {
          for (int i = 0; i < size; i++) to[i] = from[i];
        }
      }
#endif
    });
  }
}
