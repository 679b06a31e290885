#ifndef MTL_GEMM_H
#define MTL_GEMM_H

// Small and middle-sized matrix products with fused epilogues, row-major.
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

#define MTL_GEMM(F, T, S) \
    /* C[m, n] = epilogue( A[m, k] · B[k, n] ) */ \
    F(void, gemm, \
        (long m, long n, long k, const T *a, long a_row, long a_column, const T *b, long ldb, T *c, long ldc, \
            int flags, const T *bias, const T *gate, long ldgate), \
        (m, n, k, a, a_row, a_column, b, ldb, c, ldc, flags, bias, gate, ldgate)) \
    /* C[m, n] = A[m, k] · B[n, k]ᵀ + bias[n] for a narrow C (logits): dot products of contiguous rows. `bias` may \
       be NULL. The order of summation depends on k and the level only. */ \
    F(void, gemm_dot, \
        (long m, long n, long k, const T *a, long lda, const T *b, long ldb, T *c, long ldc, const T *bias), \
        (m, n, k, a, lda, b, ldb, c, ldc, bias))

#endif
