// Runs the kernels that address memory by tiles on buffers of exactly the right size, each in an allocation of its own, so that
// AddressSanitizer sees a read or write one element outside; on one thread and on three. `node scripts/native.mjs check` builds it once per
// instruction set; `node scripts/native.mjs check thread` with ThreadSanitizer, which sees two threads at one number without a meeting between
// (then only what three threads do runs).
//
// AVX-512's masked loads and stores are not instrumented: the canaries of test/kernels stand behind those.
//
// What the results are is tested elsewhere (test/native, test/kernels); here only that nothing else is touched, and that all is written. Called
// with a file's name it writes the results there, so that those of an instruction set that this processor lacks, run by an emulator, can be
// compared with one that it has.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)
#define ASAN_UNPOISON_MEMORY_REGION(p, n)
#endif
#define KERNELS_ONLY
#include "isa.h"
#include "pool.h"

namespace {
using namespace ISA;

// Buffers of one case, freed at its end.
struct Buffers {
  std::vector<std::unique_ptr<char[]>> held;
  unsigned state = 1;

  float* make(long n) {
    held.push_back(std::make_unique<char[]>(n * sizeof(float)));
    return (float*)held.back().get();
  }
  float* fill(long n, float value) {
    float* p = make(n);
    for (long i = 0; i < n; i++) p[i] = value;
    return p;
  }
  float* noise(long n) {
    float* p = make(n);
    for (long i = 0; i < n; i++) p[i] = float((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f - 0.5f;
    return p;
  }
  float* empty(long n) { return fill(n, __builtin_nanf("")); }
  float* kept(long n) { return n ? fill(n, 0) : nullptr; } // for packed weights
};

long cases = 0;
Team* team = nullptr;

std::FILE* results = nullptr;

unsigned long long fingerprint = 0; // of all results so far

void written(const char* what, const float* p, long n) {
  for (long i = 0; i < n; i++) fingerprint = fingerprint * 6364136223846793005ull + __builtin_bit_cast(unsigned, p[i]);
  if (results) std::fwrite(p, sizeof *p, n, results);
  for (long i = 0; i < n; i++) {
    if (!std::isnan(p[i])) continue;
    std::printf("%s[%ld] was not written, or was made of what was not\n", what, i);
    std::exit(1);
  }
}

void linear(int N, int I, int O) {
  Buffers b;
  float *x = b.noise((long)N * I), *w = b.noise((long)O * I), *bias = b.noise(O), *y = b.empty((long)N * O);
  float *dx = b.fill((long)N * I, 0), *dw = b.fill((long)O * I, 0), *db = b.fill(O, 0);
  float* kept = b.kept(linear_kept(N, I, O));
  for (int call = 0; call < 2; call++) linear_forward(y, x, w, bias, kept, b.empty(linear_work(N, I, O, team)), N, I, O, team);
  linear_backward(dx, dw, db, y, x, w, b.empty(linear_work(N, I, O, team)), N, I, O, team);
  written("linear y", y, (long)N * O);
  written("linear dx", dx, (long)N * I);
  written("linear dw", dw, (long)O * I);
  cases++;
}

void gru(int L, int B, int I, int H, int resetAfter) {
  Buffers b;
  const long n = (long)L * B;
  float *x = b.noise(n * I), *wx = b.noise(3L * H * I), *wh = b.noise(3L * H * H), *bx = b.noise(3 * H), *bh = b.noise(3 * H);
  float *y = b.empty(n * H), *hn = b.empty((long)B * H), *saved = b.empty(n * 4 * H), *gates = b.empty(n * 3 * H);
  float *dx = b.fill(n * I, 0), *dh0 = b.fill((long)B * H, 0), *dwx = b.fill(3L * H * I, 0), *dwh = b.fill(3L * H * H, 0), *dbx = b.fill(3 * H, 0), *dbh = b.fill(3 * H, 0);
  const int work = gru_work(L, B, I, H, team);
  float* kept = b.kept(gru_kept(L, B, I, H, resetAfter));
  for (int call = 0; call < 2; call++) {
    gru_forward(y, hn, gates, saved, x, nullptr, wx, wh, bx, bh, nullptr, nullptr, nullptr, kept, b.empty(work), L, B, I, H, 0, resetAfter, 1, team);
  }
  gru_backward(dx, dh0, dwx, dwh, dbx, dbh, y, hn, y, saved, x, nullptr, wx, wh, nullptr, nullptr, nullptr, b.empty(work), L, B, I, H, 0, resetAfter, 1, team);
  written("gru y", y, n * H);
  written("gru dx", dx, n * I);
  written("gru dwh", dwh, 3L * H * H);
  cases++;
}

void lstm(int L, int B, int I, int H, int P) {
  Buffers b;
  const long n = (long)L * B;
  float *x = b.noise(n * I), *wx = b.noise(4L * H * I), *wh = b.noise(4L * H * P), *wr = b.noise((long)P * H), *peep = b.noise(3 * H);
  float *y = b.empty(n * P), *hn = b.empty((long)B * P), *cn = b.empty((long)B * H), *saved = b.empty(n * 4 * H), *cells = b.empty(n * H), *hidden = b.empty(n * H);
  float *dx = b.fill(n * I, 0), *dwx = b.fill(4L * H * I, 0), *dwh = b.fill(4L * H * P, 0), *dwr = b.fill((long)P * H, 0), *dpeep = b.fill(3 * H, 0);
  const int work = lstm_work(L, B, I, H, P, team);
  float* kept = b.kept(lstm_kept(L, B, I, H, P, wr != nullptr));
  for (int call = 0; call < 2; call++) {
    lstm_forward(y, hn, cn, nullptr, saved, cells, hidden, x, nullptr, nullptr, wx, wh, wr, nullptr, nullptr, peep, nullptr, nullptr, nullptr, nullptr, kept, b.empty(work), L, B, I, H, P, 1, 1, 1, team);
  }
  lstm_backward(dx, nullptr, nullptr, dwx, dwh, dwr, nullptr, nullptr, dpeep, y, hn, cn, y, saved, cells, hidden, x, nullptr, nullptr, wx, wh, wr, peep, nullptr, nullptr, nullptr, nullptr, b.empty(work), L, B, I, H, P, 1, 1, 1, team);
  written("lstm y", y, n * P);
  written("lstm dx", dx, n * I);
  written("lstm dwh", dwh, 4L * H * P);
  cases++;
}

void rnn(int L, int B, int I, int H) {
  Buffers b;
  const long n = (long)L * B;
  float *x = b.noise(n * I), *wx = b.noise((long)H * I), *wh = b.noise((long)H * H), *y = b.empty(n * H), *hn = b.empty((long)B * H), *saved = b.empty(n * H);
  float *dx = b.fill(n * I, 0), *dwx = b.fill((long)H * I, 0), *dwh = b.fill((long)H * H, 0);
  const int work = rnn_work(L, B, I, H, team);
  float* kept = b.kept(rnn_kept(L, B, I, H));
  for (int call = 0; call < 2; call++) rnn_forward(y, hn, saved, x, nullptr, wx, wh, nullptr, nullptr, nullptr, nullptr, nullptr, kept, b.empty(work), L, B, I, H, 0, 0, 1, team);
  rnn_backward(dx, nullptr, dwx, dwh, nullptr, nullptr, y, hn, y, saved, x, nullptr, wx, wh, nullptr, nullptr, nullptr, b.empty(work), L, B, I, H, 0, 0, 1, team);
  written("rnn y", y, n * H);
  written("rnn dwh", dwh, (long)H * H);
  cases++;
}

void attention(int Q, int L, int B, int A, int H) {
  Buffers b;
  const long queries = (long)Q * B, steps = (long)L * B;
  float *query = b.noise(queries * A), *keys = b.noise(steps * A), *v = b.noise(A), *values = b.noise(steps * H), *context = b.empty(queries * H), *weights = b.empty(queries * L);
  float *dquery = b.fill(queries * A, 0), *dkeys = b.fill(steps * A, 0), *dv = b.fill(A, 0), *dvalues = b.fill(steps * H, 0);
  const int work = attention_work(Q, L, B, A, H, team);
  additive_attention_forward(context, weights, query, keys, v, values, nullptr, Q, L, B, A, H, team);
  additive_attention_backward(dquery, dkeys, dv, dvalues, context, nullptr, weights, query, keys, v, values, nullptr, b.empty(work), Q, L, B, A, H, team);
  dot_attention_forward(context, weights, query, keys, values, nullptr, 0.5f, Q, L, B, A, H, team);
  dot_attention_backward(dquery, dkeys, dvalues, context, nullptr, weights, query, keys, values, nullptr, 0.5f, b.empty(work), Q, L, B, A, H, team);
  written("attention dv", dv, A);
  written("attention dquery", dquery, queries * A);
  cases++;
}

void crossEntropy(int N, int H, int V) {
  Buffers b;
  float *x = b.noise((long)N * H), *w = b.noise((long)V * H), *bias = b.noise(V), *logits = b.noise((long)N * V), *y = b.empty(1), *divisor = b.empty(1);
  float *nats = b.empty(N), *sx = b.empty((long)N * H), *sw = b.empty((long)V * H), *sb = b.empty(V), *normal = b.empty(N);
  float *dx = b.fill((long)N * H, 0), *dw = b.fill((long)V * H, 0), *db = b.fill(V, 0), *dlogits = b.fill((long)N * V, 0);
  int* target = (int*)b.make(N);
  for (int n = 0; n < N; n++) target[n] = n % V;
  projected_cross_entropy_forward(y, nats, sx, sw, sb, x, w, bias, target, nullptr, b.empty(projected_cross_entropy_work(N, H, V, team)), N, H, V, 1, 0.1, -1, team);
  projected_cross_entropy_backward(dx, dw, db, y, sx, sw, sb, N, H, V, team);
  cross_entropy_forward(y, divisor, normal, logits, target, nullptr, nullptr, N, V, 1, 0.1, -1, team);
  cross_entropy_backward(dlogits, y, divisor, normal, logits, target, nullptr, nullptr, N, V, 0.1, -1, team);
  written("projected dw", dw, (long)V * H);
  written("cross entropy dlogits", dlogits, (long)N * V);
  cases++;
}

void update(int N) {
  Buffers b;
  float *x = b.noise(N), *m = b.fill(N, 0), *v = b.fill(N, 0), *g = b.noise(N);
  const double norm = sum_squares(g, N, team);
  adam_update(x, m, v, nullptr, g, N, 0.1, 0.9, 0.99, 1e-8, 0, 0, 0.1, 0.01, 1 / norm, 0, team);
  written("update x", x, N);
  cases++;
}

// Addresses of a streamed program count from one place, so its buffers stand in one allocation, with forbidden ground between them.
struct Ground {
  static constexpr long SIZE = 8L << 20;
  char* start = (char*)std::aligned_alloc(64, SIZE);
  long used = 64;
  Ground() { ASAN_POISON_MEMORY_REGION(start, SIZE); }
  ~Ground() {
    ASAN_UNPOISON_MEMORY_REGION(start, SIZE);
    std::free(start);
  }
  // n numbers, as offset
  u32 take(long n) {
    const long at = used;
    used = (at + n * 4 + 63) / 64 * 64 + 64;
    if (used > SIZE) std::abort();
    ASAN_UNPOISON_MEMORY_REGION(start + at, n * 4);
    return u32(at);
  }
  float* at(u32 place) { return (float*)(start + place); }
};

void stream(int kind, int flags, int format, int sessions, int I, int H, int P) {
  Buffers b;
  Ground g;
  if (!(flags & PROJECTION)) P = H;
  const int gates = kind == STREAM_LSTM ? 4 : kind == STREAM_RNN ? 1 : 3, width = (kind == STREAM_RNN ? 1 : 4) * H;
  const u32 weights = g.take(stream_packed(kind, flags, I, H, P, format)), self = g.take(sizeof(StreamProgram) / 4);
  float *wx = b.noise((long)gates * H * I), *wh = b.noise((long)gates * H * P), *wr = b.noise((long)P * H), *bias = b.noise(gates * H), *peep = b.noise(3 * H);
  stream_pack(g.at(weights), wx, wh, flags & PROJECTION ? wr : nullptr, bias, bias, peep, b.empty(stream_pack_work(H, P)), kind, flags, I, H, P, format, 0.5f);
  const u32 in = g.take((long)sessions * I), h = g.take((long)sessions * P), c = g.take((long)sessions * H), out = g.take((long)sessions * P);
  const int most = max(I, max(H, P));
  const u32 work = g.take(min(sessions, 3) * stream_work(sessions, width, most, format));
  for (u32 p : {in, h, c}) fillRow(g.at(p), 0.25f, sessions * (p == in ? I : p == h ? P : H));
  *(StreamProgram*)g.at(self) = {self, sessions, format, 1, I, width, most, work, 3, {{kind, flags, I, H, P, weights, in, h, c, out}}};
  *StreamWork(*std::make_unique<Scratch>(Scratch{g.at(work)}), sessions, width, most, streamFormat(format)).turns = 0;
  for (int i = 0; i < 2; i++) {
    if (stream_step((const int*)g.at(self), team)) std::exit(1);
  }
  written("stream out", g.at(out), (long)sessions * P);
  cases++;
}
} // namespace

// Everything at sizes round the edges of tiles, panels, blocks and chunks.
void layers() {
  const int edges[] = {1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 25, 31, 32, 33, 48, 63, 64, 65, 70};
  const int count = sizeof edges / sizeof *edges;
  for (int i = 0; i < count; i++) {
    for (int j = 0; j < count; j += 3) linear(edges[i], edges[(i + j) % count], edges[(i * 5 + j) % count]);
    const int H = edges[i], I = edges[(i * 7 + 3) % count], B = edges[(i * 5 + 1) % count];
    for (const auto [L, items] : {std::pair{2, B}, std::pair{5, 1}}) { // one sequence alone goes its own way
      gru(L, items, I, H, i % 2);
      lstm(L, items, I, H, edges[(i * 3 + 2) % count]);
      rnn(L, items, I, H);
    }
  }
  for (int k : {127, 128, 129, 255, 256, 257}) { // around a block over k and a block of rows
    linear(3, k, 5);
    linear(k, 5, 3);
    linear(13, 3, k);
  }
  attention(1, 7, 5, 19, 9);
  attention(3, 5, 7, 16, 65);
  for (int n : {1, 2, 65, 600}) crossEntropy(n, 40, 70);
  for (int n : {1, 17, 70'001}) update(n);
  gru(3, 67, 130, 129, 1);
  gru(3, 67, 130, 129, 0);
  gru(20, 33, 5, 7, 0); // several chunks back
  lstm(20, 33, 5, 7, 3);
}

// Both ways of adding products of int8 weights, where this processor has two.
void dots() {
  if (!MAY_FUSE_DOTS || !fusesDots()) return;
  const int K = 2 * ROUNDED_TERMS + 2, N = 8 * W;
  Buffers b;
  short a[K];
  std::vector<signed char> w(K * N);
  float *scale = b.noise(N), *numbers = b.noise(K * N), *sums = b.noise(N), *fused = b.make(N);
  for (int k = 0; k < K; k++) a[k] = short(numbers[k] * 2 * ROUNDED_MOST);
  for (int i = 0; i < K * N; i++) w[i] = (signed char)(numbers[i] * 254);
  copyRow(fused, sums, N);
  stripInt8<8, false>(sums, {a, 0.5f}, w.data(), scale, K);
  stripInt8<8, MAY_FUSE_DOTS>(fused, {a, 0.5f}, w.data(), scale, K);
  for (int n = 0; n < N; n++) {
    if (sums[n] == fused[n]) continue;
    std::printf("products of int8 weights differ by how they are added: column %d, %g and %g\n", n, sums[n], fused[n]);
    std::exit(1);
  }
  cases++;
}

void streams() {
  const int edges[] = {1, 3, 8, 16, 17, 32, 33, 64, 70, 130};
  for (int H : edges) {
    for (int kind : {STREAM_GRU, STREAM_GRU_BEFORE, STREAM_LSTM, STREAM_RNN}) {
      const int flags = kind == STREAM_LSTM && H % 2 ? PROJECTION | PEEPHOLES | ZONEOUT : ZONEOUT;
      for (int format : {PANELS, STRIPS, STRIPS_BF16, STRIPS_INT8}) {
        stream(kind, flags, format, format == PANELS ? 67 : 4, H % 5 + 1, H, H / 2 + 1);
        if (format != PANELS) stream(kind, flags, format, 1, H % 5 + 1, H, H / 2 + 1);
      }
    }
  }
}

int main(int count, char** words) {
  if (count > 1 && !(results = std::fopen(words[1], "wb"))) return 1;
#if !defined(__SANITIZE_THREAD__)
  dots();
  layers();
  streams();
  const auto alone = fingerprint;
#endif
  Pool* pool = openPool();
  team = teamOf(pool);
  team->most = 3;
  team->least = 1;
  fingerprint = 0;
  layers();
  streams();
  if (team->ready != 2) return 1;
#if !defined(__SANITIZE_THREAD__)
  if (fingerprint != alone) {
    std::printf("three threads gave other results than one\n");
    return 1;
  }
#endif
  closePool(pool);
  if (results && std::fclose(results)) return 1;
  std::printf("%ld cases, nothing outside its buffers\n", cases);
}
