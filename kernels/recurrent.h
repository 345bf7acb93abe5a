// What GRU, LSTM and the simple RNN share: which steps are real and where their rows stand, and the input projection in chunks of a few steps.
// The way back is in recurrent-back.h.
//
// A cell keeps one row of `width` = blocks · H numbers per step and item: first the gates' sums, then, in place, the gates.
// The input projection adds into its columns from 0, the recurrent product into its last columns, so both are plain products.
// Going back, a row of D has the same columns and holds the gradients of those sums.
//
// Steps are counted in the order of running: step s of item b reads x at `time(s, b)`, which for the reverse direction starts
// at the item's own last real step. Steps beyond an item's length are never touched but to be cleared. `saved` is indexed by
// step, everything that a caller sees (y, gates, cells, hidden) by time.
//
// Threads share the items: each runs the whole sequence of its own, without waiting for others.
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
  int apart;               // columns of the recurrent weights that make a product of their own
  signed char wxGate[4], whGate[4];

  int width() const { return blocks * H; }
  int inputWidth() const { return inputs * H; }
  int recurrentWidth() const { return (blocks - firstRecurrent) * H; }
  int jointWidth() const { return recurrentWidth() - apart; }
  static bool single(int B, const T* mask) { return B == 1 && !mask; } // each step's products are of one row, without a scale
  i64 operations(int L, int B) const { return 2LL * L * B * (i64(I) * inputWidth() + i64(P) * recurrentWidth()); } // of a forward pass
};

// Fills `rows` with the rows of `w` [gates·H, n] in the order of the blocks `first` … `last`-1.
template <class P> INLINE void listGates(P** rows, P* w, const signed char* gate, int first, int last, int H, int n) {
  for (int g = first; g < last; g++, rows += H) listRows(rows, w + long(gate[g]) * H * n, n, H);
}

// Steps per chunk: its rows of gates fit the second-level cache.
INLINE int chunkForward(int L, int B, int width) { return max(1, min(L, int(131072 / max(i64(1), i64(B) * width)))); }

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
  T *zeros, *bias;
  Store wx, wh, apart;

  ForwardShared(Scratch& s, const Layout& c, Scratch* kept = nullptr, bool single = false)
      : wxRows(s.list<const T*>(c.inputWidth())), whRows(s.list<const T*>(c.recurrentWidth())), zeros(s.take(max(c.P, c.H))), bias(s.take(c.width())),
        wx(s, kept, c.I, c.inputWidth(), false), wh(s, kept, c.P, c.jointWidth(), single), apart(s, kept, c.P, c.apart, single) {}
};
// Elements that a forward pass keeps, or 0 where that is not worth it.
template <class Shared, class... More> INLINE int keptSize(const Layout& c, int L, int B, More... more) {
  if (!worthKeeping(i64(L) * B)) return 0;
  Scratch scratch{nullptr}, kept{nullptr};
  Shared(scratch, c, &kept, false, more...);
  return elements(kept.used);
}

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
