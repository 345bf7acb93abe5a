// The native side of a team (kernels/team.h): threads that sleep when there is nothing to do.
#pragma once
#include "../kernels/team.h"

struct Pool;

// A pool without threads; they are started when a kernel first asks for help. Null: no memory.
Pool* openPool();
// The team of the threads, for the one caller at a time that the pool has.
Team* teamOf(Pool* pool);
// Ends the threads, which have to be without work, and frees the pool.
void closePool(Pool* pool);
