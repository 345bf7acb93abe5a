// The Node-API addon: binds the kernels of one instruction set to one engine's memory.
//
// exports: abi        the number of the signatures that it was built from (src/engine/abi.gen.ts)
//          isas       instruction sets that this processor has, fastest first
//          attach(isa, memory, block, threads[, least]) -> invoke   least: operations that are worth a thread
//          kernels    their names in the order of their numbers, separated by spaces
//          onRequest  those that it has and that round, so that nobody gets them unasked
//          peak(isa, n)  n rounds of multiply-adds on registers, 24 · lanes operations each
//
// A Node-API call costs about 8 ns per number, so invoke() takes none: the caller writes the kernel's number into block[0] and its
// arguments behind it, and finds the result, if there is one, in block[1]. What invoke needs belongs to that function alone, and the pool of
// threads to one environment: nothing here is global, so any number of worker threads share the library. Links to nothing but Node and the C
// library's allocator and threads.
#include <node_api.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#include "abi.gen.h"
#include "backend.h"
#include "pool.h"

extern "C" void* malloc(unsigned long n);
extern "C" void free(void* p);

#if defined(__x86_64__)
extern "C" const Backend backend_avx512, backend_avx512bf16, backend_avx2, backend_sse2;
#else
extern "C" const Backend backend_neon;
#endif

namespace {

struct Set {
  const char* name;
  const Backend* backend;
  bool (*here)(); // whether this processor (and its operating system) has it
  bool onRequest = false; // rounds more than float does
};
#if defined(__x86_64__)
bool hasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
}
#endif
constexpr Set sets[] = {
#if defined(__x86_64__)
  {"avx512", &backend_avx512, hasAvx512},
  {"avx512bf16", &backend_avx512bf16, [] { return hasAvx512() && __builtin_cpu_supports("avx512bf16"); }, true},
  {"avx2", &backend_avx2, [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
  {"sse2", &backend_sse2, [] { return true; }},
#else
  {"neon", &backend_neon, [] { return true; }},
#endif
};

// One engine's binding.
struct Binding {
  const Call* calls;
  char* memory;
  double* block;
  int threads, least; // as in a Team
  Team* team;
  napi_ref held; // the block, as long as invoke lives
};

napi_value refuse(napi_env env, const char* message) {
  napi_throw_type_error(env, nullptr, message);
  return nullptr;
}

napi_value invoke(napi_env env, napi_callback_info info) {
  void* data;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  const Binding* b = (const Binding*)data;
  b->team->most = b->threads;
  b->team->least = b->least;
  b->calls[(int)b->block[0]](b->memory, b->block + 1, b->team);
  return nullptr;
}

void release(napi_env env, void* data, void*) {
  napi_delete_reference(env, ((Binding*)data)->held);
  free(data);
}

// The set named by a string argument, if this processor has it.
const Set* setOf(napi_env env, napi_value name) {
  char text[16] = {};
  size_t length = 0;
  if (napi_get_value_string_utf8(env, name, text, sizeof text, &length) != napi_ok) return nullptr;
  for (const Set& s : sets) {
    size_t i = 0;
    while (s.name[i] && s.name[i] == text[i]) i++;
    if (s.name[i] == text[i] && s.here()) return &s;
  }
  return nullptr;
}

// Asks for large pages under engine memory. Only advice: where it is refused, or the system gives none, nothing changes.
void adviseLargePages(void* memory, size_t bytes) {
#if defined(MADV_HUGEPAGE)
  if (bytes) madvise(memory, bytes, MADV_HUGEPAGE); // engine memory begins at a page's border; advice for another is refused whole
#else
  (void)memory, (void)bytes;
#endif
}

// The environment's pool, made when first asked for and closed when the environment ends.
Pool* poolOf(napi_env env) {
  void* pool = nullptr;
  napi_get_instance_data(env, &pool);
  if (pool || !(pool = openPool())) return (Pool*)pool;
  napi_set_instance_data(env, pool, nullptr, nullptr);
  napi_add_env_cleanup_hook(env, [](void* data) { closePool((Pool*)data); }, pool);
  return (Pool*)pool;
}

napi_value attach(napi_env env, napi_callback_info info) {
  size_t count = 5;
  int threads = 0, least = 0;
  napi_value args[5], fn;
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  const Set* set = setOf(env, args[0]);
  if (!set) return refuse(env, "attach: this processor has no such instruction set");
  void *memory, *block;
  napi_typedarray_type bytes, doubles;
  size_t length, size;
  // Typed arrays rather than buffers: they may stand on shared memory.
  if (napi_get_typedarray_info(env, args[1], &bytes, &length, &memory, nullptr, nullptr) != napi_ok || bytes != napi_uint8_array)
    return refuse(env, "attach: memory must be a Uint8Array");
  if (napi_get_typedarray_info(env, args[2], &doubles, &size, &block, nullptr, nullptr) != napi_ok || doubles != napi_float64_array || size < BLOCK_SIZE)
    return refuse(env, "attach: block must be a Float64Array with room for the longest kernel");
  if (napi_get_value_int32(env, args[3], &threads) != napi_ok || threads < 1 || threads > MOST_THREADS)
    return refuse(env, "attach: threads must be a number from 1 to 64");
  if (napi_get_value_int32(env, args[4], &least) != napi_ok || least < 1) least = OPERATIONS_PER_PART;
  Pool* pool = poolOf(env);
  Binding* b = pool ? (Binding*)malloc(sizeof(Binding)) : nullptr;
  if (!b) return refuse(env, "attach: out of memory");
  *b = {set->backend->calls, (char*)memory, (double*)block, threads, least, teamOf(pool), nullptr};
  if (napi_create_reference(env, args[2], 1, &b->held) != napi_ok || napi_create_function(env, "invoke", NAPI_AUTO_LENGTH, invoke, b, &fn) != napi_ok ||
      napi_add_finalizer(env, fn, b, release, nullptr, nullptr) != napi_ok)
    return refuse(env, "attach: Node refuses");
  adviseLargePages(memory, length);
  return fn;
}

napi_value peak(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value args[2], result;
  int n = 0;
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  const Set* set = setOf(env, args[0]);
  if (!set || napi_get_value_int32(env, args[1], &n) != napi_ok) return refuse(env, "peak: expected an instruction set and a number");
  set->backend->peak(n);
  napi_create_double(env, 24.0 * set->backend->lanes * n, &result);
  return result;
}

} // namespace

NAPI_MODULE_INIT() {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  napi_value value, list;
  napi_create_string_utf8(env, ABI, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, exports, "abi", value);
  napi_create_string_utf8(env, KERNEL_NAMES, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, exports, "kernels", value);
  for (int onRequest = 0; onRequest < 2; onRequest++) {
    napi_create_array(env, &list);
    int n = 0;
    for (const Set& s : sets) {
      if (s.onRequest != onRequest || !s.here()) continue;
      napi_create_string_utf8(env, s.name, NAPI_AUTO_LENGTH, &value);
      napi_set_element(env, list, n++, value);
    }
    napi_set_named_property(env, exports, onRequest ? "onRequest" : "isas", list);
  }
  napi_create_function(env, "attach", NAPI_AUTO_LENGTH, attach, nullptr, &value);
  napi_set_named_property(env, exports, "attach", value);
  napi_create_function(env, "peak", NAPI_AUTO_LENGTH, peak, nullptr, &value);
  napi_set_named_property(env, exports, "peak", value);
  return exports;
}
