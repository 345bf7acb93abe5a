// The simple recurrent network, h' = tanh (or relu) of W_i·x + b_i + W_h·h + b_h, over a whole sequence.
#pragma once
#include "recurrent.h"

static Layout rnnLayout(int I, int H) { return {I, H, H, 1, 1, 0, {0}, {0}}; }

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
KERNEL int rnn_work(int L, int B, int I, int H) {
  const Layout c = rnnLayout(I, H);
  Scratch forward{nullptr};
  ForwardWork(forward, c, L, B);
#if TRAINING
  Scratch backward{nullptr};
  BackwardWork(backward, c, L, B);
  return elements(max(forward.used, backward.used));
#else
  return elements(forward.used);
#endif
}

// y = the states of a simple RNN over x; hn = the last one.
KERNEL void rnn_forward(T* y /*[L,B,H]*/, T* hn /*[B,H]*/, T* saved /*[L,B,H]?*/, const T* x /*[L,B,I]*/, const T* h0 /*[B,H]?*/, const T* wx /*[H,I]*/, const T* wh /*[H,H]*/, const T* bx /*[H]?*/, const T* bh /*[H]?*/,
  const int* lengths /*[B]?*/, const T* mask /*[B,H]?*/, const T* zone /*[L,B,H]?*/, T* work, int L, int B, int I, int H, int reverse, int relu, T keep) {
  const Layout c = rnnLayout(I, H);
  const Steps q{L, B, lengths, reverse};
  Scratch scratch{work};
  ForwardWork w(scratch, c, L, B);
  gatherBias(w.bias, c, bx, bh);
  listRows(w.whRows, wh, H, H);
  const Right recurrent = prepare(w.wh, w.whRows, H, H, L * B);
  runForward(c, q, w, {zone, keep}, y, hn, nullptr, saved, x, h0, wx, mask, nullptr, 0, [&](const StepRows& r) {
    multiply(r.gates, 0, r.h, 0, r.mask, recurrent, r.n, H, H, w.block);
    for (int i = 0; i < r.n; i++) rnnActivate(y + long(r.row[i]) * H, r.gates[i], H, relu);
  });
}

#if TRAINING
// Adds the gradients of everything that rnn_forward read; `y` and `saved` are what it wrote.
KERNEL void rnn_backward(T* dx /*[L,B,I]?*/, T* dh0 /*[B,H]?*/, T* dwx /*[H,I]?*/, T* dwh /*[H,H]?*/, T* dbx /*[H]?*/, T* dbh /*[H]?*/, const T* dy /*[L,B,H]?*/, const T* dhn /*[B,H]?*/, const T* y /*[L,B,H]*/, const T* saved /*[L,B,H]*/,
  const T* x /*[L,B,I]*/, const T* h0 /*[B,H]?*/, const T* wx /*[H,I]*/, const T* wh /*[H,H]*/, const int* lengths /*[B]?*/, const T* mask /*[B,H]?*/, const T* zone /*[L,B,H]?*/, T* work, int L, int B, int I, int H, int reverse, int relu, T keep) {
  const Layout c = rnnLayout(I, H);
  const Steps q{L, B, lengths, reverse};
  Scratch scratch{work};
  BackwardWork w(scratch, c, L, B);
  listRows(w.weights, wh, H, H);
  packStraight(w.wh, w.weights, nullptr, H, H);
  runBackward(
    c, c, q, w, {zone, keep}, Gradients{dx, dh0, dwx, dwh, dbx, dbh}, dy, dhn, y, saved, x, h0, wx, mask,
    [&](const BackRows& r) {
      for (int i = 0; i < r.n; i++) rnnActivateBack(r.d[i], r.dh[i], r.saved[i], H, relu);
      carryBack(r, w, c, 0, H, w.wh);
    },
    [](int) {});
}
#endif
