// Helpers as POSIX threads. A pool belongs to one Node environment (the main thread's or a worker's), where one kernel runs at a time.
#include "pool.h"
#include <pthread.h>
#include <signal.h>

extern "C" void* malloc(unsigned long n);
extern "C" void free(void* p);
inline void* operator new(unsigned long, void* place) noexcept { return place; } // <new> would do, but is the C++ library's

struct Helper {
  Pool* pool;
  pthread_t thread;
  int index;
  unsigned seen;
};

struct Pool {
  Team team; // first: a Team* of a pool is a Pool*
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t awake = PTHREAD_COND_INITIALIZER;
  Helper helpers[MOST_THREADS];
};

namespace {

void* run(void* data) {
  const Helper* h = (Helper*)data;
  help(&h->pool->team, h->index, h->seen);
  return nullptr;
}

void doze(Team* team, unsigned* word, unsigned was) {
  Pool* pool = (Pool*)team;
  pthread_mutex_lock(&pool->lock);
  __atomic_add_fetch(&team->sleepers, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == was) pthread_cond_wait(&pool->awake, &pool->lock);
  __atomic_sub_fetch(&team->sleepers, 1, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&pool->lock);
}

void wake(Team* team, unsigned*) {
  Pool* pool = (Pool*)team;
  pthread_mutex_lock(&pool->lock);
  pthread_cond_broadcast(&pool->awake);
  pthread_mutex_unlock(&pool->lock);
}

// Starts the missing threads. Where the system gives no more, those that are there do the work.
void summon(Team* team) {
  Pool* pool = (Pool*)team;
  if (team->asked) return; // it gave no more last time
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); // signals are for Node's own threads
  while (team->ready < team->most - 1) {
    Helper* h = &pool->helpers[team->ready];
    h->pool = pool;
    h->index = team->ready + 1;
    h->seen = team->job;
    team->asked = pthread_create(&h->thread, nullptr, run, h) != 0;
    if (team->asked) break;
    team->ready++;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

} // namespace

Pool* openPool() {
  void* memory = malloc(sizeof(Pool) + 64);
  if (!memory) return nullptr;
  char* start = (char*)(((unsigned long)memory + 64) & ~63ul);
  ((void**)start)[-1] = memory;
  Pool* pool = new (start) Pool;
  pool->team.summon = summon;
  pool->team.wake = wake;
  pool->team.doze = doze;
  return pool;
}

Team* teamOf(Pool* pool) { return &pool->team; }

void closePool(Pool* pool) {
  __atomic_store_n(&pool->team.job, 0u, __ATOMIC_SEQ_CST);
  wake(&pool->team, &pool->team.job);
  for (int i = 0; i < pool->team.ready; i++) pthread_join(pool->helpers[i].thread, nullptr);
  free(((void**)pool)[-1]);
}
