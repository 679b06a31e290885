#ifndef MTL_KERNELS_H
#define MTL_KERNELS_H

#include "mtl_cpu.h"
#include "mtl_elementwise.h"
#include "mtl_gemm.h"
#include "mtl_pool.h"

#endif
