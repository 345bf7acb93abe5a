#define ISA neon
#include "isa.h"
