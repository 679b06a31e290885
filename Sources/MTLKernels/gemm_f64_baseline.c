#include "mtl_claim.h"
#include "mtl_kernels.h"

#pragma clang fp contract(fast)

#define T double
#define W 2
#define MR 4
#define WIDE_ROWS 2
#define WIDE_ALWAYS 0
#define NAME(x) x##_f64_baseline
#include "gemm.inc"
