// A streamed step: one sample of every session through all layers of a network, in one call that allocates nothing.
//
// TypeScript lays out a program, a flat list of words: a head and one record per layer, with the addresses of packed weights,
// states and slots. Sums run in the order of the sequence kernels (bias, then the input, then the state), and the gates are
// theirs, so that a streamed step gives the same bits as a step of a sequence.
//
// Weights are packed for one row at a time in strips (strips.h), in float, bfloat16 or int8 with a scale per column, which rows of 16-bit whole
// numbers meet; for many sessions at once in the panels of gemm.h.
//
// Threads share the sessions or, where those are fewer, the columns of each product: what a large network waits for is its weights, and each core
// has a cache of its own to bring its share of them from.
#pragma once
#include "gru.h"
#include "lstm.h"
#include "rnn.h"
#include "reduce.h"

enum StreamKind { STREAM_LINEAR, STREAM_GRU, STREAM_GRU_BEFORE, STREAM_LSTM, STREAM_RNN, STREAM_RNN_RELU };
enum StreamFormat { PANELS, STRIPS, STRIPS_BF16, STRIPS_INT8 };
// As asked for, but that panels are for rounded products where there are any: streams stay float until bf16 is asked of them.
INLINE int streamFormat(int format) { return BF16 && format == PANELS ? STRIPS : format; }
enum StreamFlags { RESIDUAL = 1, PROJECTION = 2, PEEPHOLES = 4, ZONEOUT = 8 };

// Words as src/nn/stream.ts writes them. Addresses count bytes from the start of engine memory; h and c are 0 where there is none.
struct StreamLayer {
  int kind, flags, I, H, P;
  u32 weights, in /*[n,I]*/, h /*[n,P]*/, c /*[n,H]*/, out /*[n,P]; h itself unless x is added or the layer is the last*/;
};
struct StreamProgram {
  u32 self; // its own address
  int sessions, format, layers, inputs;
  int width, most; // as stream_work takes them
  u32 work;
  int threads; // at most
  StreamLayer layer[1];
};

// ---- both products of a row ----

// Both products of a row: to each column first the input's, then the state's. When the weights don't fit the first cache, or the second, from
// left to right or, `back`, from right to left: rows take turns, so that one begins with the weights that the row before read last, which
// are still in the cache. (GRU, H = 64, 98 KB of weights, 48 KB of cache, and H = 256, 1.6 MB of weights, 1 MB of cache: a fifth less time.)
template <class Weight> INLINE void addProducts(const RowProduct<Weight>& x, const RowProduct<Weight>& h, bool back, const Part& part) {
  const Strips &xs = x.m.strips, &hs = h.m.strips;
  const int apart = int(h.c - x.c);
  const bool even = xs.turns && xs.each == hs.each && apart % (hs.each * STRIP_STEP) == 0; // strips begin at the same columns
  if (!STRIPS_WAIT || !hs.turns || (part.count > 1 && !even)) {
    x.addAll(part);
    part.meet();
    return h.addAll(part);
  }
  // Parts share the strips of both in the order of reading, those of the same columns undivided.
  const int all = xs.count + hs.count, place = back ? part.count - 1 - part.index : part.index;
  const int begin = all * place / part.count, end = all * (place + 1) / part.count;
  int done = 0;
  const auto isMine = [&](int before) { return begin <= before && before < end; };
  const auto input = [&](int from, int to, bool mine) { // what reaches columns from … to-1, and all that lies on the way
    for (; done < xs.count; done++) {
      const int i = back ? xs.count - 1 - done : done, first = xs.begin(i), last = xs.begin(i + 1);
      if (back ? last <= from : first >= to) return;
      if (mine) x.add(first, last);
    }
  };
  for (int j = 0; j < hs.count; j++) {
    const int i = back ? hs.count - 1 - j : j, first = hs.begin(i), last = hs.begin(i + 1);
    const bool mine = isMine(done + j);
    input(apart + first, apart + last, mine);
    if (mine) h.add(first, last);
  }
  input(0, xs.begin(xs.count), isMine(done + hs.count));
}

// ---- packed weights ----

INLINE u16 toBfloat(float x) { // to nearest, ties to even
  union {
    float f;
    u32 bits;
  } u{x};
  return u16((u.bits + 0x7fff + ((u.bits >> 16) & 1)) >> 16);
}

// w[k][n] = rows[n][k]
NOINLINE void packMatrix(T* packed, const StripMatrix& m, const T* const* rows, int format) {
  T *const out = packed + m.w, *const scale = packed + m.scale;
  if (format == PANELS) return packTransposed(out, rows, m.K, m.N, 0, m.N);
  if (format == STRIPS) return packStrips(out, rows, m.strips, m.K, m.N);
  if (format == STRIPS_INT8) {
    for (int n = 0; n < stripColumns(m.N); n++) {
      T most = 0;
      for (int k = 0; n < m.N && k < m.K; k++) most = rows[n][k] > most ? rows[n][k] : -rows[n][k] > most ? -rows[n][k] : most;
      scale[n] = most / 127;
    }
  }
  const int beside = format == STRIPS_INT8 ? 2 : 1; // terms
  long at = 0;
  for (int i = 0; i < m.strips.count; i++) {
    for (int first = 0; first < m.K; first += beside) {
      for (int n = m.strips.begin(i); n < m.strips.begin(i + 1); n++) {
        for (int k = first; k < first + beside; k++, at++) {
          const T x = n < m.N && k < m.K ? rows[n][k] : T(0);
          if (format == STRIPS_BF16) ((u16*)out)[betweenPairs(at)] = toBfloat(float(x));
          else {
            const T q = scale[n] > 0 ? x / scale[n] : T(0);
            ((signed char*)out)[at] = (signed char)(q < 0 ? q - T(0.5) : q + T(0.5));
          }
        }
      }
    }
  }
}

static Layout streamLayout(int kind, int I, int H, int P) {
  switch (kind) {
    case STREAM_GRU: return gruLayout(I, H, 1);
    case STREAM_GRU_BEFORE: return gruLayout(I, H, 0);
    case STREAM_LSTM: return lstmLayout(I, H, P);
    case STREAM_LINEAR: return {I, H, H, 1, 1, 1, 0, {0}, {-1}};
    default: return rnnLayout(I, H);
  }
}

// Everything of a layer that stays: made once, read by all sessions. It stands in front of what it describes; places count elements from here.
struct StreamWeights {
  int width, firstRecurrent; // columns
  int bias, peep, share;
  StripMatrix wx, wh, candidate, wr;

  T* at(int place) const { return (T*)this + place; }
  i64 size() const { return wx.size() + wh.size() + candidate.size() + wr.size(); }
};
static StreamWeights layWeights(Scratch& s, const Layout& c, int kind, int flags, int format) {
  const auto take = [&](int n) {
    const int place = s.used;
    s.take(n);
    return place;
  };
  const auto matrix = [&](int K, int N) {
    const int bytes = format == STRIPS_INT8 ? 1 : format == STRIPS_BF16 ? 2 : int(sizeof(T)), columns = stripColumns(N);
    const int scale = take(format == STRIPS_INT8 ? columns : 0);
    const int terms = format == STRIPS_INT8 ? roundUp(K, 2) : K;
    const int w = take(format == PANELS ? packedSize(K, N) : (terms * columns * bytes + int(sizeof(T)) - 1) / int(sizeof(T)));
    return StripMatrix{w, scale, K, N, Strips::of(N, K, bytes, false)};
  };
  const bool before = kind == STREAM_GRU_BEFORE;
  s.list<StreamWeights>(1);
  StreamWeights w;
  w.width = c.width();
  w.firstRecurrent = c.firstRecurrent * c.H;
  w.bias = take(c.width());
  w.peep = take(flags & PEEPHOLES ? 3 * c.H : 0);
  w.share = take(flags & ZONEOUT ? max(c.P, c.H) : 0);
  w.wx = matrix(c.I, c.inputWidth());
  w.wh = matrix(c.P, c.jointWidth());
  w.candidate = matrix(c.H, before ? c.H : 0);
  w.wr = matrix(c.H, flags & PROJECTION ? c.P : 0);
  return w;
}

// Elements of a layer's packed weights.
KERNEL int stream_packed(int kind, int flags, int I, int H, int P, int format) {
  Scratch s{nullptr};
  layWeights(s, streamLayout(kind, I, H, P), kind, flags, streamFormat(format));
  return s.used;
}
// Elements of scratch for stream_pack.
KERNEL int stream_pack_work(int H, int P) {
  Scratch s{nullptr};
  s.list<const T*>(max(4 * H, P));
  return s.used;
}
// Packs the weights of one layer; `keep` is what zoneout takes of a new value. Linear: wx, bx and H outputs.
KERNEL void stream_pack(T* packed, const T* wx /*[gates·H,I]*/, const T* wh /*[gates·H,P]?*/, const T* wr /*[P,H]?*/, const T* bx /*[gates·H]?*/, const T* bh /*[gates·H]?*/, const T* peep /*[3,H]?*/, T* work,
  int kind, int flags, int I, int H, int P, int format, T keep) {
  format = streamFormat(format);
  const Layout c = streamLayout(kind, I, H, P);
  Scratch s{nullptr}, lists{work};
  const StreamWeights w = *(StreamWeights*)packed = layWeights(s, c, kind, flags, format);
  const T** rows = lists.list<const T*>(max(4 * H, P));
  gatherBias(packed + w.bias, c, bx, bh);
  if (flags & PEEPHOLES) copyRow(packed + w.peep, peep, 3 * H);
  if (flags & ZONEOUT) fillRow(packed + w.share, keep, max(P, H));
  listGates(rows, wx, c.wxGate, 0, c.inputs, H, I);
  packMatrix(packed, w.wx, rows, format);
  if (!wh) return;
  listGates(rows, wh, c.whGate, c.firstRecurrent, c.firstRecurrent + w.wh.N / H, H, P);
  packMatrix(packed, w.wh, rows, format);
  if (w.candidate.N) {
    listGates(rows, wh, c.whGate, 0, 1, H, P);
    packMatrix(packed, w.candidate, rows, format);
  }
  if (w.wr.N) {
    listRows(rows, wr, H, P);
    packMatrix(packed, w.wr, rows, format);
  }
}

// ---- the step ----

// What so many weights are to a team. Streams step again and again, helpers are awake: they are worth it for less than elsewhere, and a row meets its
// weights more slowly than matrices do, the more so the larger those are.
INLINE i64 streamOperations(i64 weights, int format) { return weights * (format == STRIPS ? 32 : format == STRIPS_BF16 ? 20 : 8); }

// The most parts for anything in a step: all layers of several sessions, or the largest of one.
static int streamParts(const StreamProgram& p, const char* memory, int format, Team* team) {
  if (p.threads == 1) return 1;
  i64 all = 0, largest = 0;
  for (int i = 0; i < p.layers; i++) {
    const i64 weights = ((const StreamWeights*)(memory + p.layer[i].weights))->size();
    all += weights * p.sessions;
    if (weights > largest) largest = weights;
  }
  return partsNow(team, streamOperations(p.sessions > 1 ? all : largest, format), p.threads);
}

constexpr int STREAM_ROWS = MC; // sessions at a time, when they are many

struct StreamWork {
  const T **x, **h, **hidden;
  T **rows, **to;
  T *gates, *hiddenRows, *fresh, *before, *block;
  short* rounded[2]; // rows in whole numbers, for int8 weights
  u32* turns; // rows so far, from whatever stood there: only whether it is odd counts
  int stride;

  // `width` is the widest row of gates, `most` the largest I, H or P of all layers.
  StreamWork(Scratch& s, int sessions, int width, int most, int format) {
    const int n = format == PANELS ? min(sessions, STREAM_ROWS) : 1;
    x = s.list<const T*>(n);
    h = s.list<const T*>(n);
    hidden = s.list<const T*>(n);
    rows = s.list<T*>(n);
    to = s.list<T*>(n);
    stride = roundUp(width, W);
    gates = s.take(n * stride + STRIP_STEP);
    hiddenRows = s.take(n * most);
    fresh = s.take(n * most + STRIP_STEP);
    before = s.take(most);
    block = s.take(format == PANELS ? BLOCK_SIZE : 0);
    for (auto& row : rounded) row = s.list<short>(format == STRIPS_INT8 ? roundedSize(most) : 0);
    turns = s.list<u32>(1);
  }
  static int size(int sessions, int width, int most, int format) {
    Scratch s{nullptr};
    StreamWork(s, sessions, width, most, format);
    return s.used;
  }
};

// What the functions below share while a layer runs over n rows: one session, or up to STREAM_ROWS of them.
struct StreamRun {
  const StreamLayer& l;
  const StreamWeights& w;
  const StreamWork& work;
  int n, format;
  bool back; // from which side a row's products are computed
  Team* team;
  int parts; // that a row's products are computed in, if they are large enough

  // to[i][column + j] += Σ_k a[i][k]·m[k][j]
  __attribute__((noinline)) void add(T* const* to, int column, const T* const* a, const StripMatrix& m) const {
    if (format == PANELS) return multiply({to, column}, {a}, {w.at(m.w)}, n, m.N, m.K, work.block);
    byWeight([&](auto zero) ALWAYS {
      const auto product = row(zero, to[0] + column, a[0], m);
      together(team, partsFor(m.size()), [&](const Part& part) { product.addAll(part); });
    });
  }
  // The gates' sums: the input's product, then the state's.
  __attribute__((noinline)) void addSums() const {
    T* const* to = work.rows;
    if (format == PANELS || !w.wh.N) {
      add(to, 0, work.x, w.wx);
      if (w.wh.N) add(to, w.firstRecurrent, work.h, w.wh);
      return;
    }
    byWeight([&](auto zero) ALWAYS {
      const auto x = row(zero, to[0], work.x[0], w.wx), h = row(zero, to[0] + w.firstRecurrent, work.h[0], w.wh, 1);
      together(team, partsFor(w.wx.size() + w.wh.size()), [&](const Part& part) { addProducts(x, h, back, part); });
    });
  }

  int partsFor(i64 weights) const { return parts == 1 ? 1 : mostParts(team, streamOperations(weights, format), parts); }
  // Calls f with a zero of the weights' type.
  template <class F> __attribute__((always_inline)) void byWeight(F f) const {
    if constexpr (DOUBLE) f(T(0));
    else if (format == STRIPS) f(T(0));
    else if (format == STRIPS_BF16) f(u16(0));
    else f((signed char)0);
  }
  template <class Weight> RowProduct<Weight> row(Weight, T* to, const T* a, const StripMatrix& m, [[maybe_unused]] int buffer = 0) const {
    const Weight* weights = (const Weight*)w.at(m.w);
    if constexpr (sizeof(Weight) == 1) return {to, roundRow(work.rounded[buffer], a, m.K), weights, w.at(m.scale), m};
    else return {to, a, weights, nullptr, m};
  }
};

// The new states over the old ones, from rows that hold the gates' sums.
NOINLINE void streamCells(const StreamRun& r, T* h, T* c) {
  const StreamLayer& l = r.l;
  const StreamWeights& w = r.w;
  const StreamWork& q = r.work;
  const int H = l.H, P = l.P;
  const bool zoneout = l.flags & ZONEOUT;
  const bool aside = l.flags & (ZONEOUT | PROJECTION); // a product in strips touches what follows its row, which in the states is another session
  for (int i = 0; i < r.n; i++) q.to[i] = aside ? q.fresh + i * P : h + i * P;
  if (l.kind == STREAM_GRU_BEFORE) {
    for (int i = 0; i < r.n; i++) {
      gruReset(q.rows[i], q.h[i], nullptr, H);
      q.hidden[i] = q.rows[i] + 3 * H;
    }
    r.add(q.rows, 0, q.hidden, w.candidate);
  }
  for (int i = 0; i < r.n; i++) {
    T *row = q.rows[i], *to = q.to[i], *cell = c + i * H;
    switch (l.kind) {
      case STREAM_GRU: gruGates(to, row, q.h[i], H); break;
      case STREAM_GRU_BEFORE: gruFinish(to, row, q.h[i], H); break;
      case STREAM_LSTM:
        if (zoneout) copyRow(q.before, cell, H);
        lstmGates(l.flags & PROJECTION ? q.hiddenRows + i * H : to, row, cell, l.flags & PEEPHOLES ? w.at(w.peep) : nullptr, H);
        if (zoneout) zoneMix(cell, q.before, w.at(w.share), H);
        break;
      default: rnnActivate(to, row, H, l.kind == STREAM_RNN_RELU);
    }
  }
  if (l.flags & PROJECTION) {
    for (int i = 0; i < r.n; i++) {
      q.hidden[i] = q.hiddenRows + i * H;
      fillRow(q.to[i], 0, P);
    }
    r.add(q.to, 0, q.hidden, w.wr);
  }
  for (int i = 0; aside && i < r.n; i++) {
    if (zoneout) zoneMix(q.to[i], h + i * P, w.at(w.share), P);
    copyRow(h + i * P, q.to[i], P);
  }
}

// Elements of scratch for stream_step on one thread, and for each of several that share sessions: `width` is the widest row of gates, `most` the
// largest I, H or P of all layers.
KERNEL int stream_work(int sessions, int width, int most, int format) { return StreamWork::size(sessions, width, most, streamFormat(format)); }


// Advances all sessions of a program by one sample each. Returns 0; or, all states as they were, 1 + the index of the first
// number of the input that is not finite.
KERNEL int stream_step(const int* program, Team* team) {
  const StreamProgram& p = *(const StreamProgram*)program;
  char* const memory = (char*)program - p.self;
  const auto at = [&](u32 address) ALWAYS { return (T*)(memory + address); };
  const int format = streamFormat(p.format);
  const int bad = first_nonfinite(at(p.layer[0].in), p.sessions * p.inputs);
  if (bad >= 0) return bad + 1;
  const int parts = streamParts(p, memory, format, team);
  const bool shared = p.sessions >= parts; // the sessions; otherwise each product
  together(team, shared ? parts : 1, [&](const Part& part) {
    const Scratch all{at(p.work)};
    Scratch scratch = part.index == 0 ? all : all.part(part.index, StreamWork::size(p.sessions, p.width, p.most, format));
    const StreamWork work(scratch, p.sessions, p.width, p.most, format);
    const auto [from, to] = part.of(p.sessions);
    for (int i = 0; i < p.layers; i++) {
      const StreamLayer& l = p.layer[i];
      const StreamWeights& w = *(const StreamWeights*)at(l.weights);
      const int step = format == PANELS ? STREAM_ROWS : 1;
      for (int first = from; first < to; first += step) {
        const StreamRun r{l, w, work, min(step, to - first), format, bool((*work.turns + first) & 1), team, shared ? 1 : parts};
        const T* x = at(l.in) + first * l.I;
        T *h = at(l.h) + first * l.P, *out = at(l.out) + first * l.P;
        for (int j = 0; j < r.n; j++) {
          work.x[j] = x + j * l.I;
          work.h[j] = h + j * l.P;
          work.rows[j] = work.gates + j * work.stride;
          copyRow(work.rows[j], w.at(w.bias), w.width);
        }
        r.addSums();
        if (l.kind == STREAM_LINEAR) {
          for (int j = 0; j < r.n; j++) copyRow(out + j * l.P, work.rows[j], l.P);
          continue;
        }
        streamCells(r, h, at(l.c) + first * l.H);
        if (l.out == l.h) continue;
        copyRow(out, h, r.n * l.P);
        if (l.flags & RESIDUAL) addRow(out, x, r.n * l.P);
      }
    }
    *work.turns += to - from;
  });
  return 0;
}
