// Long short-term memory over a whole sequence, with optional peepholes and an optional projection of the state (Sak et al. 2014).
// Weights and blocks of a row in the order i, f, g, o.
//
// Peepholes (Gers et al. 2002): i and f see the old cell state, o the new one. Zoneout (Krueger et al. 2017): the state o ∘ tanh(c)
// and o's peephole use the new cell state before zoneout, only what is carried on is mixed with the old one.
#pragma once
#include "recurrent-back.h"

static Layout lstmLayout(int I, int H, int P) { return {I, H, P, 4, 4, 0, 0, {0, 1, 2, 3}, {0, 1, 2, 3}}; }

// From the sums: the gates in place, the new cell state over the old one, and o ∘ tanh(c) in `out`.
NOINLINE void lstmGates(T* out, T* row, T* cell, const T* peep, int H) {
  eachVector(H, [&](int j, int m) ALWAYS {
    const V before = load(cell + j, m);
    V i = load(row + j, m), f = load(row + H + j, m), o = load(row + 3 * H + j, m);
    if (peep) {
      i = fma_(load(peep + j, m), before, i);
      f = fma_(load(peep + H + j, m), before, f);
    }
    i = sigmoid(i);
    f = sigmoid(f);
    const V g = tanh(load(row + 2 * H + j, m));
    const V c = fma_(f, before, i * g);
    if (peep) o = fma_(load(peep + 2 * H + j, m), c, o);
    o = sigmoid(o);
    store(row + j, i, m);
    store(row + H + j, f, m);
    store(row + 2 * H + j, g, m);
    store(row + 3 * H + j, o, m);
    store(cell + j, c, m);
    store(out + j, o * tanh(c), m);
  });
}

#if TRAINING
// From the gradients of o ∘ tanh(c) and of the new cell state (in dcell): the row of D, and the gradient of the cell state before.
NOINLINE void lstmGatesBack(T* d, T* dcell, const T* dstate, const T* row, const T* before, const T* peep, int H) {
  const V one = splat(1);
  eachVector(H, [&](int j, int m) ALWAYS {
    const V i = load(row + j, m), f = load(row + H + j, m), g = load(row + 2 * H + j, m), o = load(row + 3 * H + j, m);
    const V old = load(before + j, m), c = fma_(f, old, i * g), t = tanh(c), dh = load(dstate + j, m);
    const V dO = dh * t * o * (one - o);
    V dc = fma_(dh * o, one - t * t, load(dcell + j, m));
    if (peep) dc = fma_(dO, load(peep + 2 * H + j, m), dc);
    const V di = dc * g * i * (one - i), df = dc * old * f * (one - f);
    V dbefore = dc * f;
    if (peep) dbefore = fma_(di, load(peep + j, m), fma_(df, load(peep + H + j, m), dbefore));
    store(d + j, di, m);
    store(d + H + j, df, m);
    store(d + 2 * H + j, dc * i * (one - g * g), m);
    store(d + 3 * H + j, dO, m);
    store(dcell + j, dbefore, m);
  });
}

// dpeep += what one row of D says, for units from … to-1.
NOINLINE void lstmPeepBack(T* dpeep, const T* d, const T* row, const T* before, int H, int from, int to) {
  eachVector(to - from, [&](int i, int m) ALWAYS {
    const int j = from + i;
    const V old = load(before + j, m), c = fma_(load(row + H + j, m), old, load(row + j, m) * load(row + 2 * H + j, m));
    store(dpeep + j, fma_(load(d + j, m), old, load(dpeep + j, m)), m);
    store(dpeep + H + j, fma_(load(d + H + j, m), old, load(dpeep + H + j, m)), m);
    store(dpeep + 2 * H + j, fma_(load(d + 3 * H + j, m), c, load(dpeep + 2 * H + j, m)), m);
  });
}
#endif

struct LstmForwardShared : ForwardShared {
  Store wr;
  const T** wrRows;
  LstmForwardShared(Scratch& s, const Layout& c, Scratch* kept = nullptr, bool single = false, bool projects = true)
      : ForwardShared(s, c, kept, single), wr(s, kept, c.H, projects ? c.P : 0, single), wrRows(s.list<const T*>(c.P)) {}
};
struct LstmForwardWork : ForwardWork {
  T *hiddenRows, *cellBefore;
  T** hidden;
  LstmForwardWork(Scratch& s, const Layout& c, int L, int B) : ForwardWork(s, c, L, B) {
    hiddenRows = s.take(i64(B) * c.H);
    cellBefore = s.take(c.H);
    hidden = s.list<T*>(B);
  }
};

#if TRAINING
struct LstmBackwardShared : BackwardShared {
  T *dcell, *wr, *projected[2], *hiddenPacked[2];
  const T** wrRows;
  LstmBackwardShared(Scratch& s, const Layout& c, int L, int B, int parts) : BackwardShared(s, c, L, B, parts) {
    const int rows = chunkBackward(L, B) * B;
    dcell = s.take(i64(B) * c.H);
    wr = s.take(preparedSize(c.P, c.H));
    wrRows = s.list<const T*>(c.P);
    pair(projected, s, i64(rows) * c.P, parts);
    pair(hiddenPacked, s, packedSize(rows, c.H), parts);
  }
};
struct LstmBackwardWork : BackwardWork {
  int buffer = 0; // that the rows of `projected` are written to
  T *cellRest, *dstates;
  const T** hidden;
  T **dstate, **dy, **dwr;
  LstmBackwardWork(Scratch& s, const Layout& c, int L, int B) : BackwardWork(s, c, L, B) {
    cellRest = s.take(c.H);
    dstates = s.take(i64(B) * c.H);
    hidden = s.list<const T*>(chunk * B);
    dstate = s.list<T*>(B);
    dy = s.list<T*>(chunk * B);
    dwr = s.list<T*>(c.P);
  }
};
#endif

// Elements of scratch for lstm_forward and lstm_backward.
KERNEL int lstm_work(int L, int B, int I, int H, int P, Team* team) {
  const Layout c = lstmLayout(I, H, P);
  Scratch forward{nullptr};
  LstmForwardShared(forward, c);
  forward.used += mostParts(team, c.operations(L, B), B) * workSize<LstmForwardWork>(c, L, B);
#if TRAINING
  const int parts = mostParts(team, 2 * c.operations(L, B), B);
  Scratch backward{nullptr};
  LstmBackwardShared(backward, c, L, B, parts);
  backward.used += parts * workSize<LstmBackwardWork>(c, L, B);
  return elements(max(forward.used, backward.used));
#else
  return elements(forward.used);
#endif
}

// Elements of `kept` for lstm_forward, 0: none.
KERNEL int lstm_kept(int L, int B, int I, int H, int P, int projects) { return keptSize<LstmForwardShared>(lstmLayout(I, H, P), L, B, projects); }

// y = the states of an LSTM over x; hn, cn = the last ones; gates = i, f, g, o. Without wr, P is H.
KERNEL void lstm_forward(T* y /*[L,B,P]*/, T* hn /*[B,P]*/, T* cn /*[B,H]*/, T* gates /*[4,L,B,H]?*/, T* saved /*[L,B,4,H]?*/, T* cells /*[L,B,H]? cell state after each step*/, T* hidden /*[L,B,H]? before the projection*/,
  const T* x /*[L,B,I]*/, const T* h0 /*[B,P]?*/, const T* c0 /*[B,H]?*/, const T* wx /*[4H,I]*/, const T* wh /*[4H,P]*/, const T* wr /*[P,H]?*/, const T* bx /*[4H]?*/, const T* bh /*[4H]?*/, const T* peep /*[3,H]?*/,
  const int* lengths /*[B]?*/, const T* mask /*[B,P]?*/, const T* zone /*[L,B,P]?*/, const T* zoneCell /*[L,B,H]?*/, T* kept /*[lstm_kept]?*/, T* work, int L, int B, int I, int H, int P, int reverse, T keep, T keepCell, Team* team) {
  const Layout c = lstmLayout(I, H, P);
  const int parts = partsNow(team, c.operations(L, B), B);
  const bool single = c.single(B, mask);
  const Zone cellZone{zoneCell, keepCell};
  Scratch scratch{work}, keeper{kept};
  const LstmForwardShared all(scratch, c, kept ? &keeper : nullptr, single, wr);
  shareForward(all, c, wx, bx, bh);
  listRows(all.whRows, wh, P, 4 * H);
  if (wr) listRows(all.wrRows, wr, H, P);
  together(team, parts, [&](const Part& part) {
    LstmForwardWork w = workOf<LstmForwardWork>(scratch, part, c, L, B);
    const Right recurrent = prepare(all.wh, all.whRows, P, 4 * H, L * B, part, single);
    const Right projection = wr ? prepare(all.wr, all.wrRows, H, P, L * B, part, single) : Right{};
    const Steps q = Steps{L, B, lengths, reverse}.share(part);
    if (c0) copyRow(cn + long(q.from) * H, c0 + long(q.from) * H, q.items() * H);
    else fillRow(cn + long(q.from) * H, 0, q.items() * H);
    clearPadding(cells, q, H);
    clearPadding(hidden, q, H);
    const signed char gateBlock[4] = {0, 1, 2, 3};
    runForward(part, c, q, all, w, {zone, keep}, y, hn, gates, saved, x, h0, mask, gateBlock, 4, [&](const StepRows& r) {
      multiply({r.gates}, {r.h, 0, r.mask}, recurrent.turned(r.step), r.n, 4 * H, P, w.block);
      for (int i = 0; i < r.n; i++) {
        const int row = r.row[i];
        T* cell = cn + long(r.item[i]) * H;
        w.out[i] = y + long(row) * P;
        w.hidden[i] = hidden ? hidden + long(row) * H : w.hiddenRows + long(i) * H;
        if (cellZone.on()) copyRow(w.cellBefore, cell, H);
        lstmGates(wr ? w.hidden[i] : w.out[i], r.gates[i], cell, peep, H);
        if (cellZone.on()) {
          zoneShares(w.share, cellZone, row, H);
          zoneMix(cell, w.cellBefore, w.share, H);
        }
        if (cells) copyRow(cells + long(row) * H, cell, H);
      }
      if (!wr) return;
      multiply({w.out, 0, all.zeros}, {w.hidden}, projection, r.n, P, H, w.block);
    });
  });
}

#if TRAINING
// Adds the gradients of everything that lstm_forward read; y, saved, cells and hidden are what it wrote.
KERNEL void lstm_backward(T* dx /*[L,B,I]?*/, T* dh0 /*[B,P]?*/, T* dc0 /*[B,H]?*/, T* dwx /*[4H,I]?*/, T* dwh /*[4H,P]?*/, T* dwr /*[P,H]?*/, T* dbx /*[4H]?*/, T* dbh /*[4H]?*/, T* dpeep /*[3,H]?*/,
  const T* dy /*[L,B,P]?*/, const T* dhn /*[B,P]?*/, const T* dcn /*[B,H]?*/, const T* y /*[L,B,P]*/, const T* saved /*[L,B,4,H]*/, const T* cells /*[L,B,H]*/, const T* hidden /*[L,B,H]? with wr*/,
  const T* x /*[L,B,I]*/, const T* h0 /*[B,P]?*/, const T* c0 /*[B,H]?*/, const T* wx /*[4H,I]*/, const T* wh /*[4H,P]*/, const T* wr /*[P,H]?*/, const T* peep /*[3,H]?*/,
  const int* lengths /*[B]?*/, const T* mask /*[B,P]?*/, const T* zone /*[L,B,P]?*/, const T* zoneCell /*[L,B,H]?*/, T* work, int L, int B, int I, int H, int P, int reverse, T keep, T keepCell, Team* team) {
  const Layout c = lstmLayout(I, H, P);
  const int parts = partsNow(team, 2 * c.operations(L, B), B);
  const Zone cellZone{zoneCell, keepCell};
  Scratch scratch{work};
  const LstmBackwardShared all(scratch, c, L, B, parts);
  shareBackward(all, c, wx);
  listRows(all.whRows, wh, P, 4 * H);
  if (wr) listRows(all.wrRows, wr, H, P);
  together(team, parts, [&](const Part& part) {
    LstmBackwardWork w = workOf<LstmBackwardWork>(scratch, part, c, L, B);
    const Right recurrent = prepareStraight(all.wh, all.whRows, 4 * H, P, part, c.single(B, mask));
    const Right projection = wr ? prepareStraight(all.wr, all.wrRows, P, H, part, c.single(B, mask)) : Right{};
    if (dwr) listRows(w.dwr, dwr, H, P);
    const Steps q = Steps{L, B, lengths, reverse}.share(part);
    T* const dcells = all.dcell + long(q.from) * H;
    if (dcn) copyRow(dcells, dcn + long(q.from) * H, q.items() * H);
    else fillRow(dcells, 0, q.items() * H);
    listRows(w.dstate, w.dstates, H, B);
    const auto before = [&](int step, int item) { return step > 0 ? cells + long(q.row(step - 1, item)) * H : c0 ? c0 + long(item) * H : all.zeros; };
    runBackward(
      part, c, c, q, all, w, {zone, keep}, Gradients{dx, dh0, dwx, dwh, dbx, dbh}, dy, dhn, y, saved, x, h0, mask,
      [&](const BackRows& r) {
        if (wr) { // through the projection
          listRows(w.dy, all.projected[w.buffer] + long(r.at) * P, P, r.n);
          for (int i = 0; i < r.n; i++) copyRow(w.dy[i], r.dh[i], P);
          multiply({w.dstate, 0, all.zeros}, {w.dy}, projection, r.n, H, P, w.block);
        }
        for (int i = 0; i < r.n; i++) {
          T* dcell = all.dcell + long(r.item[i]) * H;
          if (cellZone.on()) {
            zoneShares(w.share, cellZone, r.row[i], H);
            zoneSplit(dcell, w.cellRest, w.share, H);
          }
          lstmGatesBack(r.d[i], dcell, wr ? w.dstate[i] : r.dh[i], r.saved[i], before(r.step, r.item[i]), peep, H);
          if (cellZone.on()) addRow(dcell, w.cellRest, H);
          fillRow(r.dh[i], 0, P);
        }
        carryBack(r, w, c, 0, 4 * H, recurrent, all.zeros);
      },
      [&](const Chunk& chunk) {
        if (!dwr) return;
        for (int i = 0; i < chunk.n; i++) w.hidden[i] = hidden + long(w.row[i]) * H;
        packStraight(all.hiddenPacked[chunk.buffer], w.hidden, nullptr, chunk.n, H, part);
      },
      [&](const Chunk& chunk) {
        w.buffer ^= 1;
        const auto [from, to] = part.of(H);
        for (int i = 0; dpeep && i < chunk.n; i++) lstmPeepBack(dpeep, w.d[i], w.saved[i], before(w.step[i], w.item[i]), H, from, to);
        if (!dwr) return;
        listRows(w.dy, all.projected[chunk.buffer], P, chunk.n);
        addWeightGradient(part, w.dwr, w.dy, 0, all.hiddenPacked[chunk.buffer], chunk.n, H, P, w.block);
      });
    if (dc0) addRow(dc0 + long(q.from) * H, dcells, q.items() * H);
  });
}
#endif
