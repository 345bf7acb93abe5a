// All kernels compiled for one instruction set, in a namespace of that name, and the table that the addon calls them through.
//
// A file per set defines ISA and includes this one; the compiler's flags say what the set may use. T is float: what runs. Gradients are
// checked in float64 by the WebAssembly build. With KERNELS_ONLY there is no table, and what nobody calls is not compiled (check.cpp).
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif
#include "backend.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

namespace ISA {
#include "../kernels/kernels.cpp"
#include "../kernels/probe.cpp"

#if !defined(KERNELS_ONLY)
// Addresses in engine memory arrive as numbers; 0 means absent.
template <class P> INLINE P* at(char* memory, double address) { return address == 0 ? nullptr : (P*)(memory + (unsigned long long)address); }
// A number as WebAssembly takes it: to an integer modulo 2^32.
struct Number {
  double x;
  operator T() const { return (T)x; }
  operator double() const { return x; }
  operator int() const { return (int)(long long)x; }
  operator u32() const { return (u32)(long long)x; }
};

#include "bindings.gen.h"
#endif
} // namespace ISA

#if !defined(KERNELS_ONLY)
extern "C" const Backend JOIN(backend_, ISA) = {ISA::W, ISA::calls, ISA::probe_peak};
#endif
