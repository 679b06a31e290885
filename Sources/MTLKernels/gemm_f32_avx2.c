#include "mtl_claim.h"
#include "mtl_kernels.h"

#if defined(__x86_64__)
#pragma clang fp contract(fast)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define T float
#define W 8
#define MR 6
#define WIDE_ROWS 2
#define WIDE_ALWAYS 0
#define NAME(x) x##_f32_avx2
#include "gemm.inc"

#pragma clang attribute pop
#endif
