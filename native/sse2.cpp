#define ISA sse2
#include "isa.h"
