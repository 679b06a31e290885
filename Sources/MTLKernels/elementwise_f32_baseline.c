#include <math.h>
#include <stdint.h>
#include <string.h>

#include "mtl_kernels.h"

#define T float
#define I int32_t
#define U uint32_t
#define W 4
#if defined(__aarch64__)
#define FUSED 1
#else
#define FUSED 0
#endif
#define IS_FLOAT 1
#define LEVEL 0
#define NAME(x) x##_f32_baseline
#include "elementwise.inc"
