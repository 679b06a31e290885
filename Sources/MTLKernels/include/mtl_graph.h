#ifndef MTL_GRAPH_H
#define MTL_GRAPH_H

#include <stdint.h>

// The nodes of a model's graph that are no dense layer, in Float (_f32) and Double (_f64). Matrices are row-major as in
// mtl_elementwise.h, and so are its rules on determinism and memory. `adds` nonzero: the result is added to what the
// target holds, else it overwrites.
//
// A matrix of `blocks` blocks holds block b of a row in its columns b * width … (b + 1) * width - 1.

#define MTL_GRAPH_FUNCTIONS(T, S) \
    /* y (+)= alpha x */ \
    void mtl_linear_##S( \
        int level, long rows, long columns, T alpha, const T *x, long ldx, T *y, long ldy, int adds); \
    /* y[b, j] (+)= a[b, j] b[b]: a has blocks of `width` columns, b one column per block */ \
    void mtl_product_##S( \
        int level, long rows, long blocks, long width, const T *a, long lda, const T *b, long ldb, T *y, long ldy, \
        int adds); \
    /* of d, the gradient in a ⊙ b: da (+)= d ⊙ b, db (+)= d ⊙ a */ \
    void mtl_factor_gradients_##S( \
        int level, long n, const T *d, const T *a, T *da, int adds_a, const T *b, T *db, int adds_b); \
    /* y[b] (+)= Σ_j a[b, j] b[b, j] */ \
    void mtl_dots_##S( \
        int level, long rows, long blocks, long width, const T *a, long lda, const T *b, long ldb, T *y, long ldy, \
        int adds); \
    /* target[j] (+)= Σ over rows of a[j] b[j] */ \
    void mtl_column_dots_##S( \
        int level, long rows, long columns, const T *a, long lda, const T *b, long ldb, T *target, int adds); \
    /* y = x ⊙ gain + shift, one gain and shift per column */ \
    void mtl_affine_##S( \
        int level, long rows, long columns, const T *x, long ldx, const T *gain, const T *shift, T *y, long ldy); \
    /* dx (+)= dy ⊙ gain */ \
    void mtl_affine_backward_##S( \
        int level, long rows, long columns, const T *gain, const T *dy, long lddy, T *dx, long lddx, int adds); \
    /* y = Σ_e g[e] x[first[e] …]: a mixture of the `count` experts that begin at columns first[e] of x */ \
    void mtl_mixture_##S( \
        int level, long rows, long count, long width, const T *x, long ldx, const int32_t *first, const T *g, \
        long ldg, T *y, long ldy); \
    /* dx[first[e] …] (+)= g[e] dy where modes[e] is 1 (overwrite) or 2 (add), and dg[e] (+)= ⟨dy, x[first[e] …]⟩ where \
       dg is not NULL */ \
    void mtl_mixture_backward_##S( \
        int level, long rows, long count, long width, const T *x, long ldx, const int32_t *first, const T *g, \
        long ldg, const T *dy, long lddy, T *dx, long lddx, const int32_t *modes, T *dg, long lddg, int adds); \
    /* dz (+)= scale y (dy - ⟨dy, y⟩) per block, y the softmax of scale z */ \
    void mtl_softmax_backward_##S( \
        int level, long rows, long blocks, long width, T scale, const T *y, long ldy, const T *dy, long lddy, T *dz, \
        long lddz, int adds); \
    /* y[i] (+)= Σ_j alpha[i * a_row + j * a_column] x[j]: `outs` blocks from `ins` blocks */ \
    void mtl_stitch_##S( \
        int level, long rows, long outs, long ins, long width, const T *alpha, long a_row, long a_column, const T *x, \
        long ldx, T *y, long ldy, int adds); \
    /* dalpha[i * ins + j] (+)= Σ over rows of ⟨dy[i], x[j]⟩ */ \
    void mtl_stitch_gradient_##S( \
        int level, long rows, long outs, long ins, long width, const T *dy, long lddy, const T *x, long ldx, \
        T *dalpha, int adds); \
    /* y = (x - mean) / √(variance + epsilon) ⊙ gain + shift per row and block; statistics[2 b] is the mean, \
       statistics[2 b + 1] the reciprocal of the root */ \
    void mtl_layer_norm_##S( \
        int level, long rows, long blocks, long width, T epsilon, const T *x, long ldx, const T *gain, const T *shift, \
        T *y, long ldy, T *statistics, long lds); \
    /* dx (+)= the gradient in x; NULL where none is asked for */ \
    void mtl_layer_norm_backward_##S( \
        int level, long rows, long blocks, long width, const T *x, long ldx, const T *gain, const T *statistics, \
        long lds, const T *dy, long lddy, T *dx, long lddx, int adds, T *dgain, T *dshift, int parameters_add); \
    /* mean[j] and squares[j] = Σ (x - mean)² over the rows, in Double */ \
    void mtl_moments_##S( \
        int level, long rows, long columns, const T *x, long ldx, double *mean, double *squares); \
    /* y = (x - mean) ⊙ root ⊙ gain + shift per column */ \
    void mtl_normalize_##S( \
        int level, long rows, long columns, const T *x, long ldx, const T *mean, const T *root, const T *gain, \
        const T *shift, T *y, long ldy); \
    /* sums[j] = Σ dy, dots[j] = Σ dy (x - mean) root over the rows, in Double */ \
    void mtl_normalize_sums_##S( \
        int level, long rows, long columns, const T *x, long ldx, const T *mean, const T *root, const T *dy, \
        long lddy, double *sums, double *dots); \
    /* dx (+)= gain ⊙ root ⊙ (dy - sum - (x - mean) root dot), sum and dot being means over the batch */ \
    void mtl_normalize_backward_##S( \
        int level, long rows, long columns, const T *x, long ldx, const T *mean, const T *root, const T *gain, \
        const T *sum, const T *dot, const T *dy, long lddy, T *dx, long lddx, int adds); \
    /* y (+)= x / (1 - rate) where a draw from (key, row, column) says keep, else 0. The row's number is \
       positions[i], or start + i where positions is NULL */ \
    void mtl_dropout_##S( \
        int level, long rows, long columns, uint64_t key, const int32_t *positions, long start, long first_column, \
        double rate, const T *x, long ldx, T *y, long ldy, int adds); \
    /* z = the logit of σ(a) σ(b) = -log(exp(-a) + exp(-b) + exp(-a-b)), columns of matrices */ \
    void mtl_logit_product_##S( \
        int level, long rows, const T *a, long lda, const T *b, long ldb, T *z, long ldz); \
    /* da (+)= dz ∂z/∂a, db (+)= dz ∂z/∂b where not NULL */ \
    void mtl_logit_product_backward_##S( \
        int level, long rows, const T *a, long lda, const T *b, long ldb, const T *dz, long lddz, T *da, long ldda, \
        int adds_a, T *db, long lddb, int adds_b);

MTL_GRAPH_FUNCTIONS(float, f32)
MTL_GRAPH_FUNCTIONS(double, f64)

#endif
