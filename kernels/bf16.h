// Matrix products of numbers rounded to bfloat16, the upper half of a float: what pack.h packs and gemm.h multiplies when BF16 is 1.
//
// Two numbers that follow each other along k share a word, and one instruction adds both products of 16 pairs to float sums
// (AVX512_BF16's vdpbf16ps: numbers below the smallest normal one count as 0). Numbers are rounded to nearest, ties to even, when they are
// packed; everything that is not packed stays float. Where K is odd, the last number's partner is 0.
//
// A packed block has half as many words as numbers but begins where a block of floats would, so that whoever lays out memory or finds a
// block in it needs not know.
#pragma once
#include "vec.h"

// 16 words: lane i holds low[i] in its lower half and high[i] in its upper half.
INLINE __m512i pairWords(V low, V high) {
  alignas(64) static constexpr u16 order[32] = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_permutexvar_epi16(_mm512_load_si512(order), (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low));
}

// Words of K numbers.
INLINE int depthOf(int K) { return (K + 1) / 2; }

// words[k / 2] = row[k] (· scale[k]) and its neighbour.
NOINLINE void roundRow(u32* words, const T* row, const T* scale, int K) {
  const auto number = [&](int k, int n) ALWAYS { return scale ? load(row + k, n) * load(scale + k, n) : load(row + k, n); };
  int k = 0;
  for (; k + 2 * W <= K; k += 2 * W) {
    _mm512_storeu_si512(words + k / 2, (__m512i)_mm512_cvtne2ps_pbh((__m512)number(k + W, W), (__m512)number(k, W)));
  }
  if (k == K) return;
  const int left = K - k;
  const V low = number(k, min(left, W)), high = left > W ? number(k + W, left - W) : V{};
  _mm512_mask_storeu_epi32(words + k / 2, (__mmask16)((1u << depthOf(left)) - 1), (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low));
}

// out[p·stride + i] = word p of rows[i][first …], for i < n <= NR rows of K <= KC numbers; scale as in roundRow.
NOINLINE void interleave(T* out, int stride, const T* const* rows, const T* const* scale, int n, int first, int K) {
  alignas(64) u32 words[W][KC / 2];
  const T* list[W];
  for (int i = 0; i < n; i += W) { // 16 rows at a time, four words of each
    const int m = min(W, n - i);
    const __mmask16 lanes = (__mmask16)((1u << m) - 1);
    for (int j = 0; j < m; j++) roundRow(words[j], rows[i + j] + first, scale ? scale[i + j] + first : nullptr, K);
    for (int j = 0; j < W; j++) list[j] = (const T*)words[min(j, m - 1)]; // lanes beyond the last row are not stored
    T* to = out + i;
    for (int p = 0; p < depthOf(K); p += 4) {
      V four[4];
      turn(four, list, p);
      for (int q = 0; q < 4 && p + q < depthOf(K); q++, to += stride) _mm512_mask_storeu_epi32(to, lanes, (__m512i)four[q]);
    }
  }
}

// out[p·stride + i] = the word of rows[2p][column + i] and rows[2p + 1][column + i] (· scale, of the same places), for i < n <= W.
INLINE void pairRows(T* out, int stride, const T* const* rows, const T* const* scale, int column, int n, int K) {
  const __mmask16 lanes = (__mmask16)((1u << n) - 1);
  const auto number = [&](int k) ALWAYS {
    const V x = (V)_mm512_maskz_loadu_ps(lanes, rows[k] + column);
    return scale ? x * (V)_mm512_maskz_loadu_ps(lanes, scale[k] + column) : x;
  };
  for (int k = 0; k < K; k += 2, out += stride) _mm512_mask_storeu_epi32(out, lanes, pairWords(number(k), k + 1 < K ? number(k + 1) : V{}));
}

// sum + the two products of each lane
INLINE V dot(V sum, V left, V right) { return (V)_mm512_dpbf16_ps((__m512)sum, (__m512bh)left, (__m512bh)right); }
INLINE V splatPacked(const T* p) { return (V)_mm512_set1_epi32(*(const int __attribute__((may_alias))*)p); }
