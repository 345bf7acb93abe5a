// Gated recurrent unit over a whole sequence. Weights in the order r, z, n; formulas in docs: z keeps the old state.
//
// A row has the blocks [ n | r | z | m ]. Reset after: m = W_hn·h + b_hn, the recurrent half of n, so that x·wx adds into the
// first three blocks and h·wh into the last three. Reset before: m = r ∘ h, which W_hn multiplies.
#pragma once
#include "recurrent-back.h"

// The bias bh of n stands in block m (reset after) or n (reset before); so do the recurrent weights' gradients.
static Layout gruLayout(int I, int H, int resetAfter) {
  if (resetAfter) return {I, H, H, 4, 3, 1, 0, {2, 0, 1, -1}, {-1, 0, 1, 2}};
  return {I, H, H, 4, 3, 1, H, {2, 0, 1, -1}, {2, 0, 1, -1}};
}

// h' = (1 - z) ∘ n + z ∘ h
INLINE V gruState(V n, V z, V h) { return fma_(z, h - n, n); }

// Reset after: from the sums, the gates in place and the new state.
NOINLINE void gruGates(T* y, T* row, const T* h, int H) {
  eachVector(2 * H, [&](int j, int m) ALWAYS { store(row + H + j, sigmoid(load(row + H + j, m)), m); });
  eachVector(H, [&](int j, int m) ALWAYS {
    const V n = tanh(fma_(load(row + H + j, m), load(row + 3 * H + j, m), load(row + j, m)));
    store(row + j, n, m);
    store(y + j, gruState(n, load(row + 2 * H + j, m), load(h + j, m)), m);
  });
}

// Reset before, first half: r, z and r ∘ (mask ∘ h).
NOINLINE void gruReset(T* row, const T* h, const T* mask, int H) {
  eachVector(H, [&](int j, int m) ALWAYS {
    const V r = sigmoid(load(row + H + j, m)), old = load(h + j, m);
    store(row + H + j, r, m);
    store(row + 2 * H + j, sigmoid(load(row + 2 * H + j, m)), m);
    store(row + 3 * H + j, r * (mask ? load(mask + j, m) * old : old), m);
  });
}

// Reset before, second half: n and the new state.
NOINLINE void gruFinish(T* y, T* row, const T* h, int H) {
  eachVector(H, [&](int j, int m) ALWAYS {
    const V n = tanh(load(row + j, m));
    store(row + j, n, m);
    store(y + j, gruState(n, load(row + 2 * H + j, m), load(h + j, m)), m);
  });
}

#if TRAINING
// From the gradient g of the new state (in dh): blocks n and z of D, and the part of dh that does not go through a product;
// reset after, the other two blocks as well.
NOINLINE void gruGatesBack(T* d, T* dh, const T* row, const T* h, int H, bool resetAfter) {
  const V one = splat(1);
  eachVector(H, [&](int j, int m) ALWAYS {
    const V n = load(row + j, m), z = load(row + 2 * H + j, m), g = load(dh + j, m);
    const V dn = g * (one - z) * (one - n * n);
    store(d + j, dn, m);
    store(d + 2 * H + j, g * (load(h + j, m) - n) * z * (one - z), m);
    store(dh + j, g * z, m);
    if (resetAfter) {
      const V r = load(row + H + j, m);
      store(d + H + j, dn * load(row + 3 * H + j, m) * r * (one - r), m);
      store(d + 3 * H + j, dn * r, m);
    }
  });
}

// Reset before: block m of D holds the gradient of r ∘ (mask ∘ h), and block r comes from it.
NOINLINE void gruResetBack(T* d, T* dh, const T* row, const T* h, const T* mask, int H) {
  eachVector(H, [&](int j, int m) ALWAYS {
    const V r = load(row + H + j, m), dm = load(d + 3 * H + j, m);
    const V scale = mask ? load(mask + j, m) : splat(1);
    store(d + H + j, dm * (scale * load(h + j, m)) * r * (splat(1) - r), m);
    store(dh + j, fma_(dm * r, scale, load(dh + j, m)), m);
  });
}

struct GruBackwardShared : BackwardShared {
  T *rhPacked[2], *whn; // r ∘ h, the right side of dW_hn, and W_hn itself, when reset before
  GruBackwardShared(Scratch& s, const Layout& c, int L, int B, int parts) : BackwardShared(s, c, L, B, parts) {
    pair(rhPacked, s, packedSize(chunkBackward(L, B) * B, c.H), parts);
    whn = s.take(preparedSize(c.H, c.H));
  }
};
struct GruBackwardWork : BackwardWork {
  const T** rh; // rows r ∘ h
  GruBackwardWork(Scratch& s, const Layout& c, int L, int B) : BackwardWork(s, c, L, B) { rh = s.list<const T*>(chunk * B); }
};
#endif

// Elements of scratch for gru_forward and gru_backward.
KERNEL int gru_work(int L, int B, int I, int H, Team* team) {
  const Layout c = gruLayout(I, H, 0); // reset after takes no more
  Scratch forward{nullptr};
  ForwardShared(forward, c);
  forward.used += mostParts(team, c.operations(L, B), B) * workSize<ForwardWork>(c, L, B);
#if TRAINING
  const int parts = mostParts(team, 2 * c.operations(L, B), B);
  Scratch backward{nullptr};
  GruBackwardShared(backward, c, L, B, parts);
  backward.used += parts * workSize<GruBackwardWork>(c, L, B);
  return elements(max(forward.used, backward.used));
#else
  return elements(forward.used);
#endif
}

// Elements of `kept` for gru_forward, 0: none.
KERNEL int gru_kept(int L, int B, int I, int H, int resetAfter) { return keptSize<ForwardShared>(gruLayout(I, H, resetAfter), L, B); }

// y = the states of a GRU over x; hn = the last one; gates = r, z, n.
KERNEL void gru_forward(T* y /*[L,B,H]*/, T* hn /*[B,H]*/, T* gates /*[3,L,B,H]?*/, T* saved /*[L,B,4,H]?*/, const T* x /*[L,B,I]*/, const T* h0 /*[B,H]?*/, const T* wx /*[3H,I]*/, const T* wh /*[3H,H]*/,
  const T* bx /*[3H]?*/, const T* bh /*[3H]?*/, const int* lengths /*[B]?*/, const T* mask /*[B,H]?*/, const T* zone /*[L,B,H]?*/, T* kept /*[gru_kept]?*/, T* work, int L, int B, int I, int H, int reverse, int resetAfter, T keep, Team* team) {
  const Layout c = gruLayout(I, H, resetAfter);
  const int parts = partsNow(team, c.operations(L, B), B);
  const int joint = c.jointWidth(); // reset before: W_hn stands alone
  const bool single = c.single(B, mask);
  Scratch scratch{work}, keeper{kept};
  const ForwardShared all(scratch, c, kept ? &keeper : nullptr, single);
  shareForward(all, c, wx, bx, bh);
  listRows(all.whRows, wh, H, 3 * H);
  together(team, parts, [&](const Part& part) {
    ForwardWork w = workOf<ForwardWork>(scratch, part, c, L, B);
    const Right recurrent = prepare(all.wh, all.whRows, H, joint, L * B, part, single);
    const Right candidate = resetAfter ? Right{} : prepare(all.apart, all.whRows + joint, H, H, L * B, part, single);
    const Steps q = Steps{L, B, lengths, reverse}.share(part);
    const signed char gateBlock[3] = {1, 2, 0};
    runForward(part, c, q, all, w, {zone, keep}, y, hn, gates, saved, x, h0, mask, gateBlock, 3, [&](const StepRows& r) {
      multiply({r.gates, H}, {r.h, 0, r.mask}, recurrent.turned(r.step), r.n, joint, H, w.block);
      if (resetAfter) {
        for (int i = 0; i < r.n; i++) gruGates(y + long(r.row[i]) * H, r.gates[i], r.h[i], H);
      } else {
        for (int i = 0; i < r.n; i++) gruReset(r.gates[i], r.h[i], r.mask ? r.mask[i] : nullptr, H);
        multiply({r.gates}, {r.gates, 3 * H}, candidate, r.n, H, H, w.block);
        for (int i = 0; i < r.n; i++) gruFinish(y + long(r.row[i]) * H, r.gates[i], r.h[i], H);
      }
    });
  });
}

#if TRAINING
// Adds the gradients of everything that gru_forward read; `y` and `saved` are what it wrote.
KERNEL void gru_backward(T* dx /*[L,B,I]?*/, T* dh0 /*[B,H]?*/, T* dwx /*[3H,I]?*/, T* dwh /*[3H,H]?*/, T* dbx /*[3H]?*/, T* dbh /*[3H]?*/, const T* dy /*[L,B,H]?*/, const T* dhn /*[B,H]?*/, const T* y /*[L,B,H]*/, const T* saved /*[L,B,4,H]*/,
  const T* x /*[L,B,I]*/, const T* h0 /*[B,H]?*/, const T* wx /*[3H,I]*/, const T* wh /*[3H,H]*/, const int* lengths /*[B]?*/, const T* mask /*[B,H]?*/, const T* zone /*[L,B,H]?*/, T* work, int L, int B, int I, int H, int reverse, int resetAfter, T keep, Team* team) {
  const Layout c = gruLayout(I, H, resetAfter);
  const int parts = partsNow(team, 2 * c.operations(L, B), B);
  Scratch scratch{work};
  const GruBackwardShared all(scratch, c, L, B, parts);
  shareBackward(all, c, wx);
  listRows(all.whRows, wh, H, 3 * H);
  // Reset before: dW_hn comes from r ∘ h and is added apart.
  Layout weights = c;
  if (!resetAfter) weights.whGate[0] = -1;
  together(team, parts, [&](const Part& part) {
    GruBackwardWork w = workOf<GruBackwardWork>(scratch, part, c, L, B);
    const bool single = c.single(B, mask);
    const Right recurrent = prepareStraight(all.wh, all.whRows, resetAfter ? 3 * H : 2 * H, H, part, single);
    const Right candidate = resetAfter ? Right{} : prepareStraight(all.whn, all.whRows + 2 * H, H, H, part, single);
    const Steps q = Steps{L, B, lengths, reverse}.share(part);
    runBackward(
      part, c, weights, q, all, w, {zone, keep}, Gradients{dx, dh0, dwx, dwh, dbx, dbh}, dy, dhn, y, saved, x, h0, mask,
      [&](const BackRows& r) {
        for (int i = 0; i < r.n; i++) gruGatesBack(r.d[i], r.dh[i], r.saved[i], r.h[i], H, resetAfter);
        if (resetAfter) return carryBack(r, w, c, H, 3 * H, recurrent, all.zeros);
        multiply({r.d, 3 * H, all.zeros}, {r.d}, candidate, r.n, H, H, w.block);
        for (int i = 0; i < r.n; i++) gruResetBack(r.d[i], r.dh[i], r.saved[i], r.h[i], r.mask ? r.mask[i] : nullptr, H);
        carryBack(r, w, c, H, 2 * H, recurrent, all.zeros);
      },
      [&](const Chunk& chunk) {
        if (resetAfter || !dwh) return;
        for (int i = 0; i < chunk.n; i++) w.rh[i] = w.saved[i] + 3 * H;
        packStraight(all.rhPacked[chunk.buffer], w.rh, nullptr, chunk.n, H, part);
      },
      [&](const Chunk& chunk) {
        if (resetAfter || !dwh) return;
        listRows(w.dwh, dwh + 2L * H * H, H, H);
        addWeightGradient(part, w.dwh, w.d, 0, all.rhPacked[chunk.buffer], chunk.n, H, H, w.block);
      });
  });
}
#endif
