// The way back through a recurrent layer: the gradients of the weights are summed chunk by chunk, while a chunk's rows are still in the cache.
//
// Threads share the items, and meet once per chunk, when the rows of D of all items are there; then each sums its own rows of the weights'
// gradients, over all items in the order of one thread.
#pragma once
#include "recurrent.h"
#if TRAINING

// Steps per chunk: its rows are those of one product, or fewer.
INLINE int chunkBackward(int L, int B) { return max(1, min(L, KC / max(1, B))); }

// What all parts read. Of what is made anew for each chunk there are two: a part may be at the next chunk while others still sum this one.
struct BackwardShared {
  const T **wxRows, **whRows;
  T *zeros, *carry, *wx, *wh, *dRows[2], *xPacked[2], *hPacked[2];

  BackwardShared(Scratch& s, const Layout& c, int L, int B, int parts) {
    const int rows = chunkBackward(L, B) * B;
    wxRows = s.list<const T*>(c.inputWidth());
    whRows = s.list<const T*>(c.recurrentWidth());
    zeros = s.take(max(c.P, c.H));
    carry = s.take(i64(B) * c.P);
    wx = s.take(packedSize(c.inputWidth(), c.I));
    wh = s.take(preparedSize(c.recurrentWidth(), c.P));
    pair(dRows, s, i64(rows) * c.width(), parts);
    pair(xPacked, s, packedSize(rows, c.I), parts);
    pair(hPacked, s, packedSize(rows, c.P), parts);
  }
  static void pair(T** two, Scratch& s, i64 n, int parts) {
    two[0] = s.take(n);
    two[1] = parts > 1 ? s.take(n) : two[0];
  }
};

// One part's own: lists of all rows of a chunk, and of its own.
struct BackwardWork {
  int chunk;
  const T **x, **h, **mask, **saved, **ownD;
  T **d, **dx, **dh, **product, **dwx, **dwh;
  int *item, *row, *step, *start;
  T *share, *rest, *products, *block;

  BackwardWork(Scratch& s, const Layout& c, int L, int B) {
    chunk = chunkBackward(L, B);
    const int rows = chunk * B;
    x = s.list<const T*>(rows);
    h = s.list<const T*>(rows);
    mask = s.list<const T*>(rows);
    saved = s.list<const T*>(rows);
    ownD = s.list<const T*>(rows);
    d = s.list<T*>(rows);
    dx = s.list<T*>(rows);
    dh = s.list<T*>(B);
    product = s.list<T*>(B);
    dwx = s.list<T*>(c.H);
    dwh = s.list<T*>(c.H);
    item = s.list<int>(rows);
    row = s.list<int>(rows);
    step = s.list<int>(rows);
    start = s.list<int>(2 * chunk); // of each step, this part's first row and the one behind its last
    share = s.take(max(c.P, c.H));
    rest = s.take(i64(B) * c.P);
    products = s.take(i64(B) * c.P);
    block = s.take(BLOCK_SIZE);
  }
};

/** One step's active items, n of them, going back: as StepRows, with rows of D to write and of the carried gradient to update. */
struct BackRows {
  int step;
  int n, at; // rows at … at+n-1 of the chunk
  const int *item, *row;
  const T* const* saved;
  T* const* d;
  T* const* dh;
  const T* const* h;
  const T* const* mask; // null without one
};

// dh += mask ∘ (D·wh), for the columns of D from `column`, K of them; `wh` is [K, P], `zeros` P of them.
NOINLINE void carryBack(const BackRows& r, BackwardWork& w, const Layout& c, int column, int K, Right wh, const T* zeros) {
  if (!r.mask) return multiply({r.dh}, {r.d, column}, wh.turned(r.step), r.n, c.P, K, w.block);
  multiply({w.product, 0, zeros}, {r.d, column}, wh.turned(r.step), r.n, c.P, K, w.block);
  for (int i = 0; i < r.n; i++) {
    eachVector(c.P, [&](int j, int m) ALWAYS {
      store(r.dh[i] + j, fma_(load(r.mask[i] + j, m), load(w.product[i] + j, m), load(r.dh[i] + j, m)), m);
    });
  }
}

// dw[m] += Σ_r d[r][column + m] · right[r] for a part's share of m < M, `right` packed [n, N] and given per KC rows.
NOINLINE void addWeightGradient(const Part& part, T* const* dw, const T* const* d, int column, const T* right, int n, int N, int M, T* block) {
  const auto [from, to] = part.of(M);
  for (int k = 0; k < n; k += KC) {
    const int kc = min(KC, n - k);
    for (int m = from; m < to; m += MC) {
      const int mc = min(MC, to - m);
      packBlockOfColumns(block, d + k, column + m, mc, kc);
      multiplyBlocks({.rows = dw, .cold = true}, m, {block}, right + k * roundUp(N, NR), mc, N, kc);
    }
  }
}

// The rows of all parts for a chunk: n of them, and which of the two buffers they stand in.
struct Chunk {
  int n, buffer;
};

// dwx += Dᵀ·x and dwh += Dᵀ·h for a chunk, block by block, each block of D packed once for both; a part's share of each gate's rows.
NOINLINE void addWeightGradients(const Part& part, T* dwx, T* dwh, const Layout& c, const BackwardShared& all, BackwardWork& w, const Chunk& chunk) {
  const auto [from, to] = part.of(c.H);
  for (int k = 0; k < chunk.n; k += KC) {
    const int kc = min(KC, chunk.n - k);
    for (int g = 0; g < c.blocks; g++) {
      const bool x = dwx && c.wxGate[g] >= 0, h = dwh && c.whGate[g] >= 0;
      if (!x && !h) continue;
      if (x) listRows(w.dwx, dwx + long(c.wxGate[g]) * c.H * c.I, c.I, c.H);
      if (h) listRows(w.dwh, dwh + long(c.whGate[g]) * c.H * c.P, c.P, c.H);
      for (int m = from; m < to; m += MC) {
        const int mc = min(MC, to - m);
        packBlockOfColumns(w.block, w.d + k, g * c.H + m, mc, kc);
        if (x) multiplyBlocks({.rows = w.dwx, .cold = true}, m, {w.block}, all.xPacked[chunk.buffer] + k * roundUp(c.I, NR), mc, c.I, kc);
        if (h) multiplyBlocks({.rows = w.dwh, .cold = true}, m, {w.block}, all.hPacked[chunk.buffer] + k * roundUp(c.P, NR), mc, c.P, kc);
      }
    }
  }
}

struct Gradients {
  T *dx, *dh0, *dwx, *dwh, *dbx, *dbh;
};

// What all parts read, made by the first of them before they start; each then packs its share.
INLINE void shareBackward(const BackwardShared& all, const Layout& c, const T* wx) {
  fillRow(all.zeros, 0, max(c.P, c.H));
  listGates(all.wxRows, wx, c.wxGate, 0, c.inputs, c.H, c.I);
}

// Walks back over all steps of a part's items. `step(BackRows)` turns the carried gradient of the new state (zoneout done) into the row
// of D and the carried gradient of the old state. `pack(Chunk)` may pack a share of what was there before D, and after all parts have met
// `sum(Chunk)` may add a share of gradients of its own from all rows. `products` says which blocks of D give dwx and dwh here.
template <class Step, class Pack, class Sum>
INLINE void runBackward(const Part& part, const Layout& c, const Layout& products, const Steps& q, const BackwardShared& all, BackwardWork& w, const Zone& zone, const Gradients& out, const T* dy, const T* dhn, const T* y, const T* saved, const T* x, const T* h0, const T* mask, Step step, Pack pack, Sum sum) {
  const int B = q.B, width = c.width();
  T* const carry = all.carry + long(q.from) * c.P;
  if (dhn) copyRow(carry, dhn + long(q.from) * c.P, q.items() * c.P);
  else fillRow(carry, 0, q.items() * c.P);
  if (out.dx) packStraight(all.wx, all.wxRows, nullptr, c.inputWidth(), c.I, part);
  listRows(w.product, w.products, c.P, B);
  part.meet();

  int buffer = 0;
  for (int last = q.longest(); last > 0; last -= w.chunk, buffer ^= 1) {
    const int first = max(0, last - w.chunk);
    int n = 0;
    for (int s = last - 1, *start = w.start; s >= first; s--, start += 2) {
      for (int b = 0; b < B; b++) {
        if (b == q.from) start[0] = n;
        if (b == q.to) start[1] = n;
        if (s >= q.length(b)) continue;
        const int row = q.row(s, b);
        w.item[n] = b;
        w.row[n] = row;
        w.step[n] = s;
        w.x[n] = x + long(row) * c.I;
        w.h[n] = s > 0 ? y + long(q.row(s - 1, b)) * c.P : h0 ? h0 + long(b) * c.P : all.zeros;
        if (mask) w.mask[n] = mask + long(b) * c.P;
        w.saved[n] = saved + (long(s) * B + b) * width;
        w.d[n] = all.dRows[buffer] + long(n) * width;
        n++;
      }
      if (q.from == B) start[0] = n;
      if (q.to == B) start[1] = n;
    }
    const Chunk chunk{n, buffer};

    int own = 0;
    for (int s = last - 1, *start = w.start; s >= first; s--, start += 2) {
      const int at = start[0], m = start[1] - at;
      for (int i = 0; i < m; i++) {
        const int row = w.row[at + i];
        w.dh[i] = all.carry + long(w.item[at + i]) * c.P;
        if (dy) addRow(w.dh[i], dy + long(row) * c.P, c.P);
        if (zone.on()) {
          zoneShares(w.share, zone, row, c.P);
          zoneSplit(w.dh[i], w.rest + long(i) * c.P, w.share, c.P);
        }
        if (!out.dx) continue;
        w.ownD[own] = w.d[at + i];
        w.dx[own++] = out.dx + long(row) * c.I;
      }
      step(BackRows{s, m, at, w.item + at, w.row + at, w.saved + at, w.d + at, w.dh, w.h + at, mask ? w.mask + at : nullptr});
      for (int i = 0; zone.on() && i < m; i++) addRow(w.dh[i], w.rest + long(i) * c.P, c.P);
    }
    if (out.dx) multiply({.rows = w.dx, .cold = true}, {w.ownD}, {all.wx}, own, c.I, c.inputWidth(), w.block);
    if (out.dwx) packStraight(all.xPacked[buffer], w.x, nullptr, n, c.I, part);
    if (out.dwh) packStraight(all.hPacked[buffer], w.h, mask ? w.mask : nullptr, n, c.P, part);
    pack(chunk);
    part.meet();

    addWeightGradients(part, out.dwx, out.dwh, products, all, w, chunk);
    const auto [from, to] = part.of(c.H);
    for (int g = 0; g < c.blocks; g++) {
      if (out.dbx && c.wxGate[g] >= 0) addRows(out.dbx + c.wxGate[g] * c.H + from, w.d, g * c.H + from, n, to - from);
      if (out.dbh && c.whGate[g] >= 0) addRows(out.dbh + c.whGate[g] * c.H + from, w.d, g * c.H + from, n, to - from);
    }
    sum(chunk);
  }
  if (out.dh0) addRow(out.dh0 + long(q.from) * c.P, carry, q.items() * c.P);
}
#endif
