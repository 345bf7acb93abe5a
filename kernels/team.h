// Several threads on one kernel: a team of the thread that was called and helpers that wait for work.
//
// A kernel that can be shared out ends its arguments with `Team* team`, which neither TypeScript nor an op sees. It asks how many parts
// are worth it, and runs a function once for each part, on a thread of its own:
//
//     const int parts = partsNow(team, operations, rows);           // 1 where there is no team, or too little to do
//     together(team, parts, [&](const Part& part) {
//       const auto [from, to] = part.of(rows);                      // this part's share of the rows
//       …
//       part.meet();                                                // waits until every part is here
//     });
//
// Two rules. Same bytes on any number of threads: every number has one writer, and every sum its one order, which the number of parts must
// not touch (share outputs, not the terms of a sum). And scratch for each part is counted with `mostParts`, since helpers may turn up
// between a *_work kernel and the one beside it; `partsNow` never exceeds it.
//
// The same code serves native threads (native/pool.cpp) and WebAssembly workers on one shared memory (below, and src/engine/threads-wasm.ts).
// Builds without threads have THREADS 0, and nothing of this is left in them. Not in any instruction set's namespace, since all share one
// team: so nothing here may become a function that units of different sets share.
#pragma once

#if defined(__wasm__) && !defined(__wasm_atomics__)
#define THREADS 0
#else
#define THREADS 1
#endif

#define PRIVATE __attribute__((always_inline)) inline

constexpr int OPERATIONS_PER_PART = 2'000'000; // below, starting helpers and waiting for them costs more than they save
constexpr int MOST_THREADS = 64;

struct Team;

// One thread's place in a job.
struct Part {
#if THREADS
  Team* team = nullptr;
  int index = 0, count = 1;
  PRIVATE void meet() const;
#else
  static constexpr int index = 0, count = 1;
  void meet() const {}
#endif
  struct Range {
    int from, to;
  };
  // Its share of n things, in groups of `step` that stay together.
  PRIVATE Range of(int n, int step = 1) const {
    if (count == 1) return {0, n};
    const long long groups = (n + step - 1) / step;
    const long long from = groups * index / count * step, to = groups * (index + 1) / count * step;
    return {int(from < n ? from : n), int(to < n ? to : n)};
  }
};

struct Team {
  alignas(64) unsigned job = 1;  // counts jobs in its upper bits, the lowest byte says in how many parts; helpers wait for it to change, and end at 0
  alignas(64) unsigned left = 0; // helpers still at work on the job; the caller waits for 0
  alignas(64) unsigned met = 0;  // times that all parts met; parts wait for it to change
  unsigned arrived = 0;          // parts that are there to meet
  alignas(64) int sleepers = 0;  // threads that wait for one of these and no longer look by themselves
  alignas(64) void (*task)(const void* f, const Part& part) = nullptr;
  const void* f = nullptr;
  int most = 1;  // threads that the engine at work may use, the caller included
  int least = OPERATIONS_PER_PART; // operations that make a part worth it; tests want parts of next to nothing
  int ready = 0; // helpers that are there
  long long operations = 0;         // of the job
  long long alone = 0, penalty = 0; // operations to come that the caller does by itself, since helpers were late; how many that was last
  int spins = 0;              // looks after which a helper is late
  long long waited = 0;       // for helpers in this job, in ticks, where it took so long that the caller gave its place away
  bool late = false;
  bool asked = false;
  bool mayWait = true;             // whether the caller may block; a page's main thread may not
  void (*summon)(Team*) = nullptr; // gets helpers, up to most − 1; some may come later
  void (*doze)(Team*, unsigned* word, unsigned was) = nullptr; // sleeps while *word is `was`
  void (*wake)(Team*, unsigned* word) = nullptr;               // wakes those who do
};

#if THREADS

#if defined(__wasm__)
constexpr int SPINS = 20'000, PATIENCE = SPINS; // looks before a part that waits sleeps; WebAssembly has no word for a pause, nor for giving way
constexpr int OPERATIONS_PER_SPIN = 50;
#else
constexpr int SPINS = 4'000, PATIENCE = 1'000;
constexpr int OPERATIONS_PER_SPIN = 50'000;
#endif

#if !defined(__wasm__)
extern "C" int sched_yield() noexcept;
#endif

// Time in a unit of its own, to compare one span with another. WebAssembly has no word for that.
static inline long long ticks() {
#if defined(__x86_64__)
  return (long long)__builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  long long now;
  asm volatile("mrs %0, cntvct_el0" : "=r"(now));
  return now;
#else
  return 0;
#endif
}

// The i-th look without success. After some the thread gives its place to another, which may be just the one that it waits for: two of a team
// can stand on one core until the system finds them another. WebAssembly has no word for that.
static inline void pauseBriefly([[maybe_unused]] int i) {
#if !defined(__wasm__)
  if (i >= PATIENCE) return (void)sched_yield();
#endif
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr long long MOST_ALONE = 1'000'000'000; // some ten milliseconds: a job as long as that always asks for help, however late it was
constexpr int SPINS_IDLE = 2 * SPINS; // looks before a helper without work sleeps: some milliseconds at most

// Waits while *word is `was`. A word that is waited for is written in sequence with `sleepers`, see tell().
static inline void waitWhile(Team* team, unsigned* word, unsigned was, int spins, bool mayWait) {
  for (int i = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) == was; i++) {
    if (i < spins) pauseBriefly(i);
    else if (mayWait) return team->doze(team, word, was); // who sleeps gets the processor back when it is woken
  }
}
// After a word was written: a sleeper counts itself before it looks for the last time, so one of the two sees the other.
static inline void tell(Team* team, unsigned* word) {
  if (__atomic_load_n(&team->sleepers, __ATOMIC_SEQ_CST) > 0) team->wake(team, word);
}

// The caller's wait. Helpers that take about twice as long as the caller (OPERATIONS_PER_SPIN is a part's work during one look) have no core
// of their own: others use the machine, or it lets the team share one (then they come once the caller has given its place away, and take as long as
// it did), and a job in parts would take the time that it takes until all of them had been there. Then the next jobs are done alone, more of them
// each time, if they are short; helpers sleep meanwhile, and wake up elsewhere.
static inline void awaitHelpers(Team* team, unsigned* word, unsigned was) {
  const long long from = ticks();
  for (int i = 0; i < team->spins; i++) {
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != was) {
      if (i > PATIENCE) team->waited += ticks() - from;
      return;
    }
    pauseBriefly(i);
  }
  team->late = true;
  waitWhile(team, word, was, 0, team->mayWait);
}
static inline void judgeHelpers(Team* team) {
  if (!team->late) {
    team->penalty /= 2;
    return;
  }
  team->late = false;
  if (team->least != OPERATIONS_PER_PART) return; // tests want parts whatever they cost
  team->penalty = 2 * (team->penalty + team->operations);
  if (team->penalty > MOST_ALONE) team->penalty = MOST_ALONE;
  team->alone = team->penalty;
}

PRIVATE void Part::meet() const {
  if (count == 1) return;
  const unsigned before = __atomic_load_n(&team->met, __ATOMIC_RELAXED);
  if (__atomic_add_fetch(&team->arrived, 1, __ATOMIC_ACQ_REL) == count) {
    __atomic_store_n(&team->arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&team->met, before + 1, __ATOMIC_SEQ_CST);
    tell(team, &team->met);
  } else if (index > 0) waitWhile(team, &team->met, before, team->spins, true);
  else awaitHelpers(team, &team->met, before);
}

// A helper's life, as number `index` from 1: does its part of every job after `seen`, until `job` is 0.
static inline void help(Team* team, int index, unsigned seen) {
  for (;;) {
    waitWhile(team, &team->job, seen, SPINS_IDLE, true);
    seen = __atomic_load_n(&team->job, __ATOMIC_ACQUIRE);
    if (seen == 0) return;
    const int parts = seen & 255;
    if (index >= parts) continue;
    // Until it says that it is done the job cannot change.
    team->task(team->f, Part{team, index, parts});
    if (__atomic_sub_fetch(&team->left, 1, __ATOMIC_SEQ_CST) == 0) tell(team, &team->left);
  }
}

#if defined(__wasm__)
// One instance, one memory, one team.
static Team onlyTeam;
static inline Team* teamOf(Team*) { return &onlyTeam; }
#else
static inline Team* teamOf(Team* given) { return given; }
#endif

// The most parts that a job of so many operations and pieces is done in.
static inline int mostParts(Team* given, long long operations, int pieces) {
  const Team* team = teamOf(given);
  if (!team || team->most == 1) return 1;
  long long parts = operations / team->least;
  if (parts > pieces) parts = pieces;
  if (parts > team->most) parts = team->most;
  return parts > 1 ? int(parts) : 1;
}

// As many of those as there are threads for now.
static inline int partsNow(Team* given, long long operations, int pieces) {
  const int most = mostParts(given, operations, pieces);
  if (most == 1) return 1;
  Team* team = teamOf(given);
  if (__atomic_load_n(&team->ready, __ATOMIC_ACQUIRE) + 1 < team->most) team->summon(team);
  if (team->alone >= operations) {
    team->alone -= operations;
    return 1;
  }
  team->alone = 0;
  team->operations = operations;
  const long long work = operations / OPERATIONS_PER_SPIN;
  team->spins = SPINS + (work < 100'000'000 ? int(work) : 100'000'000);
  const int here = __atomic_load_n(&team->ready, __ATOMIC_ACQUIRE) + 1;
  return here < most ? here : most;
}

template <class F> __attribute__((noinline)) static void performPart(const void* f, const Part& part) { (*(const F*)f)(part); }

// Calls f(Part) for each of `parts` at the same time, and returns when all have.
template <class F> static inline void together(Team* given, int parts, const F& f) {
  Team* team = teamOf(given);
  if (parts == 1) return performPart<F>(&f, Part{team, 0, 1});
  team->task = performPart<F>;
  team->f = &f;
  __atomic_store_n(&team->left, unsigned(parts - 1), __ATOMIC_RELAXED);
  __atomic_store_n(&team->job, ((team->job >> 8) + 1) << 8 | unsigned(parts), __ATOMIC_SEQ_CST);
  tell(team, &team->job);
  const long long start = ticks();
  team->waited = 0;
  performPart<F>(&f, Part{team, 0, parts});
  for (unsigned left; (left = __atomic_load_n(&team->left, __ATOMIC_ACQUIRE)) > 0;) awaitHelpers(team, &team->left, left);
  if (team->waited > 0 && 3 * team->waited > ticks() - start) team->late = true; // half as long as the caller worked
  judgeHelpers(team);
}

#if defined(__wasm__)
// What the JavaScript around the workers calls, and what it lends: `summon` starts them; the others are an event that threads sleep on. It
// stands in a memory of its own, since V8 11 does not find those who sleep on an address of this one once it has grown.
#define WORKER extern "C" __attribute__((visibility("default"), used))
#define LENT(name) extern "C" __attribute__((import_module("env"), import_name(#name)))
LENT(summon) void summonWorkers();
LENT(rings) int ringsSoFar();
LENT(sleep) void sleepWhile(int rings); // until there have been more
LENT(ring) void ringAll();

WORKER void team_open(int most, int least, int mayWait) {
  onlyTeam.most = most;
  onlyTeam.least = least > 0 ? least : OPERATIONS_PER_PART;
  onlyTeam.mayWait = mayWait;
  onlyTeam.summon = [](Team* team) {
    if (team->asked) return;
    team->asked = true;
    summonWorkers();
  };
  onlyTeam.wake = [](Team*, unsigned*) { ringAll(); };
  onlyTeam.doze = [](Team* team, unsigned* word, unsigned was) {
    __atomic_add_fetch(&team->sleepers, 1, __ATOMIC_SEQ_CST);
    for (int rings; rings = ringsSoFar(), __atomic_load_n(word, __ATOMIC_SEQ_CST) == was;) sleepWhile(rings);
    __atomic_sub_fetch(&team->sleepers, 1, __ATOMIC_SEQ_CST);
  };
}
// Helpers that are there.
WORKER int team_ready() { return __atomic_load_n(&onlyTeam.ready, __ATOMIC_ACQUIRE); }
// A worker's life: it only ends with the worker.
WORKER void team_help() {
  const unsigned seen = __atomic_load_n(&onlyTeam.job, __ATOMIC_SEQ_CST); // jobs before it is counted have no part for it
  help(&onlyTeam, __atomic_add_fetch(&onlyTeam.ready, 1, __ATOMIC_SEQ_CST), seen);
}
#endif

#else // THREADS
static inline int mostParts(Team*, long long, int) { return 1; }
static inline int partsNow(Team*, long long, int) { return 1; }
template <class F> static inline void together(Team*, int, const F& f) { f(Part{}); }
#endif
