#include "gemm_tables.h"

static const mtl_gemm_table_f32 *table_f32(int level) {
#if defined(__x86_64__)
    if (level == 2) return &gemm_functions_f32_avx512;
    if (level == 1) return &gemm_functions_f32_avx2;
#endif
    (void)level;
    return &gemm_functions_f32_baseline;
}

void mtl_gemm_f32(
    int level, long m, long n, long k, const float *a, long a_row, long a_column, const float *b, long ldb, float *c,
    long ldc, int flags, const float *bias, const float *gate, long ldgate) {
    table_f32(level)->gemm(m, n, k, a, a_row, a_column, b, ldb, c, ldc, flags, bias, gate, ldgate);
}

void mtl_gemm_dot_f32(
    int level, long m, long n, long k, const float *a, long lda, const float *b, long ldb, float *c, long ldc,
    const float *bias) {
    table_f32(level)->gemm_dot(m, n, k, a, lda, b, ldb, c, ldc, bias);
}

static const mtl_gemm_table_f64 *table_f64(int level) {
#if defined(__x86_64__)
    if (level == 2) return &gemm_functions_f64_avx512;
    if (level == 1) return &gemm_functions_f64_avx2;
#endif
    (void)level;
    return &gemm_functions_f64_baseline;
}

void mtl_gemm_f64(
    int level, long m, long n, long k, const double *a, long a_row, long a_column, const double *b, long ldb, double *c,
    long ldc, int flags, const double *bias, const double *gate, long ldgate) {
    table_f64(level)->gemm(m, n, k, a, a_row, a_column, b, ldb, c, ldc, flags, bias, gate, ldgate);
}

void mtl_gemm_dot_f64(
    int level, long m, long n, long k, const double *a, long lda, const double *b, long ldb, double *c, long ldc,
    const double *bias) {
    table_f64(level)->gemm_dot(m, n, k, a, lda, b, ldb, c, ldc, bias);
}
