// The one translation unit: every numeric loop of Sluice. See abi.h for the rules.
#include "abi.h"
#include "elementwise.h"
#include "shape.h"
#include "reduce.h"
#include "softmax.h"
#include "norm.h"
#include "embedding.h"
#include "pool.h"
#include "dropout.h"
#include "window.h"
#include "loss.h"
#include "optim.h"
#include "linear.h"
#include "gru.h"
#include "lstm.h"
#include "rnn.h"
#include "stream.h"
#include "attention.h"
#include "rows.h"
#include "projection.h"

#if defined(__wasm__)
extern "C" void* memcpy(void* to, const void* from, unsigned long n) { return __builtin_memcpy(to, from, n); }
#endif
