#ifndef MTL_GEMM_TABLES_H
#define MTL_GEMM_TABLES_H

#include "mtl_claim.h"
#include "mtl_gemm.h"

typedef struct {
    void (*gemm)(
        long m, long n, long k, const float *a, long a_row, long a_column, const float *b, long ldb, float *c, long ldc,
        int flags, const float *bias, const float *gate, long ldgate);
    void (*gemm_dot)(
        long m, long n, long k, const float *a, long lda, const float *b, long ldb, float *c, long ldc, const float *bias);
} mtl_gemm_table_f32;

extern const mtl_gemm_table_f32 gemm_functions_f32_baseline, gemm_functions_f32_avx2, gemm_functions_f32_avx512;

typedef struct {
    void (*gemm)(
        long m, long n, long k, const double *a, long a_row, long a_column, const double *b, long ldb, double *c, long ldc,
        int flags, const double *bias, const double *gate, long ldgate);
    void (*gemm_dot)(
        long m, long n, long k, const double *a, long lda, const double *b, long ldb, double *c, long ldc, const double *bias);
} mtl_gemm_table_f64;

extern const mtl_gemm_table_f64 gemm_functions_f64_baseline, gemm_functions_f64_avx2, gemm_functions_f64_avx512;

#endif
