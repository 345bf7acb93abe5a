#define ISA avx512bf16 // BF16 is 1 among the flags
#include "isa.h"
