// The border between C++ and TypeScript.
//
// KERNEL marks an exported function. scripts/kernels.mjs reads these lines and writes src/engine/abi.gen.ts from them, so keep
// one `KERNEL type name(arguments) {` per function, with the shape of every pointer in a comment beside it ("?" = may be null).
// Outputs first, then inputs, then sizes. `*_backward` adds into d* and skips a null one. `*_work` returns the number of T
// elements of scratch that the kernel beside it needs. Nothing here allocates, throws, or keeps a global. A kernel that several threads may
// share ends its arguments with `Team* team`, which neither TypeScript nor an op sees: team.h says how.
//
// One source, several builds: T is float (running) or double (-DREAL=double: gradient checks). -DINFER=1 leaves out training.
#pragma once

#ifndef REAL
#define REAL float
#endif
using T = REAL;
constexpr bool DOUBLE = sizeof(T) == 8;

#if INFER
#define TRAINING 0
#else
#define TRAINING 1
#endif

#if defined(__wasm__)
#define KERNEL extern "C" __attribute__((visibility("default"), used))
#else // bound by a generated table, once per instruction set: native/isa.h
#define KERNEL static
#endif
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using i64 = long long;

INLINE int min(int a, int b) { return a < b ? a : b; }
INLINE constexpr int max(int a, int b) { return a > b ? a : b; }
INLINE i64 max(i64 a, i64 b) { return a > b ? a : b; }
INLINE int roundUp(int n, int step) { return (n + step - 1) / step * step; }
