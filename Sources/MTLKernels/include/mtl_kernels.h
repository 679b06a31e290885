#ifndef MTL_KERNELS_TABLE_H
#define MTL_KERNELS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "mtl_cpu.h"
#include "mtl_elementwise.h"
#include "mtl_embedding.h"
#include "mtl_gemm.h"
#include "mtl_graph.h"

// Every kernel, once: F(result, name, parameters, arguments), where T is what matrices hold and S a number by value.
// The lists are expanded with the scalar type into the declarations of the kernels, and with void and double into the
// table of pointers, which has one type for both: a number given by value is rounded to the table's scalar type.
#define MTL_KERNELS(F, T, S) MTL_GEMM(F, T, S) MTL_ELEMENTWISE(F, T, S) MTL_EMBEDDING(F, T, S) MTL_GRAPH(F, T, S)

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"

#define MTL_POINTER(R, N, P, A) R (*_Nonnull N) P;
typedef struct {
    MTL_KERNELS(MTL_POINTER, void, double)
} mtl_kernels;

// The kernels for float and for double of each instruction set (mtl_cpu.h); at most mtl_cpu_best_level() may be called.
extern const mtl_kernels *_Nonnull const mtl_kernels_f32[MTL_CPU_LEVELS];
extern const mtl_kernels *_Nonnull const mtl_kernels_f64[MTL_CPU_LEVELS];

static inline const mtl_kernels *_Nonnull mtl_float_kernels(int level) { return mtl_kernels_f32[level]; }
static inline const mtl_kernels *_Nonnull mtl_double_kernels(int level) { return mtl_kernels_f64[level]; }

#pragma clang diagnostic pop

#endif
