#include "mtl_claim.h"
#include "mtl_kernels.h"

#pragma clang fp contract(fast)

#define T float
#define W 4
#define MR 4
#define WIDE_ROWS 2
#define WIDE_ALWAYS 0
#define NAME(x) x##_f32_baseline
#include "gemm.inc"
