// For tests and benchmarks only, in a .wasm of its own: the functions of vec.h on arrays, and the machine's multiply-add peak.
#include "vec.h"

KERNEL void probe_exp(T* y, const T* x, int N) {
  eachVector(N, [&](int i, int m) ALWAYS { store(y + i, exp(load(x + i, m)), m); });
}
KERNEL void probe_log(T* y, const T* x, int N) {
  eachVector(N, [&](int i, int m) ALWAYS { store(y + i, log(load(x + i, m)), m); });
}
KERNEL void probe_sigmoid(T* y, const T* x, int N) {
  eachVector(N, [&](int i, int m) ALWAYS { store(y + i, sigmoid(load(x + i, m)), m); });
}
KERNEL void probe_tanh(T* y, const T* x, int N) {
  eachVector(N, [&](int i, int m) ALWAYS { store(y + i, tanh(load(x + i, m)), m); });
}

// 24 · W · N floating-point operations on registers: what the processor can do at most with vectors of this width.
KERNEL T probe_peak(int N) {
  constexpr int CHAINS = 12;
  V chain[CHAINS];
  UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = splat(T(0.1) * T(i));
  const V factor = splat(T(0.999)), term = splat(T(0.001));
  NOUNROLL for (int k = 0; k < N; k++) {
    UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = fma_(chain[i], factor, term);
  }
  V sum = splat(0);
  UNROLL for (int i = 0; i < CHAINS; i++) sum += chain[i];
  return total(sum);
}

#if defined(__wasm__)
extern "C" void* memcpy(void* to, const void* from, unsigned long n) { return __builtin_memcpy(to, from, n); }
#endif
