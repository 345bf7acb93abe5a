// What the addon knows of one instruction set's kernels. Deliberately without T, V or W: those differ between the sets.
#pragma once
#include "../kernels/team.h"

// Calls a kernel with its arguments from `block`, and the threads that it may share its work with; a kernel that returns a number leaves it
// in block[0].
typedef void (*Call)(char* memory, double* block, Team* team);

struct Backend {
  int lanes;         // floats in a vector
  const Call* calls; // in the order of the kernels' names
  float (*peak)(int); // 24 · lanes · n operations on registers: the machine's multiply-add peak
};
