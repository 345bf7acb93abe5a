#define ISA avx512
#include "isa.h"
