// Long short-term memory over a whole sequence, with optional peepholes and an optional projection of the state (Sak et al. 2014).
// Weights and blocks of a row in the order i, f, g, o.
//
// Peepholes (Gers et al. 2002): i and f see the old cell state, o the new one. Zoneout (Krueger et al. 2017): the state o ∘ tanh(c)
// and o's peephole use the new cell state before zoneout, only what is carried on is mixed with the old one.
#pragma once
#include "recurrent.h"

static Layout lstmLayout(int I, int H, int P) { return {I, H, P, 4, 4, 0, {0, 1, 2, 3}, {0, 1, 2, 3}}; }

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
NOINLINE void lstmGatesBack(T* d, T* dcell, T* dpeep, const T* dstate, const T* row, const T* before, const T* peep, int H) {
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
    if (dpeep) {
      store(dpeep + j, fma_(di, old, load(dpeep + j, m)), m);
      store(dpeep + H + j, fma_(df, old, load(dpeep + H + j, m)), m);
      store(dpeep + 2 * H + j, fma_(dO, c, load(dpeep + 2 * H + j, m)), m);
    }
    store(d + j, di, m);
    store(d + H + j, df, m);
    store(d + 2 * H + j, dc * i * (one - g * g), m);
    store(d + 3 * H + j, dO, m);
    store(dcell + j, dbefore, m);
  });
}
#endif

struct LstmForwardWork : ForwardWork {
  T *wr, *hiddenRows, *cellBefore;
  T** hidden;
  const T** wrRows;
  LstmForwardWork(Scratch& s, const Layout& c, int L, int B) : ForwardWork(s, c, L, B) {
    wr = s.take(packedSize(c.H, c.P));
    hiddenRows = s.take(i64(B) * c.H);
    cellBefore = s.take(c.H);
    hidden = s.list<T*>(B);
    wrRows = s.list<const T*>(c.P);
  }
};

#if TRAINING
struct LstmBackwardWork : BackwardWork {
  T *dcell, *cellRest, *dstates, *projected, *wr, *hiddenPacked;
  const T** hidden;
  T **dstate, **dy, **dwr;
  LstmBackwardWork(Scratch& s, const Layout& c, int L, int B) : BackwardWork(s, c, L, B) {
    dcell = s.take(i64(B) * c.H);
    cellRest = s.take(c.H);
    dstates = s.take(i64(B) * c.H);
    projected = s.take(i64(rows) * c.P);
    wr = s.take(packedSize(c.P, c.H));
    hiddenPacked = s.take(packedSize(rows, c.H));
    hidden = s.list<const T*>(rows);
    dstate = s.list<T*>(B);
    dy = s.list<T*>(rows);
    dwr = s.list<T*>(c.P);
  }
};
#endif

// Elements of scratch for lstm_forward and lstm_backward.
KERNEL int lstm_work(int L, int B, int I, int H, int P) {
  const Layout c = lstmLayout(I, H, P);
  Scratch forward{nullptr};
  LstmForwardWork(forward, c, L, B);
#if TRAINING
  Scratch backward{nullptr};
  LstmBackwardWork(backward, c, L, B);
  return elements(max(forward.used, backward.used));
#else
  return elements(forward.used);
#endif
}

// y = the states of an LSTM over x; hn, cn = the last ones; gates = i, f, g, o. Without wr, P is H.
KERNEL void lstm_forward(T* y /*[L,B,P]*/, T* hn /*[B,P]*/, T* cn /*[B,H]*/, T* gates /*[4,L,B,H]?*/, T* saved /*[L,B,4,H]?*/, T* cells /*[L,B,H]? cell state after each step*/, T* hidden /*[L,B,H]? before the projection*/,
  const T* x /*[L,B,I]*/, const T* h0 /*[B,P]?*/, const T* c0 /*[B,H]?*/, const T* wx /*[4H,I]*/, const T* wh /*[4H,P]*/, const T* wr /*[P,H]?*/, const T* bx /*[4H]?*/, const T* bh /*[4H]?*/, const T* peep /*[3,H]?*/,
  const int* lengths /*[B]?*/, const T* mask /*[B,P]?*/, const T* zone /*[L,B,P]?*/, const T* zoneCell /*[L,B,H]?*/, T* work, int L, int B, int I, int H, int P, int reverse, T keep, T keepCell) {
  const Layout c = lstmLayout(I, H, P);
  const Steps q{L, B, lengths, reverse};
  const Zone cellZone{zoneCell, keepCell};
  Scratch scratch{work};
  LstmForwardWork w(scratch, c, L, B);
  gatherBias(w.bias, c, bx, bh);
  listRows(w.whRows, wh, P, 4 * H);
  const Right recurrent = prepare(w.wh, w.whRows, P, 4 * H, L * B);
  if (wr) listRows(w.wrRows, wr, H, P);
  const Right projection = wr ? prepare(w.wr, w.wrRows, H, P, L * B) : Right{};
  if (c0) copyRow(cn, c0, B * H);
  else fillRow(cn, 0, B * H);
  clearPadding(cells, q, H);
  clearPadding(hidden, q, H);
  const signed char gateBlock[4] = {0, 1, 2, 3};
  runForward(c, q, w, {zone, keep}, y, hn, gates, saved, x, h0, wx, mask, gateBlock, 4, [&](const StepRows& r) {
    multiply(r.gates, 0, r.h, 0, r.mask, recurrent, r.n, 4 * H, P, w.block);
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
    for (int i = 0; i < r.n; i++) fillRow(w.out[i], 0, P);
    multiply(w.out, 0, w.hidden, 0, nullptr, projection, r.n, P, H, w.block);
  });
}

#if TRAINING
// Adds the gradients of everything that lstm_forward read; y, saved, cells and hidden are what it wrote.
KERNEL void lstm_backward(T* dx /*[L,B,I]?*/, T* dh0 /*[B,P]?*/, T* dc0 /*[B,H]?*/, T* dwx /*[4H,I]?*/, T* dwh /*[4H,P]?*/, T* dwr /*[P,H]?*/, T* dbx /*[4H]?*/, T* dbh /*[4H]?*/, T* dpeep /*[3,H]?*/,
  const T* dy /*[L,B,P]?*/, const T* dhn /*[B,P]?*/, const T* dcn /*[B,H]?*/, const T* y /*[L,B,P]*/, const T* saved /*[L,B,4,H]*/, const T* cells /*[L,B,H]*/, const T* hidden /*[L,B,H]? with wr*/,
  const T* x /*[L,B,I]*/, const T* h0 /*[B,P]?*/, const T* c0 /*[B,H]?*/, const T* wx /*[4H,I]*/, const T* wh /*[4H,P]*/, const T* wr /*[P,H]?*/, const T* peep /*[3,H]?*/,
  const int* lengths /*[B]?*/, const T* mask /*[B,P]?*/, const T* zone /*[L,B,P]?*/, const T* zoneCell /*[L,B,H]?*/, T* work, int L, int B, int I, int H, int P, int reverse, T keep, T keepCell) {
  const Layout c = lstmLayout(I, H, P);
  const Steps q{L, B, lengths, reverse};
  const Zone cellZone{zoneCell, keepCell};
  Scratch scratch{work};
  LstmBackwardWork w(scratch, c, L, B);
  listRows(w.weights, wh, P, 4 * H);
  packStraight(w.wh, w.weights, nullptr, 4 * H, P);
  if (wr) {
    listRows(w.weights, wr, H, P);
    packStraight(w.wr, w.weights, nullptr, P, H);
    if (dwr) listRows(w.dwr, dwr, H, P);
  }
  if (dcn) copyRow(w.dcell, dcn, B * H);
  else fillRow(w.dcell, 0, B * H);
  listRows(w.dstate, w.dstates, H, B);
  runBackward(
    c, c, q, w, {zone, keep}, Gradients{dx, dh0, dwx, dwh, dbx, dbh}, dy, dhn, y, saved, x, h0, wx, mask,
    [&](const BackRows& r) {
      if (wr) { // through the projection
        for (int i = 0; i < r.n; i++) {
          w.dy[r.at + i] = w.projected + long(r.at + i) * P;
          copyRow(w.dy[r.at + i], r.dh[i], P);
          fillRow(w.dstate[i], 0, H);
          if (hidden) w.hidden[r.at + i] = hidden + long(r.row[i]) * H;
        }
        multiply(w.dstate, 0, w.dy + r.at, 0, nullptr, {w.wr, nullptr}, r.n, H, P, w.block);
      }
      for (int i = 0; i < r.n; i++) {
        const int b = r.item[i];
        const T* before = r.step > 0 ? cells + long(q.row(r.step - 1, b)) * H : c0 ? c0 + long(b) * H : w.zeros;
        T* dcell = w.dcell + long(b) * H;
        if (cellZone.on()) {
          zoneShares(w.share, cellZone, r.row[i], H);
          zoneSplit(dcell, w.cellRest, w.share, H);
        }
        lstmGatesBack(r.d[i], dcell, dpeep, wr ? w.dstate[i] : r.dh[i], r.saved[i], before, peep, H);
        if (cellZone.on()) addRow(dcell, w.cellRest, H);
        fillRow(r.dh[i], 0, P);
      }
      carryBack(r, w, c, 0, 4 * H, w.wh);
    },
    [&](int n) {
      if (!dwr) return;
      packStraight(w.hiddenPacked, w.hidden, nullptr, n, H);
      addWeightGradient(w.dwr, w.dy, 0, w.hiddenPacked, n, H, P, w.block);
    });
  if (dc0) addRow(dc0, w.dcell, B * H);
}
#endif
