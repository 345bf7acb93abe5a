// The plainest loops for gemm.h's callers and the recurrent kernels, with the same signatures: one item, one step, one unit at a
// time. Built in double precision for tests only; the fast kernels are compared with these, and these with central differences.
#include "vec.h"

static T sigmoid1(T x) { return sigmoid(splat(x))[0]; }
static T tanh1(T x) { return tanh(splat(x))[0]; }
static T dot(const T* a, const T* b, int n) {
  T sum = 0;
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}
static T at(const T* p, long i, T absent) { return p ? p[i] : absent; }
static void add(T* p, long i, T value) {
  if (p) p[i] += value;
}

/** Item b's view of a sequence, at its step s. */
struct Step {
  int L, B, n, b, reverse;
  Step(int L, int B, const int* lengths, int b, int reverse) : L(L), B(B), n(lengths ? lengths[b] : L), b(b), reverse(reverse) {}
  long row(int s) const { return long(reverse && s < n ? n - 1 - s : s) * B + b; }
  long before(int s) const { return row(s - 1); }
};

// ---- linear ----

KERNEL int linear_work(int N, int I, int O) { return 1; }
KERNEL void linear_forward(T* y, const T* x, const T* w, const T* b, T* kept, T* work, int N, int I, int O) {
  for (int n = 0; n < N; n++)
    for (int o = 0; o < O; o++) y[n * O + o] = at(b, o, 0) + dot(x + n * I, w + o * I, I);
}
KERNEL void linear_backward(T* dx, T* dw, T* db, const T* dy, const T* x, const T* w, T* work, int N, int I, int O) {
  for (int n = 0; n < N; n++) {
    for (int o = 0; o < O; o++) {
      const T g = dy[n * O + o];
      add(db, o, g);
      for (int i = 0; i < I; i++) {
        add(dx, n * I + i, g * w[o * I + i]);
        add(dw, o * I + i, g * x[n * I + i]);
      }
    }
  }
}

// A gate's gradient g reaches its inputs: `right` is what wh multiplies, dright its gradient.
static void gateBack(T g, int gate, const T* x, const T* right, const T* wx, const T* wh, T* dx, T* dright, T* dwx, T* dwh, int I, int P) {
  for (int i = 0; x && i < I; i++) {
    add(dx, i, g * wx[long(gate) * I + i]);
    add(dwx, long(gate) * I + i, g * x[i]);
  }
  for (int i = 0; right && i < P; i++) {
    add(dright, i, g * wh[long(gate) * P + i]);
    add(dwh, long(gate) * P + i, g * right[i]);
  }
}

// ---- GRU; saved: r, z, n and the recurrent half of n ----

KERNEL int gru_work(int L, int B, int I, int H) { return 8 * H; }
KERNEL int gru_kept(int L, int B, int I, int H, int resetAfter) { return 0; }
KERNEL void gru_forward(T* y, T* hn, T* gates, T* saved, const T* x, const T* h0, const T* wx, const T* wh, const T* bx, const T* bh, const int* lengths, const T* mask, const T* zone, T* kept, T* work,
                        int L, int B, int I, int H, int reverse, int resetAfter, T keep) {
  T *h = work, *mh = h + H, *rh = mh + H, *r = rh + H, *z = r + H;
  for (int b = 0; b < B; b++) {
    const Step q(L, B, lengths, b, reverse);
    for (int j = 0; j < H; j++) h[j] = at(h0, b * H + j, 0);
    for (int s = 0; s < L; s++) {
      const long row = q.row(s);
      if (s >= q.n) {
        for (int j = 0; j < H; j++) {
          y[row * H + j] = 0;
          for (int g = 0; gates && g < 3; g++) gates[(long(g) * L * B + row) * H + j] = 0;
        }
        continue;
      }
      const T* xs = x + row * I;
      for (int j = 0; j < H; j++) mh[j] = h[j] * at(mask, b * H + j, 1);
      for (int j = 0; j < H; j++) {
        r[j] = sigmoid1(dot(wx + j * I, xs, I) + at(bx, j, 0) + dot(wh + j * H, mh, H) + at(bh, j, 0));
        z[j] = sigmoid1(dot(wx + (H + j) * I, xs, I) + at(bx, H + j, 0) + dot(wh + (H + j) * H, mh, H) + at(bh, H + j, 0));
      }
      for (int j = 0; j < H; j++) rh[j] = r[j] * mh[j];
      for (int j = 0; j < H; j++) {
        const int k = 2 * H + j;
        const T m = dot(wh + k * H, resetAfter ? mh : rh, H) + at(bh, k, 0);
        const T n = tanh1(dot(wx + k * I, xs, I) + at(bx, k, 0) + (resetAfter ? r[j] : 1) * m);
        const T state = (1 - z[j]) * n + z[j] * h[j];
        const T share = at(zone, row * H + j, keep);
        y[row * H + j] = share * state + (1 - share) * h[j];
        const T all[4] = {r[j], z[j], n, m};
        for (int g = 0; saved && g < 4; g++) saved[(row * 4 + g) * H + j] = all[g];
        for (int g = 0; gates && g < 3; g++) gates[(long(g) * L * B + row) * H + j] = all[g];
      }
      for (int j = 0; j < H; j++) h[j] = y[row * H + j];
    }
    for (int j = 0; j < H; j++) hn[b * H + j] = h[j];
  }
}
KERNEL void gru_backward(T* dx, T* dh0, T* dwx, T* dwh, T* dbx, T* dbh, const T* dy, const T* dhn, const T* y, const T* saved, const T* x, const T* h0, const T* wx, const T* wh, const int* lengths,
                         const T* mask, const T* zone, T* work, int L, int B, int I, int H, int reverse, int resetAfter, T keep) {
  T *dh = work, *mh = dh + H, *rh = mh + H, *dmh = rh + H, *drh = dmh + H, *h = drh + H, *before = h + H;
  for (int b = 0; b < B; b++) {
    const Step q(L, B, lengths, b, reverse);
    for (int j = 0; j < H; j++) dh[j] = at(dhn, b * H + j, 0);
    for (int s = q.n - 1; s >= 0; s--) {
      const long row = q.row(s);
      const T *xs = x + row * I, *r = saved + row * 4 * H, *z = r + H, *n = z + H, *m = n + H;
      for (int j = 0; j < H; j++) {
        h[j] = s > 0 ? y[q.before(s) * H + j] : at(h0, b * H + j, 0);
        mh[j] = h[j] * at(mask, b * H + j, 1);
        rh[j] = r[j] * mh[j];
        dmh[j] = drh[j] = 0;
      }
      for (int j = 0; j < H; j++) {
        const T all = dh[j] + at(dy, row * H + j, 0), share = at(zone, row * H + j, keep), g = all * share;
        before[j] = all * (1 - share) + g * z[j];
        const T dz = g * (h[j] - n[j]) * z[j] * (1 - z[j]), dn = g * (1 - z[j]) * (1 - n[j] * n[j]);
        T* dxs = dx ? dx + row * I : nullptr;
        gateBack(dz, H + j, xs, mh, wx, wh, dxs, dmh, dwx, dwh, I, H);
        gateBack(dn, 2 * H + j, xs, nullptr, wx, wh, dxs, nullptr, dwx, dwh, I, H);
        const T dm = resetAfter ? dn * r[j] : dn;
        gateBack(dm, 2 * H + j, nullptr, resetAfter ? mh : rh, wx, wh, nullptr, resetAfter ? dmh : drh, dwx, dwh, I, H);
        add(dbx, H + j, dz);
        add(dbh, H + j, dz);
        add(dbx, 2 * H + j, dn);
        add(dbh, 2 * H + j, dm);
        dh[j] = dn; // wanted below for dr
      }
      for (int j = 0; j < H; j++) {
        const T dr = (resetAfter ? dh[j] * m[j] : drh[j] * mh[j]) * r[j] * (1 - r[j]);
        gateBack(dr, j, xs, mh, wx, wh, dx ? dx + row * I : nullptr, dmh, dwx, dwh, I, H);
        add(dbx, j, dr);
        add(dbh, j, dr);
      }
      for (int j = 0; j < H; j++) dh[j] = before[j] + (dmh[j] + drh[j] * r[j]) * at(mask, b * H + j, 1);
    }
    for (int j = 0; j < H; j++) add(dh0, b * H + j, dh[j]);
  }
}

// ---- LSTM; saved: i, f, g, o ----

KERNEL int lstm_work(int L, int B, int I, int H, int P) { return 8 * H + 8 * P; }
KERNEL int lstm_kept(int L, int B, int I, int H, int P, int projects) { return 0; }
KERNEL void lstm_forward(T* y, T* hn, T* cn, T* gates, T* saved, T* cells, T* hidden, const T* x, const T* h0, const T* c0, const T* wx, const T* wh, const T* wr, const T* bx, const T* bh, const T* peep,
                         const int* lengths, const T* mask, const T* zone, const T* zoneCell, T* kept, T* work, int L, int B, int I, int H, int P, int reverse, T keep, T keepCell) {
  T *h = work, *mh = h + P, *c = mh + P, *out = c + H;
  for (int b = 0; b < B; b++) {
    const Step q(L, B, lengths, b, reverse);
    for (int j = 0; j < P; j++) h[j] = at(h0, b * P + j, 0);
    for (int j = 0; j < H; j++) c[j] = at(c0, b * H + j, 0);
    for (int s = 0; s < L; s++) {
      const long row = q.row(s);
      if (s >= q.n) {
        for (int j = 0; j < P; j++) y[row * P + j] = 0;
        for (int j = 0; j < H; j++) {
          for (int g = 0; gates && g < 4; g++) gates[(long(g) * L * B + row) * H + j] = 0;
          if (cells) cells[row * H + j] = 0;
          if (hidden) hidden[row * H + j] = 0;
        }
        continue;
      }
      for (int j = 0; j < P; j++) mh[j] = h[j] * at(mask, b * P + j, 1);
      for (int j = 0; j < H; j++) {
        T sum[4];
        for (int g = 0; g < 4; g++) {
          const int k = g * H + j;
          sum[g] = dot(wx + k * I, x + row * I, I) + at(bx, k, 0) + dot(wh + k * P, mh, P) + at(bh, k, 0);
        }
        const T i = sigmoid1(sum[0] + at(peep, j, 0) * c[j]), f = sigmoid1(sum[1] + at(peep, H + j, 0) * c[j]), g = tanh1(sum[2]);
        const T fresh = f * c[j] + i * g;
        const T o = sigmoid1(sum[3] + at(peep, 2 * H + j, 0) * fresh);
        out[j] = o * tanh1(fresh);
        const T share = at(zoneCell, row * H + j, keepCell);
        c[j] = share * fresh + (1 - share) * c[j];
        const T all[4] = {i, f, g, o};
        for (int k = 0; saved && k < 4; k++) saved[(row * 4 + k) * H + j] = all[k];
        for (int k = 0; gates && k < 4; k++) gates[(long(k) * L * B + row) * H + j] = all[k];
        if (cells) cells[row * H + j] = c[j];
        if (hidden) hidden[row * H + j] = out[j];
      }
      for (int j = 0; j < P; j++) {
        const T state = wr ? dot(wr + j * H, out, H) : out[j], share = at(zone, row * P + j, keep);
        y[row * P + j] = share * state + (1 - share) * h[j];
      }
      for (int j = 0; j < P; j++) h[j] = y[row * P + j];
    }
    for (int j = 0; j < P; j++) hn[b * P + j] = h[j];
    for (int j = 0; j < H; j++) cn[b * H + j] = c[j];
  }
}
KERNEL void lstm_backward(T* dx, T* dh0, T* dc0, T* dwx, T* dwh, T* dwr, T* dbx, T* dbh, T* dpeep, const T* dy, const T* dhn, const T* dcn, const T* y, const T* saved, const T* cells, const T* hidden,
                          const T* x, const T* h0, const T* c0, const T* wx, const T* wh, const T* wr, const T* peep, const int* lengths, const T* mask, const T* zone, const T* zoneCell, T* work,
                          int L, int B, int I, int H, int P, int reverse, T keep, T keepCell) {
  T *dh = work, *mh = dh + P, *dmh = mh + P, *dnew = dmh + P, *dc = dnew + P, *dout = dc + H;
  for (int b = 0; b < B; b++) {
    const Step q(L, B, lengths, b, reverse);
    for (int j = 0; j < P; j++) dh[j] = at(dhn, b * P + j, 0);
    for (int j = 0; j < H; j++) dc[j] = at(dcn, b * H + j, 0);
    for (int s = q.n - 1; s >= 0; s--) {
      const long row = q.row(s);
      for (int j = 0; j < P; j++) {
        const T all = dh[j] + at(dy, row * P + j, 0), share = at(zone, row * P + j, keep);
        dnew[j] = all * share;
        dh[j] = all * (1 - share);
        mh[j] = (s > 0 ? y[q.before(s) * P + j] : at(h0, b * P + j, 0)) * at(mask, b * P + j, 1);
        dmh[j] = 0;
      }
      for (int k = 0; k < H; k++) {
        dout[k] = wr ? 0 : dnew[k];
        for (int j = 0; wr && j < P; j++) {
          dout[k] += dnew[j] * wr[j * H + k];
          add(dwr, j * H + k, dnew[j] * hidden[row * H + k]);
        }
      }
      for (int j = 0; j < H; j++) {
        const T *v = saved + row * 4 * H, i = v[j], f = v[H + j], g = v[2 * H + j], o = v[3 * H + j];
        const T old = s > 0 ? cells[q.before(s) * H + j] : at(c0, b * H + j, 0), c = f * old + i * g, t = tanh1(c);
        const T dO = dout[j] * t * o * (1 - o), share = at(zoneCell, row * H + j, keepCell);
        const T dfresh = dc[j] * share + dout[j] * o * (1 - t * t) + dO * at(peep, 2 * H + j, 0);
        const T d[4] = {dfresh * g * i * (1 - i), dfresh * old * f * (1 - f), dfresh * i * (1 - g * g), dO};
        dc[j] = dc[j] * (1 - share) + dfresh * f + d[0] * at(peep, j, 0) + d[1] * at(peep, H + j, 0);
        add(dpeep, j, d[0] * old);
        add(dpeep, H + j, d[1] * old);
        add(dpeep, 2 * H + j, dO * c);
        for (int k = 0; k < 4; k++) {
          gateBack(d[k], k * H + j, x + row * I, mh, wx, wh, dx ? dx + row * I : nullptr, dmh, dwx, dwh, I, P);
          add(dbx, k * H + j, d[k]);
          add(dbh, k * H + j, d[k]);
        }
      }
      for (int j = 0; j < P; j++) dh[j] += dmh[j] * at(mask, b * P + j, 1);
    }
    for (int j = 0; j < P; j++) add(dh0, b * P + j, dh[j]);
    for (int j = 0; j < H; j++) add(dc0, b * H + j, dc[j]);
  }
}

// ---- simple RNN; saved: the activation ----

KERNEL int rnn_work(int L, int B, int I, int H) { return 4 * H; }
KERNEL int rnn_kept(int L, int B, int I, int H) { return 0; }
KERNEL void rnn_forward(T* y, T* hn, T* saved, const T* x, const T* h0, const T* wx, const T* wh, const T* bx, const T* bh, const int* lengths, const T* mask, const T* zone, T* kept, T* work,
                        int L, int B, int I, int H, int reverse, int relu, T keep) {
  T *h = work, *mh = h + H;
  for (int b = 0; b < B; b++) {
    const Step q(L, B, lengths, b, reverse);
    for (int j = 0; j < H; j++) h[j] = at(h0, b * H + j, 0);
    for (int s = 0; s < L; s++) {
      const long row = q.row(s);
      for (int j = 0; s >= q.n && j < H; j++) y[row * H + j] = 0;
      if (s >= q.n) continue;
      for (int j = 0; j < H; j++) mh[j] = h[j] * at(mask, b * H + j, 1);
      for (int j = 0; j < H; j++) {
        const T sum = dot(wx + j * I, x + row * I, I) + at(bx, j, 0) + dot(wh + j * H, mh, H) + at(bh, j, 0);
        const T a = relu ? (sum > 0 ? sum : 0) : tanh1(sum), share = at(zone, row * H + j, keep);
        if (saved) saved[row * H + j] = a;
        y[row * H + j] = share * a + (1 - share) * h[j];
      }
      for (int j = 0; j < H; j++) h[j] = y[row * H + j];
    }
    for (int j = 0; j < H; j++) hn[b * H + j] = h[j];
  }
}
KERNEL void rnn_backward(T* dx, T* dh0, T* dwx, T* dwh, T* dbx, T* dbh, const T* dy, const T* dhn, const T* y, const T* saved, const T* x, const T* h0, const T* wx, const T* wh, const int* lengths,
                         const T* mask, const T* zone, T* work, int L, int B, int I, int H, int reverse, int relu, T keep) {
  T *dh = work, *mh = dh + H, *dmh = mh + H;
  for (int b = 0; b < B; b++) {
    const Step q(L, B, lengths, b, reverse);
    for (int j = 0; j < H; j++) dh[j] = at(dhn, b * H + j, 0);
    for (int s = q.n - 1; s >= 0; s--) {
      const long row = q.row(s);
      for (int j = 0; j < H; j++) {
        mh[j] = (s > 0 ? y[q.before(s) * H + j] : at(h0, b * H + j, 0)) * at(mask, b * H + j, 1);
        dmh[j] = 0;
      }
      for (int j = 0; j < H; j++) {
        const T a = saved[row * H + j], all = dh[j] + at(dy, row * H + j, 0), share = at(zone, row * H + j, keep);
        const T d = all * share * (relu ? (a > 0 ? 1 : 0) : 1 - a * a);
        gateBack(d, j, x + row * I, mh, wx, wh, dx ? dx + row * I : nullptr, dmh, dwx, dwh, I, H);
        add(dbx, j, d);
        add(dbh, j, d);
        dh[j] = all * (1 - share);
      }
      for (int j = 0; j < H; j++) dh[j] += dmh[j] * at(mask, b * H + j, 1);
    }
    for (int j = 0; j < H; j++) add(dh0, b * H + j, dh[j]);
  }
}

extern "C" void* memcpy(void* to, const void* from, unsigned long n) { return __builtin_memcpy(to, from, n); }
