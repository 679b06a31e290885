#ifndef MTL_GRAPH_H
#define MTL_GRAPH_H

#include <stdint.h>

// The nodes of a model's graph that are no dense layer. Matrices are row-major as in mtl_elementwise.h, and so are its
// rules on determinism and memory. `adds`: the result is added to what the target holds, else it overwrites.
//
// A matrix of `blocks` blocks holds block b of a row in its columns b * width … (b + 1) * width - 1.

#define MTL_GRAPH(F, T, S) \
    /* y (+)= alpha x */ \
    F(void, linear, \
        (long rows, long columns, S alpha, const T *x, long ldx, T *y, long ldy, bool adds), \
        (rows, columns, alpha, x, ldx, y, ldy, adds)) \
    /* y = x_0 + x_1 + …, matrices `part` elements apart, in their order; relu: max(y, 0) */ \
    F(void, sum_parts, \
        (long rows, long columns, long parts, const T *x, long part, long ldx, bool relu, T *y, long ldy), \
        (rows, columns, parts, x, part, ldx, relu, y, ldy)) \
    /* y[b, j] (+)= a[b, j] b[b]: a has blocks of `width` columns, b one column per block */ \
    F(void, product, \
        (long rows, long blocks, long width, const T *a, long lda, const T *b, long ldb, T *y, long ldy, \
            bool adds), \
        (rows, blocks, width, a, lda, b, ldb, y, ldy, adds)) \
    /* of d, the gradient in a ⊙ b: da (+)= d ⊙ b, db (+)= d ⊙ a */ \
    F(void, factor_gradients, \
        (long n, const T *d, const T *a, T *da, bool adds_a, const T *b, T *db, bool adds_b), \
        (n, d, a, da, adds_a, b, db, adds_b)) \
    /* y[b] (+)= Σ_j a[b, j] b[b, j] */ \
    F(void, dots, \
        (long rows, long blocks, long width, const T *a, long lda, const T *b, long ldb, T *y, long ldy, \
            bool adds), \
        (rows, blocks, width, a, lda, b, ldb, y, ldy, adds)) \
    /* target[j] (+)= Σ over rows of a[j] b[j] */ \
    F(void, column_dots, \
        (long rows, long columns, const T *a, long lda, const T *b, long ldb, T *target, bool adds), \
        (rows, columns, a, lda, b, ldb, target, adds)) \
    /* y = x ⊙ gain + shift, one gain and shift per column */ \
    F(void, affine, \
        (long rows, long columns, const T *x, long ldx, const T *gain, const T *shift, T *y, long ldy), \
        (rows, columns, x, ldx, gain, shift, y, ldy)) \
    /* dx (+)= dy ⊙ gain */ \
    F(void, affine_backward, \
        (long rows, long columns, const T *gain, const T *dy, long lddy, T *dx, long lddx, bool adds), \
        (rows, columns, gain, dy, lddy, dx, lddx, adds)) \
    /* y = Σ_e g[e] x[first[e] …]: a mixture of the `count` experts that begin at columns first[e] of x */ \
    F(void, mixture, \
        (long rows, long count, long width, const T *x, long ldx, const int32_t *first, const T *g, long ldg, \
            T *y, long ldy), \
        (rows, count, width, x, ldx, first, g, ldg, y, ldy)) \
    /* dx[first[e] …] (+)= g[e] dy where modes[e] is 1 (overwrite) or 2 (add), and dg[e] (+)= ⟨dy, x[first[e] …]⟩ \
       where dg is not NULL */ \
    F(void, mixture_backward, \
        (long rows, long count, long width, const T *x, long ldx, const int32_t *first, const T *g, long ldg, \
            const T *dy, long lddy, T *dx, long lddx, const int32_t *modes, T *dg, long lddg, bool adds), \
        (rows, count, width, x, ldx, first, g, ldg, dy, lddy, dx, lddx, modes, dg, lddg, adds)) \
    /* dz (+)= scale y (dy - ⟨dy, y⟩) per block, y the softmax of scale z */ \
    F(void, softmax_backward, \
        (long rows, long blocks, long width, S scale, const T *y, long ldy, const T *dy, long lddy, T *dz, \
            long lddz, bool adds), \
        (rows, blocks, width, scale, y, ldy, dy, lddy, dz, lddz, adds)) \
    /* y[i] (+)= Σ_j alpha[i * a_row + j * a_column] x[j]: `outs` blocks from `ins` blocks */ \
    F(void, stitch, \
        (long rows, long outs, long ins, long width, const T *alpha, long a_row, long a_column, const T *x, \
            long ldx, T *y, long ldy, bool adds), \
        (rows, outs, ins, width, alpha, a_row, a_column, x, ldx, y, ldy, adds)) \
    /* dalpha[i * ins + j] (+)= Σ over rows of ⟨dy[i], x[j]⟩ */ \
    F(void, stitch_gradient, \
        (long rows, long outs, long ins, long width, const T *dy, long lddy, const T *x, long ldx, T *dalpha, \
            bool adds), \
        (rows, outs, ins, width, dy, lddy, x, ldx, dalpha, adds)) \
    /* y = (x - mean) / √(variance + epsilon) ⊙ gain + shift per row and block; statistics[2 b] is the mean, \
       statistics[2 b + 1] the reciprocal of the root */ \
    F(void, layer_norm, \
        (long rows, long blocks, long width, S epsilon, const T *x, long ldx, const T *gain, const T *shift, T *y, \
            long ldy, T *statistics, long lds), \
        (rows, blocks, width, epsilon, x, ldx, gain, shift, y, ldy, statistics, lds)) \
    /* dx (+)= the gradient in x; NULL where none is asked for */ \
    F(void, layer_norm_backward, \
        (long rows, long blocks, long width, const T *x, long ldx, const T *gain, const T *statistics, long lds, \
            const T *dy, long lddy, T *dx, long lddx, bool adds, T *dgain, T *dshift, bool parameters_add), \
        (rows, blocks, width, x, ldx, gain, statistics, lds, dy, lddy, dx, lddx, adds, dgain, dshift, \
            parameters_add)) \
    /* mean[j] and squares[j] = Σ (x - mean)² over the rows, in Double */ \
    F(void, moments, \
        (long rows, long columns, const T *x, long ldx, double *mean, double *squares), \
        (rows, columns, x, ldx, mean, squares)) \
    /* y = (x - mean) ⊙ root ⊙ gain + shift per column */ \
    F(void, normalize, \
        (long rows, long columns, const T *x, long ldx, const T *mean, const T *root, const T *gain, \
            const T *shift, T *y, long ldy), \
        (rows, columns, x, ldx, mean, root, gain, shift, y, ldy)) \
    /* sums[j] = Σ dy, dots[j] = Σ dy (x - mean) root over the rows, in Double */ \
    F(void, normalize_sums, \
        (long rows, long columns, const T *x, long ldx, const T *mean, const T *root, const T *dy, long lddy, \
            double *sums, double *dots), \
        (rows, columns, x, ldx, mean, root, dy, lddy, sums, dots)) \
    /* dx (+)= gain ⊙ root ⊙ (dy - sum - (x - mean) root dot), sum and dot being means over the batch */ \
    F(void, normalize_backward, \
        (long rows, long columns, const T *x, long ldx, const T *mean, const T *root, const T *gain, const T *sum, \
            const T *dot, const T *dy, long lddy, T *dx, long lddx, bool adds), \
        (rows, columns, x, ldx, mean, root, gain, sum, dot, dy, lddy, dx, lddx, adds)) \
    /* y (+)= x / (1 - rate) where a draw from (key, row, column) says keep, else 0. The row's number is \
       positions[i], or start + i where positions is NULL */ \
    F(void, dropout, \
        (long rows, long columns, uint64_t key, const int32_t *positions, long start, long first_column, \
            double rate, const T *x, long ldx, T *y, long ldy, bool adds), \
        (rows, columns, key, positions, start, first_column, rate, x, ldx, y, ldy, adds)) \
    /* z = the logit of σ(a) σ(b) = -log(exp(-a) + exp(-b) + exp(-a-b)), columns of matrices */ \
    F(void, logit_product, \
        (long rows, const T *a, long lda, const T *b, long ldb, T *z, long ldz), \
        (rows, a, lda, b, ldb, z, ldz)) \
    /* da (+)= dz ∂z/∂a, db (+)= dz ∂z/∂b where not NULL */ \
    F(void, logit_product_backward, \
        (long rows, const T *a, long lda, const T *b, long ldb, const T *dz, long lddz, T *da, long ldda, \
            bool adds_a, T *db, long lddb, bool adds_b), \
        (rows, a, lda, b, ldb, dz, lddz, da, ldda, adds_a, db, lddb, adds_b))

#endif
