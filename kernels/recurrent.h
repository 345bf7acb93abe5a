// What GRU, LSTM and the simple RNN share: which steps are real and where their rows stand, the input projection in chunks of
// a few steps, and the gradients of the weights chunk by chunk on the way back, while a chunk's rows are still in the cache.
//
// A cell keeps one row of `width` = blocks · H numbers per step and item: first the gates' sums, then, in place, the gates.
// The input projection adds into its columns from 0, the recurrent product into its last columns, so both are plain products.
// Going back, a row of D has the same columns and holds the gradients of those sums.
//
// Steps are counted in the order of running: step s of item b reads x at `time(s, b)`, which for the reverse direction starts
// at the item's own last real step. Steps beyond an item's length are never touched but to be cleared. `saved` is indexed by
// step, everything that a caller sees (y, gates, cells, hidden) by time.
//
// Threads share the items: each runs the whole sequence of its own, without waiting for others. Going back they meet once per chunk, when
// the rows of D of all items are there; then each sums its own rows of the weights' gradients, over all items in the order of one thread.
#pragma once
#include "gemm.h"

struct Steps {
  int L, B;
  const int* lengths; // [B]?
  int reverse;
  int from = 0, to = B; // the items of one part

  int length(int b) const { return lengths ? max(0, min(lengths[b], L)) : L; }
  int time(int s, int b) const { return reverse ? length(b) - 1 - s : s; }
  int row(int s, int b) const { return time(s, b) * B + b; }
  int longest() const {
    int most = lengths ? 0 : L;
    for (int b = 0; lengths && b < B; b++) most = max(most, length(b));
    return most;
  }
  int items() const { return to - from; }
  // One part's items, chosen so that all parts have about as many real steps.
  Steps share(const Part& part) const {
    Steps q = *this;
    q.from = before(part.index, part.count);
    q.to = before(part.index + 1, part.count);
    return q;
  }
  int before(int parts, int count) const {
    if (!lengths || parts == count) return int(i64(B) * parts / count);
    i64 all = 0, sum = 0;
    for (int b = 0; b < B; b++) all += length(b);
    int n = 0;
    for (; n < B && sum * count < all * parts; n++) sum += length(n);
    return n;
  }
};

// Clears the rows of a [L, B, n] array beyond the length of each of a part's items.
NOINLINE void clearPadding(T* y, const Steps& q, int n) {
  if (!y || !q.lengths) return;
  for (int b = q.from; b < q.to; b++) {
    for (int t = q.length(b); t < q.L; t++) fillRow(y + (long(t) * q.B + b) * n, 0, n);
  }
}

// The sizes of a cell, and how its blocks of H columns belong to the gates of wx and wh (-1: to none).
struct Layout {
  int I, H, P;             // P numbers of state go into the recurrent product; H but for an LSTM with a projection
  int blocks;              // blocks in a row
  int inputs;              // blocks 0 … inputs-1 get the projection of x
  int firstRecurrent;      // blocks firstRecurrent … blocks-1 get the recurrent product
  signed char wxGate[4], whGate[4];

  int width() const { return blocks * H; }
  int inputWidth() const { return inputs * H; }
  int recurrentWidth() const { return (blocks - firstRecurrent) * H; }
  static bool single(int B, const T* mask) { return B == 1 && !mask; } // each step's products are of one row, without a scale
  i64 operations(int L, int B) const { return 2LL * L * B * (i64(I) * inputWidth() + i64(P) * recurrentWidth()); } // of a forward pass
};

// Fills `rows` with the rows of `w` [gates·H, n] in the order of the blocks `first` … `last`-1.
template <class P> INLINE void listGates(P** rows, P* w, const signed char* gate, int first, int last, int H, int n) {
  for (int g = first; g < last; g++, rows += H) listRows(rows, w + long(gate[g]) * H * n, n, H);
}

// Steps per chunk: its rows of gates fit the second-level cache going forward; going back, they are a product's 256 or fewer.
INLINE int chunkForward(int L, int B, int width) { return max(1, min(L, int(131072 / max(i64(1), i64(B) * width)))); }
INLINE int chunkBackward(int L, int B) { return max(1, min(L, 256 / max(1, B))); }

// Zoneout (Krueger et al. 2017): of each new value only a share is taken, the rest stays the old one. The share is 0 or 1 per unit
// from `zone`, or `keep` for all; keep = 1 without `zone` is no zoneout.
struct Zone {
  const T* zone; // [L, B, n]?
  T keep;
  bool on() const { return zone || keep != T(1); }
};
// The shares of a row, gathered into `out` for n units.
NOINLINE void zoneShares(T* out, const Zone& z, int row, int n) {
  if (z.zone) copyRow(out, z.zone + long(row) * n, n);
  else fillRow(out, z.keep, n);
}
// y = old + share ∘ (y - old)
NOINLINE void zoneMix(T* y, const T* old, const T* share, int n) {
  eachVector(n, [&](int j, int m) ALWAYS {
    const V was = load(old + j, m);
    store(y + j, fma_(load(share + j, m), load(y + j, m) - was, was), m);
  });
}
// Going back: d becomes the gradient of the new value, share ∘ d; what is left, the old one's, goes to `rest`.
NOINLINE void zoneSplit(T* d, T* rest, const T* share, int n) {
  eachVector(n, [&](int j, int m) ALWAYS {
    const V all = load(d + j, m), part = all * load(share + j, m);
    store(d + j, part, m);
    store(rest + j, all - part, m);
  });
}

// ---- forward ----

// What all parts read: packed weights and what leads to them.
struct ForwardShared {
  const T **wxRows, **whRows;
  T *zeros, *bias, *wx, *wh;

  ForwardShared(Scratch& s, const Layout& c) {
    wxRows = s.list<const T*>(c.inputWidth());
    whRows = s.list<const T*>(c.recurrentWidth());
    zeros = s.take(max(c.P, c.H));
    bias = s.take(c.width());
    wx = s.take(packedSize(c.I, c.inputWidth()));
    wh = s.take(preparedSize(c.P, c.recurrentWidth()) + i64(STRIP_STEP) * c.P); // room for two parts
  }
};

// One part's own, for up to B items.
struct ForwardWork {
  int rows; // of a chunk, at most
  const T **x, **h, **mask;
  T **gates, **out;
  int *item, *row;
  T *share, *gateRows, *block;

  ForwardWork(Scratch& s, const Layout& c, int L, int B) {
    rows = chunkForward(L, B, c.width()) * B;
    x = s.list<const T*>(rows);
    h = s.list<const T*>(B);
    mask = s.list<const T*>(B);
    gates = s.list<T*>(rows);
    out = s.list<T*>(B);
    item = s.list<int>(rows);
    row = s.list<int>(rows);
    share = s.take(max(c.P, c.H));
    gateRows = s.take(i64(rows) * c.width());
    block = s.take(BLOCK_SIZE);
  }
};

// The size of each part's Work, and one part's behind what all share.
template <class Work> INLINE i64 workSize(const Layout& c, int L, int B) {
  Scratch s{nullptr};
  Work(s, c, L, B);
  return s.used;
}
template <class Work> INLINE Work workOf(const Scratch& shared, const Part& part, const Layout& c, int L, int B) {
  Scratch s = shared.part(part.index, workSize<Work>(c, L, B));
  return Work(s, c, L, B);
}

// The bias of each column: bx where the projection goes, and bh where the recurrent product goes.
NOINLINE void gatherBias(T* bias, const Layout& c, const T* bx, const T* bh) {
  fillRow(bias, 0, c.width());
  for (int g = 0; g < c.blocks; g++) {
    if (bx && c.wxGate[g] >= 0) addRow(bias + g * c.H, bx + c.wxGate[g] * c.H, c.H);
    if (bh && c.whGate[g] >= 0) addRow(bias + g * c.H, bh + c.whGate[g] * c.H, c.H);
  }
}

/** One step's active items, n of them: item number, row of y, pointers to gate row, previous state (before its mask) and mask. */
struct StepRows {
  int step, n;
  const int *item, *row;
  T* const* gates;
  const T* const* h;
  const T* const* mask; // null without one
};

// What all parts read, made by the first of them before they start; each then packs its share.
INLINE void shareForward(const ForwardShared& all, const Layout& c, const T* wx, const T* bx, const T* bh) {
  fillRow(all.zeros, 0, max(c.P, c.H));
  gatherBias(all.bias, c, bx, bh);
  listGates(all.wxRows, wx, c.wxGate, 0, c.inputs, c.H, c.I);
}

// Runs all steps of a part's items. `step(StepRows)` adds the recurrent product, turns gate rows into gates and writes the rows of y; zoneout follows.
template <class Step>
INLINE void runForward(const Part& part, const Layout& c, const Steps& q, const ForwardShared& all, ForwardWork& w, const Zone& zone, T* y, T* hn, T* gates, T* saved, const T* x, const T* h0, const T* mask, const signed char* gateBlock, int gateCount, Step step) {
  const int B = q.B, width = c.width(), inputs = c.inputWidth(), longest = q.longest();
  const int chunk = min(q.L, w.rows / max(1, q.items()));
  const Right projection = prepare(all.wx, all.wxRows, c.I, inputs, q.L * B, part);
  clearPadding(y, q, c.P);
  clearPadding(saved, q, width);
  for (int g = 0; gates && g < gateCount; g++) clearPadding(gates + long(g) * q.L * B * c.H, q, c.H);
  part.meet();

  for (int first = 0; first < longest; first += chunk) {
    const int last = min(longest, first + chunk);
    int n = 0;
    for (int s = first; s < last; s++) {
      for (int b = q.from; b < q.to; b++) {
        if (s >= q.length(b)) continue;
        w.item[n] = b;
        w.row[n] = q.row(s, b);
        w.x[n] = x + long(w.row[n]) * c.I;
        w.gates[n] = saved ? saved + (long(s) * B + b) * width : w.gateRows + long(n) * width;
        copyRow(w.gates[n] + inputs, all.bias + inputs, width - inputs); // the others begin with it in the product below
        n++;
      }
    }
    multiply({.rows = w.gates, .start = all.bias, .cold = saved != nullptr}, {w.x}, projection, n, inputs, c.I, w.block);
    for (int s = first, at = 0; s < last; s++) {
      int m = 0;
      for (int b = q.from; b < q.to; b++) {
        if (s >= q.length(b)) continue;
        w.h[m] = s > 0 ? y + long(q.row(s - 1, b)) * c.P : h0 ? h0 + long(b) * c.P : all.zeros;
        if (mask) w.mask[m] = mask + long(b) * c.P;
        m++;
      }
      step(StepRows{s, m, w.item + at, w.row + at, w.gates + at, w.h, mask ? w.mask : nullptr});
      for (int i = 0; zone.on() && i < m; i++) {
        zoneShares(w.share, zone, w.row[at + i], c.P);
        zoneMix(y + long(w.row[at + i]) * c.P, w.h[i], w.share, c.P);
      }
      at += m;
    }
    for (int g = 0; gates && g < gateCount; g++) {
      T* plane = gates + long(g) * q.L * B * c.H;
      for (int i = 0; i < n; i++) copyRow(plane + long(w.row[i]) * c.H, w.gates[i] + gateBlock[g] * c.H, c.H);
    }
  }
  for (int b = q.from; b < q.to; b++) {
    const int n = q.length(b);
    copyRow(hn + long(b) * c.P, n > 0 ? y + long(q.row(n - 1, b)) * c.P : h0 ? h0 + long(b) * c.P : all.zeros, c.P);
  }
}

#if TRAINING
// ---- backward ----

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
