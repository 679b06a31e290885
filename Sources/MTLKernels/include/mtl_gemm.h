#ifndef MTL_GEMM_H
#define MTL_GEMM_H

// Small and middle-sized matrix products with fused epilogues, row-major.
//
//   C[m, n] = epilogue( A[m, k] · B[k, n] )
//
// A is read through two strides (element (i, p) is a[i * a_row + p * a_column]), so it may be transposed; rows of
// B, C, bias and gate are contiguous. The kernels load whole vectors of B, bias and gate: up to 63 elements behind a
// row's end are read and never used, so the memory must reach that far (AlignedStorage keeps such a tail).
//
// Every element of C is one chain of fused multiply-adds over p = 0, 1, …, k-1 (cut every MTL_GEMM_BLOCK steps, where
// the partial sum passes through C), whatever m, n and the element's place: splitting m or n between workers
// changes no bit.

enum {
    MTL_GEMM_BLOCK = 256
};

enum {
    MTL_GEMM_ACCUMULATE = 1,  // C += A · B; else C is overwritten
    MTL_GEMM_BIAS = 2,        // + bias[n]
    MTL_GEMM_RELU = 4,        // max(·, 0), NaN kept
    MTL_GEMM_RELU_GATE = 8    // · where gate[m, n] > 0, else 0: the backward pass of ReLU
};

void mtl_gemm_f32(
    int level, long m, long n, long k, const float *a, long a_row, long a_column, const float *b, long ldb,
    float *c, long ldc, int flags, const float *bias, const float *gate, long ldgate);
void mtl_gemm_f64(
    int level, long m, long n, long k, const double *a, long a_row, long a_column, const double *b, long ldb,
    double *c, long ldc, int flags, const double *bias, const double *gate, long ldgate);

// C[m, n] = A[m, k] · B[n, k]ᵀ + bias[n] for a narrow C (logits): dot products of contiguous rows. `bias` may be
// NULL. The order of summation depends on k and the level only.
void mtl_gemm_dot_f32(
    int level, long m, long n, long k, const float *a, long lda, const float *b, long ldb, float *c, long ldc,
    const float *bias);
void mtl_gemm_dot_f64(
    int level, long m, long n, long k, const double *a, long lda, const double *b, long ldb, double *c, long ldc,
    const double *bias);

#endif
