// Vectors of T, and exp, log, sigmoid, tanh on them.
//
// V is one vector register: W lanes of T (wasm: 128 bits, so 4 floats or 2 doubles). Everything else in kernels/ is written for
// any W; what differs between instruction sets is in this file. Each lane's result depends on that lane alone, so a tail of fewer
// than W numbers gets the same bits as it would in the middle of a row.
//
// A loop over a row, with its tail:
//
//     eachVector(n, [&](int i, int m) ALWAYS { store(y + i, sigmoid(load(x + i, m)), m); });
#pragma once
#include "abi.h"

#define ALWAYS __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define NOUNROLL _Pragma("clang loop unroll(disable)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#define NOUNROLL _Pragma("GCC unroll 1")
#endif

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64;
#elif defined(__AVX2__)
constexpr int VECTOR_BYTES = 32;
#else
constexpr int VECTOR_BYTES = 16;
#endif
constexpr int W = VECTOR_BYTES / int(sizeof(T));

// Copied to each call, but for the build that is downloaded.
#if INFER
#define SMALL NOINLINE
#else
#define SMALL INLINE
#endif

template <bool Wide> struct LaneInt { using Type = int; };
template <> struct LaneInt<true> { using Type = long long; };
using TI = LaneInt<DOUBLE>::Type; // the whole number as wide as T

typedef T V __attribute__((vector_size(VECTOR_BYTES)));
typedef TI VI __attribute__((vector_size(VECTOR_BYTES))); // bits of a V; a comparison of two V gives one, 0 or -1 per lane
typedef T VLoose __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

#if defined(__wasm__)
typedef float V4 __attribute__((vector_size(16))); // as the built-in functions name their arguments; one of the two is V
typedef double V2 __attribute__((vector_size(16)));
#endif

INLINE V splat(T x) { return x - V{}; }
INLINE VI splatBits(TI x) { return x - VI{}; }
#if defined(__wasm__)
INLINE V select(VI mask, V yes, V no) { return (V)((mask & (VI)yes) | (~mask & (VI)no)); }
#else
INLINE V select(VI mask, V yes, V no) { return mask ? yes : no; }
#endif

// a·b + c, in one rounding where the target has it.
INLINE V fma_(V a, V b, V c) {
#if defined(__wasm_relaxed_simd__)
  if constexpr (DOUBLE) return (V)__builtin_wasm_relaxed_madd_f64x2((V2)a, (V2)b, (V2)c);
  else return (V)__builtin_wasm_relaxed_madd_f32x4((V4)a, (V4)b, (V4)c);
#elif defined(__AVX512F__)
  return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
  return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON)
  return (V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

// The smaller (larger) of each lane; where x is NaN, NaN: `x` is the number in question, `limit` never NaN.
INLINE V atMost(V x, V limit) {
#if defined(__wasm__)
  if constexpr (DOUBLE) return (V)__builtin_wasm_pmin_f64x2((V2)x, (V2)limit);
  else return (V)__builtin_wasm_pmin_f32x4((V4)x, (V4)limit);
#elif defined(__AVX512F__)
  return (V)_mm512_min_ps((__m512)limit, (__m512)x);
#elif defined(__AVX__)
  return (V)_mm256_min_ps((__m256)limit, (__m256)x);
#elif defined(__SSE__)
  return (V)_mm_min_ps((__m128)limit, (__m128)x);
#else
  return select(limit < x, limit, x);
#endif
}
INLINE V atLeast(V x, V limit) {
#if defined(__wasm__)
  if constexpr (DOUBLE) return (V)__builtin_wasm_pmax_f64x2((V2)x, (V2)limit);
  else return (V)__builtin_wasm_pmax_f32x4((V4)x, (V4)limit);
#elif defined(__AVX512F__)
  return (V)_mm512_max_ps((__m512)limit, (__m512)x);
#elif defined(__AVX__)
  return (V)_mm256_max_ps((__m256)limit, (__m256)x);
#elif defined(__SSE__)
  return (V)_mm_max_ps((__m128)limit, (__m128)x);
#else
  return select(limit > x, limit, x);
#endif
}
INLINE V absolute(V x) { return (V)((VI)x & ~(VI)splat(T(-0.0))); }

INLINE V load(const T* p) { return *(const VLoose*)p; }
INLINE void store(T* p, V v) { *(VLoose*)p = v; }

// Four T, whatever the width of V: what rows are turned into columns with.
typedef T Quad __attribute__((vector_size(4 * sizeof(T))));
typedef T QuadLoose __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
INLINE Quad loadQuad(const T* p) { return *(const QuadLoose*)p; }
INLINE void storeQuad(T* p, Quad v) { *(QuadLoose*)p = v; }

// The first n lanes, 1 <= n <= W; the others are 0. With n == W, known when compiled, a plain load or store.
#if defined(__AVX512F__)
INLINE V loadSome(const T* p, int n) { return (V)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
INLINE void storeSome(T* p, V v, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v); }
#else
NOINLINE V loadSome(const T* p, int n) {
  T lanes[W] = {};
  NOUNROLL for (int i = 0; i < n; i++) lanes[i] = p[i];
  return load(lanes);
}
NOINLINE void storeSome(T* p, V v, int n) {
  T lanes[W];
  store(lanes, v);
  NOUNROLL for (int i = 0; i < n; i++) p[i] = lanes[i];
}
#endif
INLINE V load(const T* p, int n) { return __builtin_constant_p(n) && n == W ? load(p) : loadSome(p, n); }
INLINE void store(T* p, V v, int n) { __builtin_constant_p(n) && n == W ? store(p, v) : storeSome(p, v, n); }

// Turning rows into columns, in every 128-bit part of a vector alike. loadQuads: part i is four numbers of rows[4·i], from k.
#if defined(__AVX512F__)
INLINE V loadQuads(const T* const* rows, int k) {
  __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(rows[0] + k));
  v = _mm512_insertf32x4(v, _mm_loadu_ps(rows[4] + k), 1);
  v = _mm512_insertf32x4(v, _mm_loadu_ps(rows[8] + k), 2);
  return (V)_mm512_insertf32x4(v, _mm_loadu_ps(rows[12] + k), 3);
}
INLINE V interleaveLow(V a, V b) { return (V)_mm512_unpacklo_ps((__m512)a, (__m512)b); }
INLINE V interleaveHigh(V a, V b) { return (V)_mm512_unpackhi_ps((__m512)a, (__m512)b); }
INLINE V lowPairs(V a, V b) { return (V)_mm512_unpacklo_pd((__m512d)a, (__m512d)b); }
INLINE V highPairs(V a, V b) { return (V)_mm512_unpackhi_pd((__m512d)a, (__m512d)b); }
#elif defined(__AVX2__)
INLINE V loadQuads(const T* const* rows, int k) {
  return (V)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows[0] + k)), _mm_loadu_ps(rows[4] + k), 1);
}
INLINE V interleaveLow(V a, V b) { return (V)_mm256_unpacklo_ps((__m256)a, (__m256)b); }
INLINE V interleaveHigh(V a, V b) { return (V)_mm256_unpackhi_ps((__m256)a, (__m256)b); }
INLINE V lowPairs(V a, V b) { return (V)_mm256_unpacklo_pd((__m256d)a, (__m256d)b); }
INLINE V highPairs(V a, V b) { return (V)_mm256_unpackhi_pd((__m256d)a, (__m256d)b); }
#else
INLINE Quad loadQuads(const T* const* rows, int k) { return loadQuad(rows[0] + k); }
INLINE Quad interleaveLow(Quad a, Quad b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
INLINE Quad interleaveHigh(Quad a, Quad b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
INLINE Quad lowPairs(Quad a, Quad b) { return __builtin_shufflevector(a, b, 0, 1, 4, 5); }
INLINE Quad highPairs(Quad a, Quad b) { return __builtin_shufflevector(a, b, 2, 3, 6, 7); }
#endif
// rows[i][k] in lane i.
template <class Vec> INLINE Vec column(const T* const* rows, int k) {
  Vec v = {};
  UNROLL for (int i = 0; i < int(sizeof(Vec) / sizeof(T)); i++) v[i] = rows[i][k];
  return v;
}

// Two vectors of weights: float itself; or bfloat16, the upper half of a float, where the two stand in each other's gaps (betweenPairs).
INLINE void loadTwo(V* out, const T* p) {
  out[0] = load(p);
  out[1] = load(p + W);
}
INLINE void loadTwo(V* out, const u16* p) {
  VI bits;
  __builtin_memcpy(&bits, p, sizeof bits);
  out[0] = (V)(bits << 16);
  out[1] = (V)(bits & splatBits(-65536));
}
// Where the n-th of bfloat16 weights stands, then: every two vectors of them are one.
INLINE long betweenPairs(long n) { return n / (2 * W) * (2 * W) + n % W * 2 + n / W % 2; }

// sum[n] += a[0]·w[2n] + a[1]·w[2n + 1] in 32-bit whole numbers: int8 weights of two terms side by side; every lane of `pair` has a, two of 16 bits.
// FUSED: by one instruction, of processors with fusesDots().
template <bool FUSED> INLINE VI dotPairs(VI sum, VI pair, const signed char* w) {
#if defined(__AVX512F__)
  const __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)w));
  if constexpr (!FUSED) return (VI)_mm512_add_epi32((__m512i)sum, _mm512_madd_epi16((__m512i)pair, wide));
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(wide), "v"(pair));
  return sum;
#elif defined(__AVX2__)
  return (VI)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16((__m256i)pair, _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)w))));
#elif defined(__x86_64__)
  const __m128i bytes = _mm_loadl_epi64((const __m128i*)w), wide = _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
  return (VI)_mm_add_epi32((__m128i)sum, _mm_madd_epi16((__m128i)pair, wide));
#elif defined(__ARM_NEON)
  const int16x8_t wide = vmovl_s8(vld1_s8(w)), a = (int16x8_t)pair;
  return sum + (VI)vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(wide)), vmull_high_s16(a, wide));
#else
  typedef signed char I8x8 __attribute__((vector_size(8)));
  typedef short I16x8 __attribute__((vector_size(16)));
  I8x8 bytes;
  __builtin_memcpy(&bytes, w, sizeof bytes);
  return sum + (VI)__builtin_wasm_dot_s_i32x4_i16x8((I16x8)pair, __builtin_convertvector(bytes, I16x8));
#endif
}

#if defined(__AVX512F__)
constexpr bool MAY_FUSE_DOTS = true;
INLINE bool fusesDots() { return __builtin_cpu_supports("avx512vnni"); }
#else
constexpr bool MAY_FUSE_DOTS = false;
INLINE bool fusesDots() { return false; }
#endif

// Calls f(i, m) for each run of m <= W numbers of a row of n; m is the constant W but for the tail.
template <class F> INLINE void eachVector(int n, F f) {
  int i = 0;
  NOUNROLL for (; i + W <= n; i += W) f(i, W);
  if (i < n) f(i, n - i);
}

// The sum of all lanes, pairwise.
INLINE T total(V v) {
  T lanes[W];
  store(lanes, v);
  UNROLL for (int half = W / 2; half > 0; half /= 2) {
    UNROLL for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

// Whether any lane is NaN.
INLINE bool anyNaN(V v) {
#if defined(__wasm__)
  typedef signed char Bytes __attribute__((vector_size(16)));
  return __builtin_wasm_any_true_v128((Bytes)(v != v));
#elif defined(__AVX512F__)
  return _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_UNORD_Q);
#elif defined(__AVX__)
  return _mm256_movemask_ps(_mm256_cmp_ps((__m256)v, (__m256)v, _CMP_UNORD_Q));
#elif defined(__SSE__)
  return _mm_movemask_ps(_mm_cmpunord_ps((__m128)v, (__m128)v));
#else
  return total(v) != total(v);
#endif
}

// ---- exp and its relatives ----
// e^x = 2^n · e^r with n whole and |r| <= ln2 / 2; e^r - 1 by its Taylor series, whose first term left out is below half a last bit.

template <bool Wide> struct Limits; // of the floating-point formats
template <> struct Limits<false> {
  static constexpr int mantissa = 23, bias = 127, terms = 7, logTerms = 5;
  static constexpr float rounder = 12582912.0f;                              // 1.5 · 2^23: adding it rounds to a whole number
  static constexpr float ln2High = 0.693359375f, ln2Low = -2.12194440e-4f;  // n · ln2High is exact
  static constexpr float smallest = 1.17549435e-38f;                        // the smallest normal number
  static constexpr float expMost = 89.0f, expLeast = -104.0f;               // beyond: infinity, zero
  static constexpr float tanhMost = 10.0f;                                   // beyond: 1
};
template <> struct Limits<true> {
  static constexpr int mantissa = 52, bias = 1023, terms = 13, logTerms = 11;
  static constexpr double rounder = 6755399441055744.0; // 1.5 · 2^52
  static constexpr double ln2High = 6.93147180369123816490e-01, ln2Low = 1.90821492927058770002e-10;
  static constexpr double smallest = 2.2250738585072014e-308;
  static constexpr double expMost = 710.0, expLeast = -746.0;
  static constexpr double tanhMost = 22.0;
};
using Limit = Limits<DOUBLE>;

// 2^n for a whole n within the exponents of normal numbers; one more gives infinity. Only the low bits of n matter.
INLINE V powerOfTwo(VI n) { return (V)((n << splatBits(Limit::mantissa)) + splatBits(TI(Limit::bias) << Limit::mantissa)); }

// Splits x: returns e^r - 1, accurate also relative to itself near 0; the low bits of n are n.
INLINE V expm1Reduced(V x, VI& n) {
  const V rounder = splat(Limit::rounder);
  const V shifted = fma_(x, splat(T(1.4426950408889634)), rounder);
  const V whole = shifted - rounder;
  n = (VI)shifted;
  V r = fma_(whole, splat(-Limit::ln2High), x);
  r = fma_(whole, splat(-Limit::ln2Low), r);
  // 1/2! + r/3! + r² (1/4! + r/5! + r² (…)): as many operations as term by term, half the latency
  const V square = r * r;
  double factorial = 1;
  UNROLL for (int k = 2; k <= Limit::terms; k++) factorial *= k;
  V q = {};
  UNROLL for (int k = Limit::terms; k > 2; k -= 2) {
    const V pair = fma_(splat(T(1 / factorial)), r, splat(T(k / factorial)));
    q = k == Limit::terms ? pair : fma_(q, square, pair);
    factorial /= k * (k - 1);
  }
  return fma_(q, square, r);
}

// e^x: 0 and infinity where those are nearest, subnormal results included; NaN stays NaN.
SMALL V exp(V x) {
  VI n;
  const V m = expm1Reduced(atLeast(atMost(x, splat(Limit::expMost)), splat(Limit::expLeast)), n);
  n -= (VI)splat(Limit::rounder);
  const VI half = n >> splatBits(1); // in two steps: 2^n itself may be out of range
  return (m + splat(1)) * powerOfTwo(half) * powerOfTwo(n - half);
}

// 1 / (1 + e^-x): exactly 0 and 1 at the infinities; NaN stays NaN.
INLINE V sigmoid(V x) {
  VI n;
  // e^-x up to the largest power of two; beyond, 1 / infinity is 0 as it should be.
  const V m = expm1Reduced(atLeast(atMost(-x, splat(T((Limit::bias + 1) * 0.6931471805599453))), splat(T(-Limit::bias * 0.69))), n);
  return splat(1) / (splat(1) + (m + splat(1)) * powerOfTwo(n));
}

// tanh x, odd to the last bit; exactly -1 and 1 at the infinities; NaN stays NaN.
INLINE V tanh(V x) {
  VI n;
  const V size = atMost(absolute(x), splat(Limit::tanhMost));
  const V m = expm1Reduced(size + size, n);
  const V power = powerOfTwo(n);
  const V e = fma_(power, m, power - splat(1)); // e^(2|x|) - 1
  const V t = e / (e + splat(2));
  const VI sign = (VI)splat(T(-0.0));
  return (V)((VI)t | ((VI)x & sign));
}

// Natural logarithm: -infinity at 0, NaN below 0; subnormal numbers included.
SMALL V log(V x) {
  const VI tiny = x < splat(Limit::smallest);
  const T lift = T(1ull << Limit::mantissa);
  const V big = select(tiny, x * splat(lift), x);
  // big = 2^n · m with m in [sqrt(1/2), sqrt(2))
  const VI bits = (VI)big - (VI)splat(T(0.70710678118654752));
  const VI n = bits >> splatBits(Limit::mantissa);
  const V m = (V)((VI)big - (n << splatBits(Limit::mantissa)));
  const V s = (m - splat(1)) / (m + splat(1)), s2 = s * s; // log m = 2 artanh s
  V q = splat(T(1.0 / (2 * Limit::logTerms - 1)));
  UNROLL for (int k = Limit::logTerms - 1; k >= 2; k--) q = fma_(q, s2, splat(T(1.0 / (2 * k - 1))));
  const V e = __builtin_convertvector(n, V) - select(tiny, splat(T(Limit::mantissa)), splat(0));
  const V tail = fma_(s * s2 * q, splat(2), e * splat(Limit::ln2Low));
  V y = fma_(e, splat(Limit::ln2High), s + (s + tail));
  y = select(x == splat(0), splat(-__builtin_inf()), y);
  y = select(x < splat(0), splat(__builtin_nan("")), y);
  return select((x == splat(__builtin_inf())) | (x != x), x, y);
}
