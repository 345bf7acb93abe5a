// How fast this machine reads memory: GB/s from each level, with the widest vectors the compiler finds here, all threads together.
//
//     g++ -O3 -std=c++17 -march=native bench/versus/bandwidth.cpp -pthread -o bandwidth && ./bandwidth 2     {"L1": {"bytes": …, "speed": …}, …}
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <unistd.h>
#include <vector>

typedef float V __attribute__((vector_size(64)));

static double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Adds up n bytes; the sum goes out so that no read can be left out.
static float sum(const V* x, size_t n) {
  V a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{};
  for (size_t i = 0; i + 8 <= n / sizeof(V); i += 8) {
    a += x[i];
    b += x[i + 1];
    c += x[i + 2];
    d += x[i + 3];
    e += x[i + 4];
    f += x[i + 5];
    g += x[i + 6];
    h += x[i + 7];
  }
  const V all = (a + b) + (c + d) + ((e + f) + (g + h));
  return all[0] + all[7] + all[15];
}

// GB/s of all threads together: the median of several spans of about 20 ms.
static double speed(size_t bytes, int threads) {
  std::vector<double> speeds;
  std::atomic<int> waiting{threads};
  std::vector<std::vector<double>> own(threads);
  auto life = [&](int t) {
    V* x = (V*)aligned_alloc(4096, bytes);
    for (size_t i = 0; i < bytes / sizeof(V); i++) x[i] = V{} + 1.f;
    volatile float sink = sum(x, bytes);
    waiting--;
    while (waiting > 0) {}
    for (int round = 0; round < 9; round++) {
      size_t done = 0;
      const double start = seconds();
      do {
        for (size_t part = 0; part < (1 << 20); part += bytes, done += bytes) sink = sum(x, bytes);
      } while (seconds() - start < 0.02);
      own[t].push_back(done / (seconds() - start) / 1e9);
    }
    (void)sink;
    free(x);
  };
  std::vector<std::thread> all;
  for (int t = 1; t < threads; t++) all.emplace_back(life, t);
  life(0);
  for (auto& t : all) t.join();
  for (size_t round = 0; round < own[0].size(); round++) {
    double together = 0;
    for (const auto& o : own) together += o[round];
    speeds.push_back(together);
  }
  std::sort(speeds.begin(), speeds.end());
  return speeds[speeds.size() / 2];
}

static size_t level(int name, size_t usual) {
  const long size = sysconf(name);
  return size > 0 ? (size_t)size : usual;
}

int main(int count, char** words) {
  const int threads = count > 1 ? std::max(1, atoi(words[1])) : 1;
  const size_t l1 = level(_SC_LEVEL1_DCACHE_SIZE, 32 << 10), l2 = level(_SC_LEVEL2_CACHE_SIZE, 1 << 20), l3 = level(_SC_LEVEL3_CACHE_SIZE, 16 << 20);
  // Half of a level, so that the rest of a program has room in it; of the shared one no more than a neighbour may leave.
  const size_t sizes[] = {l1 / 2, l2 / 2, std::min(8 * l2, l3 / 2), std::min<size_t>(8 * l3, 256u << 20)};
  const char* names[] = {"L1", "L2", "L3", "DRAM"};
  printf("{");
  for (int i = 0; i < 4; i++) {
    const size_t bytes = sizes[i] / 4096 * 4096;
    printf("%s\"%s\":{\"bytes\":%zu,\"speed\":%.1f}", i ? "," : "", names[i], bytes, speed(bytes, threads));
  }
  printf("}\n");
}
