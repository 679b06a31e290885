#include <math.h>
#include <stdint.h>
#include <string.h>

#include "mtl_kernels.h"

#define T double
#define I int64_t
#define U uint64_t
#define W 2
#if defined(__aarch64__)
#define FUSED 1
#else
#define FUSED 0
#endif
#define IS_FLOAT 0
#define LEVEL 0
#define NAME(x) x##_f64_baseline
#include "elementwise.inc"
