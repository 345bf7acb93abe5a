// Matrix products: C += A·B, on packed blocks, with any sizes.
//
// Rows are found through pointers, so that a caller chooses them freely: the state before a step stands in h0 or in another row
// of y, padded steps are left out. B is packed once (panels of NR columns, blocks of KC rows) and reused for all rows of A; A is
// packed block by block (panels of at most MR rows); one tile of MR × NR sums stays in registers for a whole block.
//
// Every element of C is one chain, c = fma(a[k], b[k], c) for k = 0, 1, …, from what stood there. So its bits depend neither on
// the other rows nor on any block size here: a batch gives the same as its items, a chunk the same as the whole.
//
// A right side is packed once for all threads: each packs its share of the panels.
//
// With BF16 (one native build, used on request only) both sides are rounded to bfloat16 when they are packed: bf16.h.
#pragma once
#include "team.h"
#include "vec.h"

#ifndef BF16
#define BF16 0
#endif

// A tile's sums, a row of B and one number of A fit the vector registers: 32 of them, or 16 (V8 has 15 to give).
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
#else
constexpr bool PREFETCHES = true;
#endif
constexpr bool STRIDES = !BF16 && TRAINING; // tiles of rows as they stand too; what only predicts is smaller without
constexpr int KC = 256; // a panel of B, KC × NR, stays in the first-level cache
constexpr int MC = 64;  // a block of A, MC × KC, stays in the second

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
INLINE void interleave(T* out, int stride, const T* const* rows, const T* const* scale, int n, int first, int K) {
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

// Packs B[k][n] = rows[n][first + k], K × N: the rows of a weight become columns. Only one part's share of them.
NOINLINE void packTransposed(T* packed, const T* const* rows, int first, int K, int N, const Part& part = {}) {
  const auto [from, to] = part.of(N, NR);
  for (int k0 = 0; k0 < K; k0 += KC) {
    const int kc = min(KC, K - k0), depth = depthOf(kc);
    T* out = packed + i64(k0) * roundUp(N, NR) + i64(from) * depth;
    for (int j = from; j < to; j += NR, out += depth * NR) {
      if (N - j < NR) fillRow(out, 0, depth * NR);
      interleave(out, NR, rows + j, nullptr, min(NR, N - j), first + k0, kc);
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

// ---- the product ----

// Where sums stand: C[m][n] = rows[m][column + n]. They begin with what stands there or, given `start`, all rows with that row.
// `cold`: they are far from the processor, so each tile asks for those of the next.
struct Sums {
  T* const* rows;
  int column = 0;
  const T* start = nullptr;
  bool cold = false;
};

// A block of the left side: packed in panels, or rows as they are, `stride` apart.
struct Block {
  const T* at;
  long stride = 0;
  const T* panel(int m, int K) const { return at + m * (stride ? stride : K); }
};

// ROWS × PANELS·NR sums in registers; the panels of B stand K·NR apart, K words deep. A in a packed panel, or STRIDED. AHEAD: for each k one
// line of what comes later is asked for.
template <int ROWS, int PANELS, bool STRIDED = false, bool AHEAD = false>
NOINLINE void tile(const Sums& c, int m, int column, const T* a, [[maybe_unused]] long stride, const T* b, int K, [[maybe_unused]] const T* ahead = nullptr) {
  V sum[ROWS][PANELS * PANEL_VECTORS];
  T* to[ROWS];
  UNROLL for (int i = 0; i < ROWS; i++) {
    to[i] = c.rows[m + i] + c.column + column;
    const T* from = c.start ? c.start + column : to[i];
    UNROLL for (int v = 0; v < PANELS * PANEL_VECTORS; v++) sum[i][v] = load(from + v * W);
  }
  const auto round = [&]() ALWAYS {
    V right[PANELS * PANEL_VECTORS];
    UNROLL for (int v = 0; v < PANELS * PANEL_VECTORS; v++) right[v] = load(b + (v / PANEL_VECTORS) * K * NR + (v % PANEL_VECTORS) * W);
    UNROLL for (int i = 0; i < ROWS; i++) {
      const V left = splatPacked(STRIDED ? a + i * stride : a + i);
      UNROLL for (int v = 0; v < PANELS * PANEL_VECTORS; v++) sum[i][v] = dot(sum[i][v], left, right[v]);
    }
    if constexpr (AHEAD) {
      __builtin_prefetch(ahead);
      ahead += 64 / int(sizeof(T));
    }
    a += STRIDED ? 1 : ROWS;
    b += NR;
  };
  int k = 0;
  if constexpr (K_UNROLL == 2) {
    NOUNROLL for (; k + 2 <= K; k += 2) {
      round();
      round();
    }
  }
  NOUNROLL for (; k < K; k++) round();
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < PANELS * PANEL_VECTORS; v++) store(to[i] + v * W, sum[i][v]);
  }
}

template <bool Value> struct Known {
  static constexpr bool value = Value;
};

// A tile of as many rows as there are, at most ROWS.
template <int ROWS = MR> INLINE void tileOfRows(int rows, const Sums& c, int m, int column, Block a, const T* b, int K, const T* ahead = nullptr) {
  if constexpr (ROWS > 1) {
    if (rows < ROWS) return tileOfRows<ROWS - 1>(rows, c, m, column, a, b, K, ahead);
  }
  const auto run = [&](auto far) ALWAYS {
    if (STRIDES && a.stride) tile<ROWS, 1, true, far.value>(c, m, column, a.panel(m, K), a.stride, b, K, ahead);
    else tile<ROWS, 1, false, far.value>(c, m, column, a.panel(m, K), 0, b, K, ahead);
  };
  if (PREFETCHES && ROWS == MR && ahead) run(Known<PREFETCHES && ROWS == MR>{});
  else run(Known<false>{});
}

// Asks for the sums of the tile to come.
INLINE void prefetchTile(const Sums& c, int m, int column, int rows) {
  for (int i = 0; i < rows; i++) {
    UNROLL for (int v = 0; v < NR * int(sizeof(T)); v += 64) __builtin_prefetch((const char*)(c.rows[m + i] + c.column + column) + v, 1);
  }
}

// C[m][n] += Σ_k A[m][k]·B[k][n] for rows first … first+M-1 of C, a block of A and one KC block of packed B; M <= MC, K = numbers <= KC.
// `far`: B comes from beyond the second-level cache; then the first two tiles of a panel ask for the next panel.
NOINLINE void multiplyBlocks(const Sums& c, int first, Block a, const T* b, int M, int N, int numbers, bool far = false) {
  const int K = depthOf(numbers);
  const Sums rows{c.rows + first, c.column, c.start};
  const auto ahead = [&](int j, int part) ALWAYS {
    return PREFETCHES && far && part < 2 ? b + (j + NR) * K + part * (NR / 2) * K : nullptr;
  };
  int j = 0;
  // With few rows, several panels at once keep enough chains going.
  if (M == 1) {
    for (; j + 6 * NR <= N; j += 6 * NR) tile<1, 6>(rows, 0, j, a.at, 0, b + j * K, K);
    for (; j + 4 * NR <= N; j += 4 * NR) tile<1, 4>(rows, 0, j, a.at, 0, b + j * K, K);
    for (; j + 2 * NR <= N; j += 2 * NR) tile<1, 2>(rows, 0, j, a.at, 0, b + j * K, K);
  } else if (M == 2) {
    for (; j + 2 * NR <= N; j += 2 * NR) tile<2, 2>(rows, 0, j, a.at, 0, b + j * K, K);
  }
  for (; j + NR <= N; j += NR) {
    eachPanel(M, [&](int m, int size) ALWAYS {
      const int next = m + size < M ? m + size : 0;
      if (PREFETCHES && c.cold) prefetchTile(rows, next, j + (next ? 0 : NR), min(MR, M - next));
      tileOfRows(size, rows, m, j, a, b + j * K, K, ahead(j, m / MR));
    });
  }
  if (j == N) return;
  // The last, narrower panel goes through a full tile in memory.
  T edge[MC * NR];
  T* edges[MC];
  listRows(edges, edge, NR, M);
  const auto eachPart = [&](auto f) ALWAYS {
    for (int m = 0; m < M; m++) {
      for (int n = j; n < N; n += W) f(edges[m] + n - j, m, n, min(W, N - n));
    }
  };
  fillRow(edge, 0, M * NR);
  eachPart([&](T* p, int m, int n, int size) ALWAYS { store(p, load((c.start ? c.start : rows.rows[m] + c.column) + n, size)); });
  eachPanel(M, [&](int m, int size) ALWAYS { tileOfRows(size, {edges}, m, 0, a, b + j * K, K); });
  eachPart([&](T* p, int m, int n, int size) ALWAYS { store(rows.rows[m] + c.column + n, load(p), size); });
}

// The right side of a product. With `packed` null: the rows of a weight as they are, B[k][n] = rows[n][k], which is cheaper
// than packing when only a few rows of A will ever meet it (a streamed step).
struct Right {
  const T* packed;
  const T* const* rows = nullptr;
};
constexpr int FEW = BF16 ? 0 : 2; // rounded, every product goes the same way, so that a row's bits depend on no other

// The right side B[k][n] = rows[n][k] for a product with M rows in all; `out` holds packedSize(K, N). Parts have to meet before they use it.
INLINE Right prepare(T* out, const T* const* rows, int K, int N, int M, const Part& part = {}) {
  if (M <= FEW) return {nullptr, rows};
  packTransposed(out, rows, 0, K, N, part);
  return {out, rows};
}

// c[n] += Σ_k a[k] · p[n][k] for PARTS·W columns, of which the last part has `last`.
template <int PARTS> INLINE void multiplyColumns(T* c, const T* a, const T* const* p, int last, int K) {
  V sum[PARTS];
  UNROLL for (int i = 0; i < PARTS; i++) sum[i] = i < PARTS - 1 ? load(c + i * W) : load(c + i * W, last);
  int k = 0;
  NOUNROLL for (; k + 4 <= K; k += 4) {
    UNROLL for (int i = 0; i < PARTS; i++) {
      V b[4];
      turn(b, p + i * W, k);
      UNROLL for (int j = 0; j < 4; j++) sum[i] = fma_(splat(a[k + j]), b[j], sum[i]);
    }
  }
  for (; k < K; k++) {
    UNROLL for (int i = 0; i < PARTS; i++) sum[i] = fma_(splat(a[k]), column<V>(p + i * W, k), sum[i]);
  }
  UNROLL for (int i = 0; i < PARTS; i++) {
    if (i < PARTS - 1) store(c + i * W, sum[i]);
    else store(c + i * W, sum[i], last);
  }
}

// c[n] += Σ_k a[k] · rows[n][first + k] for one row: the chain of sums is as everywhere.
NOINLINE void multiplyRow(T* c, const T* a, const T* const* rows, int first, int N, int K) {
  const T* p[2 * W];
  int n = 0;
  for (; n + 2 * W <= N; n += 2 * W) {
    UNROLL for (int i = 0; i < 2 * W; i++) p[i] = rows[n + i] + first;
    multiplyColumns<2>(c + n, a, p, W, K);
  }
  for (; n < N; n += W) {
    const int last = min(W, N - n);
    for (int i = 0; i < W; i++) p[i] = rows[n + min(i, last - 1)] + first; // lanes beyond the last column are not stored
    multiplyColumns<1>(c + n, a, p, last, K);
  }
}

// The left side of a product: A[m][k] = rows[m][column + k] (· scale[m][column + k]).
struct Left {
  const T* const* rows;
  int column = 0;
  const T* const* scale = nullptr;
};

// How far apart M rows stand, if it is equally far and rows need not be packed; otherwise 0. Rows that are whole pages apart take each other's
// places in the first-level cache when they are long.
INLINE long strideOf(const T* const* rows, int M, int K) {
  if (!STRIDES || M < 3) return 0;
  const long stride = rows[1] - rows[0];
  if (K > KC / 2 && stride % (4096 / int(sizeof(T))) == 0) return 0;
  for (int i = 2; i < M; i++) {
    if (rows[i] - rows[i - 1] != stride) return 0;
  }
  return stride;
}

constexpr i64 FAR = 1 << 20; // bytes of a right side from which on it is taken not to fit the second-level cache

// C += A·B for M rows, N columns, K terms. `block` holds BLOCK_SIZE.
NOINLINE void multiply(const Sums& c, Left a, Right b, int M, int N, int K, T* block) {
  if (!b.packed) {
    for (int m = 0; m < M; m++) {
      T* to = c.rows[m] + c.column;
      if (c.start) copyRow(to, c.start, N);
      for (int k = 0; k < K; k += KC) {
        const int kc = min(KC, K - k), column = a.column + k;
        if (a.scale) packBlock(block, a.rows + m, a.scale + m, column, 1, kc);
        multiplyRow(to, a.scale ? block : a.rows[m] + column, b.rows, k, N, kc);
      }
    }
    return;
  }
  const bool far = i64(K) * N * i64(sizeof(T)) > FAR;
  for (int m = 0; m < M; m += MC) {
    const int mc = min(MC, M - m);
    for (int k = 0; k < K; k += KC) {
      const int kc = min(KC, K - k), column = a.column + k;
      Block left{block};
      if (mc == 1 && !a.scale && !BF16) left = {a.rows[m] + column}; // one row is a panel as it is
      else if (const long stride = a.scale ? 0 : strideOf(a.rows + m, mc, kc)) left = {a.rows[m] + column, stride};
      else packBlock(block, a.rows + m, a.scale ? a.scale + m : nullptr, column, mc, kc);
      multiplyBlocks({c.rows, c.column, k == 0 ? c.start : nullptr, c.cold}, m, left, b.packed + k * roundUp(N, NR), mc, N, kc, far);
    }
  }
}
