#include <math.h>
#include <stdint.h>
#include <string.h>

#include "mtl_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define T float
#define I int32_t
#define U uint32_t
#define W 8
#define FUSED 1
#define IS_FLOAT 1
#define LEVEL 1
#define NAME(x) x##_f32_avx2
#include "elementwise.inc"

#pragma clang attribute pop
#endif
