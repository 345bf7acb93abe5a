// The simple recurrent network, h' = tanh (or relu) of W_i·x + b_i + W_h·h + b_h, over a whole sequence.
#pragma once
#include "recurrent-back.h"

static Layout rnnLayout(int I, int H) { return {I, H, H, 1, 1, 0, 0, {0}, {0}}; }

// From the sums, the activation in place and the new state.
NOINLINE void rnnActivate(T* y, T* row, int H, bool relu) {
  eachVector(H, [&](int j, int m) ALWAYS {
    const V sum = load(row + j, m), a = relu ? atLeast(sum, V{}) : tanh(sum);
    store(row + j, a, m);
    store(y + j, a, m);
  });
}

#if TRAINING
// From the gradient of the new state (in dh), which all goes through the product: the row of D.
NOINLINE void rnnActivateBack(T* d, T* dh, const T* row, int H, bool relu) {
  eachVector(H, [&](int j, int m) ALWAYS {
    const V a = load(row + j, m), g = load(dh + j, m);
    store(d + j, relu ? select(a > V{}, g, V{}) : g * (splat(1) - a * a), m);
    store(dh + j, V{}, m);
  });
}
#endif

// Elements of scratch for rnn_forward and rnn_backward.
KERNEL int rnn_work(int L, int B, int I, int H, Team* team) {
  const Layout c = rnnLayout(I, H);
  Scratch forward{nullptr};
  ForwardShared(forward, c);
  forward.used += mostParts(team, c.operations(L, B), B) * workSize<ForwardWork>(c, L, B);
#if TRAINING
  const int parts = mostParts(team, 2 * c.operations(L, B), B);
  Scratch backward{nullptr};
  BackwardShared(backward, c, L, B, parts);
  backward.used += parts * workSize<BackwardWork>(c, L, B);
  return elements(max(forward.used, backward.used));
#else
  return elements(forward.used);
#endif
}

// Elements of `kept` for rnn_forward, 0: none.
KERNEL int rnn_kept(int L, int B, int I, int H) { return keptSize<ForwardShared>(rnnLayout(I, H), L, B); }

// y = the states of a simple RNN over x; hn = the last one.
KERNEL void rnn_forward(T* y /*[L,B,H]*/, T* hn /*[B,H]*/, T* saved /*[L,B,H]?*/, const T* x /*[L,B,I]*/, const T* h0 /*[B,H]?*/, const T* wx /*[H,I]*/, const T* wh /*[H,H]*/, const T* bx /*[H]?*/, const T* bh /*[H]?*/,
  const int* lengths /*[B]?*/, const T* mask /*[B,H]?*/, const T* zone /*[L,B,H]?*/, T* kept /*[rnn_kept]?*/, T* work, int L, int B, int I, int H, int reverse, int relu, T keep, Team* team) {
  const Layout c = rnnLayout(I, H);
  const int parts = partsNow(team, c.operations(L, B), B);
  const bool single = c.single(B, mask);
  Scratch scratch{work}, keeper{kept};
  const ForwardShared all(scratch, c, kept ? &keeper : nullptr, single);
  shareForward(all, c, wx, bx, bh);
  listRows(all.whRows, wh, H, H);
  together(team, parts, [&](const Part& part) {
    ForwardWork w = workOf<ForwardWork>(scratch, part, c, L, B);
    const Right recurrent = prepare(all.wh, all.whRows, H, H, L * B, part, single);
    const Steps q = Steps{L, B, lengths, reverse}.share(part);
    runForward(part, c, q, all, w, {zone, keep}, y, hn, nullptr, saved, x, h0, mask, nullptr, 0, [&](const StepRows& r) {
      multiply({r.gates}, {r.h, 0, r.mask}, recurrent.turned(r.step), r.n, H, H, w.block);
      for (int i = 0; i < r.n; i++) rnnActivate(y + long(r.row[i]) * H, r.gates[i], H, relu);
    });
  });
}

#if TRAINING
// Adds the gradients of everything that rnn_forward read; `y` and `saved` are what it wrote.
KERNEL void rnn_backward(T* dx /*[L,B,I]?*/, T* dh0 /*[B,H]?*/, T* dwx /*[H,I]?*/, T* dwh /*[H,H]?*/, T* dbx /*[H]?*/, T* dbh /*[H]?*/, const T* dy /*[L,B,H]?*/, const T* dhn /*[B,H]?*/, const T* y /*[L,B,H]*/, const T* saved /*[L,B,H]*/,
  const T* x /*[L,B,I]*/, const T* h0 /*[B,H]?*/, const T* wx /*[H,I]*/, const T* wh /*[H,H]*/, const int* lengths /*[B]?*/, const T* mask /*[B,H]?*/, const T* zone /*[L,B,H]?*/, T* work, int L, int B, int I, int H, int reverse, int relu, T keep, Team* team) {
  const Layout c = rnnLayout(I, H);
  const int parts = partsNow(team, 2 * c.operations(L, B), B);
  Scratch scratch{work};
  const BackwardShared all(scratch, c, L, B, parts);
  shareBackward(all, c, wx);
  listRows(all.whRows, wh, H, H);
  together(team, parts, [&](const Part& part) {
    BackwardWork w = workOf<BackwardWork>(scratch, part, c, L, B);
    const Right recurrent = prepareStraight(all.wh, all.whRows, H, H, part, c.single(B, mask));
    const Steps q = Steps{L, B, lengths, reverse}.share(part);
    runBackward(
      part, c, c, q, all, w, {zone, keep}, Gradients{dx, dh0, dwx, dwh, dbx, dbh}, dy, dhn, y, saved, x, h0, mask,
      [&](const BackRows& r) {
        for (int i = 0; i < r.n; i++) rnnActivateBack(r.d[i], r.dh[i], r.saved[i], H, relu);
        carryBack(r, w, c, 0, H, recurrent, all.zeros);
      },
      [](const Chunk&) {}, [](const Chunk&) {});
  });
}
#endif
