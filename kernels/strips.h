// A row times packed columns: what a streamed step and a single sequence are made of.
//
// Weights are packed in strips of columns, as many as there are registers for their sums, in float, bfloat16 or int8 with a scale per column.
// Every sum is the chain that gemm.h has; with int8, a whole number.
#pragma once
#include "pack.h"

constexpr int STRIP_STEP = 4 * W;
constexpr int STRIP_AHEAD = 4096; // bytes of weights asked for in advance: 7-15% less time where they come from beyond the second-level cache
// Whether weights come more slowly than they are computed with. To WebAssembly, and to short vectors, they come fast enough from anywhere.
// Where they wait, whether the processor brings weights sooner when asked for them in advance (STRIP_AHEAD): AMD's Zen 4 brings them later.
// (H = 512: 80 instead of 73 µs.)
#if defined(__AVX2__)
constexpr bool STRIPS_WAIT = true;
INLINE bool stripsGainAhead() { return !__builtin_cpu_is("amdfam19h"); }
#else
constexpr bool STRIPS_WAIT = false;
INLINE bool stripsGainAhead() { return false; }
#endif
// Bytes read for one row from which on they are taken not to fit the first-level cache; to leave next to nothing in it; and not to fit the second.
// And bytes of the largest strip that is left in the first.
constexpr i64 STRIP_NEAR = 3 << 14, STRIP_AWAY = 3 << 16, STRIP_FAR = 1 << 20, STRIP_KEPT = 1 << 15;
constexpr int STRIP_LINES = max(1, 64 * 4 / (STRIP_STEP * int(sizeof(T)))); // steps of four cache lines

// What a strip of 8 vectors leaves out when it would only pad, because vectors are long: of the 96 columns of GRU's gates at H = 32 a third would.
constexpr int STRIP_TRIM = W == 16 ? 2 * W : 0;

// The N columns of a packed matrix in strips of 12 vectors, 8 or 4: enough sums to hide the latency of a multiply-add where there are
// so many, few enough to stay in registers. The last strip is padded. None of 12 where weights are short, which need registers to be
// widened in, or where rows take turns (addProducts), so that the strips of two matrices begin at the same columns (for most H). Those are
// of four cache lines where that lets strips stay in the first-level cache: a multiply-add's latency then is no more than such lines take to come.
struct Strips {
  int columns, wide, each, count; // with those that pad; strips of three steps, which come first; steps of the others; all strips
  bool turns, ahead;              // whether rows take turns; whether to ask for weights in advance

  // `alone`: no other matrix is read for a row; otherwise a second one, taken to be as large.
  static Strips of(int N, int K, int bytes, bool alone) {
    const i64 all = i64(N) * K * bytes * (alone ? 1 : 2);
    const bool near = STRIPS_WAIT && bytes == int(sizeof(T)) && all >= STRIP_NEAR && all < STRIP_AWAY && i64(K) * STRIP_LINES * STRIP_STEP * bytes <= STRIP_KEPT;
    Strips s;
    s.turns = near || (STRIPS_WAIT && all >= STRIP_FAR);
    s.ahead = STRIPS_WAIT && bytes == int(sizeof(T)) && all >= STRIP_AWAY && stripsGainAhead();
    s.columns = roundUp(N, STRIP_STEP);
    const int steps = s.columns / STRIP_STEP;
    s.each = near ? STRIP_LINES : 2;
    s.wide = s.turns || bytes < int(sizeof(T)) || steps == 1 ? 0 : steps / 3 - (steps % 3 == 1); // 4 are 2 + 2
    const int others = steps - 3 * s.wide;
    s.count = s.wide + (others + s.each - 1) / s.each;
    if (STRIP_TRIM && s.each == 2 && others > 0 && others % 2 == 0 && s.columns - N >= STRIP_TRIM) s.columns -= STRIP_TRIM;
    return s;
  }
  int begin(int i) const { return min(columns, (i <= wide ? 3 * i : each * (i - wide) + 3 * wide) * STRIP_STEP); } // first column
};
INLINE int stripColumns(int N) { return roundUp(N, STRIP_STEP); }
INLINE bool fillsStrips(int N) { return stripColumns(N) - N <= N / 8; } // but for an eighth

// c[n] += Σ_k a[k]·w[k][n] for one strip, the chain of sums as everywhere.
template <class Weight, int VECTORS, bool AHEAD> NOINLINE void strip(T* c, const T* a, const Weight* w, int K) {
  V sum[VECTORS];
  UNROLL for (int v = 0; v < VECTORS; v++) sum[v] = load(c + v * W);
  NOUNROLL for (int k = 0; k < K; k++) {
    const V left = splat(a[k]);
    if constexpr (AHEAD) {
      UNROLL for (int i = 0; i < VECTORS * VECTOR_BYTES; i += 64) __builtin_prefetch((const char*)w + STRIP_AHEAD + i);
    }
    UNROLL for (int v = 0; v < VECTORS; v += 2) {
      V right[2];
      loadTwo(right, w + v * W);
      UNROLL for (int i = 0; i < 2; i++) sum[v + i] = fma_(left, right[i], sum[v + i]);
    }
    w += VECTORS * W;
  }
  UNROLL for (int v = 0; v < VECTORS; v++) store(c + v * W, sum[v]);
}

// A row in whole numbers of 16 bits, for int8 weights: unit · at[k]. Weights of two terms stand side by side, K of them made even.
struct Rounded {
  const short* at;
  T unit;
};
constexpr int ROUNDED_MOST = 32767, ROUNDED_TERMS = 512; // sums of so many products fit 32 bits: 512 · 32767 · 127 < 2^31
INLINE int roundedSize(int K) { return roundUp(K, W); } // of a buffer, written in whole vectors
NOINLINE Rounded roundRow(short* out, const T* a, int K) {
  V top = {}, odd = {}; // not finite where a number is not
  eachVector(K, [&](int k, int m) ALWAYS {
    const V x = load(a + k, m);
    top = atLeast(top, absolute(x));
    odd += x * splat(0);
  });
  T most = 0, lanes[W];
  store(lanes, top);
  for (int i = 0; i < W; i++) most = most < lanes[i] ? lanes[i] : most;
  const T by = most > Limit::smallest * (1 << 20) ? ROUNDED_MOST / most : T(0);
  typedef short Shorts __attribute__((vector_size(W * sizeof(short))));
  eachVector(K, [&](int k, int m) ALWAYS {
    const V rounder = splat(Limit::rounder);
    const Shorts s = __builtin_convertvector((VI)fma_(load(a + k, m), splat(by), rounder) - (VI)rounder, Shorts);
    __builtin_memcpy(out + k, &s, sizeof s);
  });
  return {out, most / ROUNDED_MOST + total(odd)};
}
// c[n] += scale[n]·unit·Σ_k a[k]·w[k][n] for one strip, the sums exact.
template <int VECTORS, bool FUSED> NOINLINE void stripInt8(T* c, Rounded a, const signed char* w, const T* scale, int K) {
  for (int first = 0; first < K; first += ROUNDED_TERMS) {
    VI sum[VECTORS] = {};
    const int last = min(K, first + ROUNDED_TERMS);
    NOUNROLL for (int k = first; k < last; k += 2) {
      int pair;
      __builtin_memcpy(&pair, a.at + k, sizeof pair);
      UNROLL for (int v = 0; v < VECTORS; v++) sum[v] = dotPairs<FUSED>(sum[v], splatBits(pair), w + v * 2 * W);
      w += VECTORS * 2 * W;
    }
    UNROLL for (int v = 0; v < VECTORS; v++) store(c + v * W, fma_(load(scale + v * W) * splat(a.unit), __builtin_convertvector(sum[v], V), load(c + v * W)));
  }
}

// A packed matrix [K,N]; w and scale count elements from the start of its layer's weights.
struct StripMatrix {
  int w, scale, K, N;
  Strips strips;
  i64 size() const { return i64(K) * N; }
};

template <class Weight> struct LeftRow { using Type = const T*; };
template <> struct LeftRow<signed char> { using Type = Rounded; };
// A row `a` [K] and the matrix that it meets; the product adds into `c`. What follows c up to a whole strip is read and written back:
// weights there are 0.
template <class Weight> struct RowProduct {
  T* c;
  typename LeftRow<Weight>::Type a;
  const Weight* w;
  const T* scale;
  const StripMatrix& m;

  // Strip i, columns first … last-1.
  __attribute__((always_inline)) void add(int first, int last) const {
    const int vectors = (last - first) / W;
    if constexpr (sizeof(Weight) == 1) {
      const Weight* from = w + i64(first) * roundUp(m.K, 2);
      const auto run = [&](auto fused) ALWAYS {
        if (vectors == 8) stripInt8<8, fused.value>(c + first, a, from, scale + first, m.K);
        else if (STRIP_TRIM && vectors == 6) stripInt8<6, fused.value>(c + first, a, from, scale + first, m.K);
        else stripInt8<4, fused.value>(c + first, a, from, scale + first, m.K);
      };
      if (MAY_FUSE_DOTS && fusesDots()) run(Known<MAY_FUSE_DOTS>{});
      else run(Known<false>{});
    } else {
      const Weight* from = w + i64(first) * m.K;
      const auto run = [&](auto ahead) ALWAYS {
        if (sizeof(Weight) == sizeof(T) && vectors == 12) strip<Weight, 12, ahead.value>(c + first, a, from, m.K);
        else if (vectors == 8) strip<Weight, 8, ahead.value>(c + first, a, from, m.K);
        else if (STRIP_TRIM && vectors == 6) strip<Weight, 6, ahead.value>(c + first, a, from, m.K);
        else strip<Weight, 4, ahead.value>(c + first, a, from, m.K);
      };
      if (STRIPS_WAIT && m.strips.ahead) run(Known<STRIPS_WAIT && sizeof(Weight) == sizeof(T)>{});
      else run(Known<false>{});
    }
  }
  // This part's share of the strips.
  __attribute__((noinline)) void addAll(Part part = {}) const {
    const auto [from, to] = part.of(m.strips.count);
    for (int i = from; i < to; i++) add(m.strips.begin(i), m.strips.begin(i + 1));
  }
  // The same where only N numbers of c may be touched; from right to left if `back` and rows take turns.
  __attribute__((noinline)) void addWithin(int N, bool back) const {
    for (int i = 0; i < m.strips.count; i++) {
      const int j = STRIPS_WAIT && back && m.strips.turns ? m.strips.count - 1 - i : i, first = m.strips.begin(j), last = m.strips.begin(j + 1);
      const bool whole = last <= N;
      T rest[3 * STRIP_STEP];
      if (!whole) {
        fillRow(rest, 0, 3 * STRIP_STEP);
        copyRow(rest, c + first, N - first);
      }
      RowProduct{whole ? c : rest - first, a, w, scale, m}.add(first, last);
      if (!whole) copyRow(c + first, rest, N - first);
    }
  }
};

// Packs strip i of B[k][n] = rows[n][k], K × N, into stripColumns(N) columns.
INLINE void packStrip(T* packed, const T* const* rows, const Strips& s, int i, int K, int N) {
  const int first = s.begin(i), columns = s.begin(i + 1) - first, n = min(columns, N - first);
  T* const out = packed + i64(K) * first;
  if (n < columns) fillRow(out, 0, K * columns);
#if BF16 // where interleave() rounds
  for (int k = 0; k < K; k++) {
    for (int j = 0; j < n; j++) out[k * columns + j] = rows[first + j][k];
  }
#else
  for (int j = 0; j < n; j += NR) interleave(out + j, columns, rows + first + j, nullptr, min(NR, n - j), 0, K);
#endif
}
NOINLINE void packStrips(T* packed, const T* const* rows, const Strips& s, int K, int N) {
  for (int i = 0; i < s.count; i++) packStrip(packed, rows, s, i, K, N);
}
// Packs B[k][n] = rows[k][n].
NOINLINE void packStripsStraight(T* out, const T* const* rows, const Strips& s, int K, int N) {
  for (int i = 0; i < s.count; i++) {
    const int first = s.begin(i), columns = s.begin(i + 1) - first, n = min(columns, N - first);
    if (n < columns) fillRow(out, 0, K * columns);
    for (int k = 0; k < K; k++, out += columns) copyRow(out, rows[k] + first, n);
  }
}
