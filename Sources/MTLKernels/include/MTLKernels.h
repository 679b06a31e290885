#ifndef MTL_KERNELS_H
#define MTL_KERNELS_H

#include "mtl_average.h"
#include "mtl_claim.h"
#include "mtl_clock.h"
#include "mtl_cpu.h"
#include "mtl_elementwise.h"
#include "mtl_embedding.h"
#include "mtl_gemm.h"
#include "mtl_graph.h"
#include "mtl_kernels.h"
#include "mtl_pool.h"

#endif
