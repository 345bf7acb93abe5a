// Matrix products: C += A·B, on packed blocks, with any sizes.
//
// Rows are found through pointers, so that a caller chooses them freely: the state before a step stands in h0 or in another row
// of y, padded steps are left out. B is packed once (panels of NR columns, blocks of KC rows) and reused for all rows of A; A is
// packed block by block (panels of at most MR rows); one tile of MR × NR sums stays in registers for a whole block.
//
// Every element of C is one chain, c = fma(a[k], b[k], c) for k = 0, 1, …, from what stood there. So its bits depend neither on
// the other rows nor on any block size here: a batch gives the same as its items, a chunk the same as the whole.
//
// Where each product has a single row of A (one sequence, a streamed step), B is packed in strips instead: strips.h.
#pragma once
#include "kept.h"

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
  const auto round = [&](auto later) ALWAYS { // of this many rounds later than a and b
    constexpr unsigned by = later.value;
    V right[PANELS * PANEL_VECTORS];
    UNROLL for (int v = 0; v < PANELS * PANEL_VECTORS; v++) right[v] = load(b + (v / PANEL_VECTORS) * K * NR + (v % PANEL_VECTORS) * W + by * NR);
    UNROLL for (int i = 0; i < ROWS; i++) {
      const V left = splatPacked(STRIDED ? a + i * stride + by : a + i + by * ROWS);
      UNROLL for (int v = 0; v < PANELS * PANEL_VECTORS; v++) sum[i][v] = dot(sum[i][v], left, right[v]);
    }
    if constexpr (AHEAD) {
      __builtin_prefetch(ahead);
      ahead += 64 / int(sizeof(T));
    }
  };
  const auto advance = [&](int rounds) ALWAYS {
    a += STRIDED ? rounds : rounds * ROWS;
    b += rounds * NR;
  };
#if defined(__wasm__)
  // Four at a time, whose addresses differ in constants, which cost nothing; with a way out after each, as V8 would mix them otherwise, for which it
  // has too few registers.
  NOUNROLL for (int left = K; left > 0; left -= 4) {
    round(Known<0>{});
    if (left == 1) break;
    round(Known<1>{});
    if (left == 2) break;
    round(Known<2>{});
    if (left == 3) break;
    round(Known<3>{});
    advance(4);
  }
#else
  int k = 0;
  if constexpr (K_UNROLL == 2) {
    NOUNROLL for (; k + 2 <= K; k += 2) {
      round(Known<0>{});
      advance(1);
      round(Known<0>{});
      advance(1);
    }
  }
  NOUNROLL for (; k < K; k++) {
    round(Known<0>{});
    advance(1);
  }
#endif
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < PANELS * PANEL_VECTORS; v++) store(to[i] + v * W, sum[i][v]);
  }
}

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
  if (TRAINING && M == 1) { // what only predicts has strips for one sequence, and is smaller without
    for (; j + WIDEST * NR <= N; j += WIDEST * NR) tile<1, WIDEST>(rows, 0, j, a.at, 0, b + j * K, K);
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
// than packing when only a few rows of A will ever meet it.
struct Right {
  const T* packed;
  const T* const* rows = nullptr;
  bool strips = false; // what is packed; then no row of A has a scale
  bool back = false;   // strips from the last to the first, where rows take turns

  Right turned(int step) const { return {packed, rows, strips, bool(step & 1)}; }
};

// The right side B[k][n] = rows[n][k] for products with M rows in all. Parts have to meet before they use it. `single`: each product has one row,
// without a scale.
NOINLINE Right prepare(const Store& out, const T* const* rows, int K, int N, int M, const Part& part = {}, bool single = false) {
  if (M <= FEW) return {nullptr, rows};
  if (single && !BF16 && fillsStrips(N)) { // there is one part, then
    const Strips s = Strips::of(N, K, sizeof(T), true);
    if (!KEEPS || !out.stamps) packStrips(out.at, rows, s, K, N);
    else for (int i = 0; i < s.count; i++) {
      const int first = s.begin(i);
      if (!out.has(first, rows + first, min(s.begin(i + 1), N) - first, K)) packStrip(out.at, rows, s, i, K, N);
    }
    return {out.at, rows, true};
  }
  const auto [from, to] = part.of(N, NR);
  if (!KEEPS || !out.stamps) packTransposed(out.at, rows, K, N, from, to);
  else for (int j = from; j < to; j += NR) {
    if (!out.has(j, rows + j, min(NR, N - j), K)) packTransposed(out.at, rows, K, N, j, j + 1);
  }
  return {out.at, rows};
}
#if TRAINING
// The right side B[k][n] = rows[k][n], otherwise the same, but packed for any number of rows.
NOINLINE Right prepareStraight(T* out, const T* const* rows, int K, int N, const Part& part, bool single) {
  if (single && !BF16 && fillsStrips(N)) {
    packStripsStraight(out, rows, Strips::of(N, K, sizeof(T), true), K, N);
    return {out, nullptr, true};
  }
  packStraight(out, rows, nullptr, K, N, part);
  return {out};
}
#endif

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

// C += A·B (or, with a start, C = start + A·B) for M rows, N columns, K terms. `block` holds BLOCK_SIZE.
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
  if (b.strips) {
    const StripMatrix m{0, 0, K, N, Strips::of(N, K, sizeof(T), true)};
    for (int i = 0; i < M; i++) {
      T* to = c.rows[i] + c.column;
      if (c.start) copyRow(to, c.start, N);
      RowProduct<T>{to, a.rows[i] + a.column, b.packed, nullptr, m}.addWithin(N, b.back);
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
