#include <math.h>
#include <stdint.h>
#include <string.h>

#include "mtl_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)

#define T double
#define I int64_t
#define U uint64_t
#define W 8
#define FUSED 1
#define IS_FLOAT 0
#define LEVEL 2
#define NAME(x) x##_f64_avx512
#include "elementwise.inc"

#pragma clang attribute pop
#endif
