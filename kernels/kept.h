// Packed weights kept from one call to the next.
//
// A kernel that packs weights may be given room for them, `kept`, zeros at first, that nobody else writes to. Each panel or strip there has a
// stamp: a fingerprint of the numbers that it was packed from. The next call takes it again and packs what has another one. So whoever changes
// weights (an optimizer, a file, a program) has nobody to tell. A fingerprint reads as much as packing does and writes nothing, which is worth it
// where few rows follow: a step of a batch, a short chunk. Native code only; in WebAssembly it is as fast to pack.
#pragma once
#include "strips.h"

#if defined(__wasm__)
constexpr bool KEEPS = false;
#else
constexpr bool KEEPS = true;
#endif

INLINE i64 preparedSize(i64 K, int N) { return K * stripColumns(N); } // in panels or in strips
constexpr int FEW = BF16 ? 0 : 2; // rows that meet weights as they are; rounded, all go the same way, so that a row's bits depend on no other
constexpr int MANY = 512;         // rows from which on packing takes no share of the time that could be seen
// Whether weights that M rows meet in all are worth keeping.
INLINE bool worthKeeping(i64 M) { return KEEPS && M > FEW && M <= MANY; }

// A fingerprint of n numbers of each of some rows. One number that changes always changes it. Several in the same lane do so but for one case in
// 2^32, which is as much as a lane can tell apart.
NOINLINE u64 stampOf(const T* const* rows, int count, int n) {
  constexpr int CHAINS = 4, LANES = VECTOR_BYTES / 4;
  typedef u32 Bits __attribute__((vector_size(VECTOR_BYTES)));
  Bits h[CHAINS] = {};
  const auto mix = [](Bits& h, V x) ALWAYS { // one to one in both; the upper half reaches the lower
    h = (h ^ (Bits)x) * 0x9e3779b1u;
    h ^= h >> 15;
  };
  int i = 0;
  for (; i + CHAINS <= count; i += CHAINS) {
    eachVector(n, [&](int k, int m) ALWAYS {
      UNROLL for (int c = 0; c < CHAINS; c++) mix(h[c], load(rows[i + c] + k, m));
    });
  }
  for (; i < count; i++) eachVector(n, [&](int k, int m) ALWAYS { mix(h[0], load(rows[i] + k, m)); });
  u64 all = 0;
  for (int lane = 0; lane < CHAINS * LANES; lane++) {
    all = (all ^ h[lane / LANES][lane % LANES]) * 0x9e3779b97f4a7c15u;
    all ^= all >> 32;
  }
  return all;
}

// Where a packed right side stands: in scratch, or in what is kept.
struct Store {
  T* at;
  u64* stamps = nullptr; // one per NR columns, behind a word that says for which form; null: nothing is kept

  Store(T* at) : at(at) {}
  // Room for K × N in panels, or in strips if `single`. What was kept in another form is forgotten.
  Store(Scratch& s, [[maybe_unused]] Scratch* kept, i64 K, int N, [[maybe_unused]] bool single) {
    if constexpr (KEEPS) {
      if (kept) {
        const int count = stripColumns(N) / NR;
        stamps = kept->list<u64>(1 + count) + 1;
        at = kept->take(preparedSize(K, N));
        if (!kept->base) return; // to learn the size
        const u64 form = u64(K) << 32 | u64(2 * i64(N) + single);
        if (stamps[-1] == form) return;
        stamps[-1] = form;
        for (int i = 0; i < count; i++) stamps[i] = 0;
        return;
      }
    }
    at = s.take(preparedSize(K, N));
  }
  // Whether the columns from `first`, packed from these rows, stand there. If not, they have to be packed now.
  bool has([[maybe_unused]] int first, [[maybe_unused]] const T* const* rows, [[maybe_unused]] int count, [[maybe_unused]] int K) const {
    if constexpr (KEEPS) {
      if (!stamps) return false;
      const u64 stamp = stampOf(rows, count, K), was = stamps[first / NR];
      stamps[first / NR] = stamp;
      return was == stamp && stamp != 0;
    }
    return false;
  }
};
