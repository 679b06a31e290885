#include "mtl_claim.h"
#include "mtl_kernels.h"

#if defined(__x86_64__)
#pragma clang fp contract(fast)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)

#define T double
#define W 8
#define MR 8
#define WIDE_ROWS 6
#define WIDE_ALWAYS 0
#define NAME(x) x##_f64_avx512
#include "gemm.inc"

#pragma clang attribute pop
#endif
