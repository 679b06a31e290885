#ifndef MTL_EMBEDDING_H
#define MTL_EMBEDDING_H

#include "mtl_average.h"

#include <stdint.h>

// Embedding tables, [table rows, width].
//
// Batch row r stands at row s of the data: s = indices[r], or start + r where indices is NULL. One id a row: ids[s]. A
// bag: ids[offsets[s]] … ids[offsets[s + 1] - 1], each times its weight where weights is not NULL; `mean` divides by
// their number, or the sum of their weights. An empty bag is 0.

// Numbers the table rows that a batch touches in the order of first sight, from `count` on: touched[slot] is the table
// row, slots[o] the slot of occurrence o. sparse[table rows] needs no beginning: an entry counts only while touched[]
// agrees with it. Returns the new count. offsets is NULL for one id a row.
long mtl_embed_slots(
    long rows, const int32_t *indices, long start, const int32_t *offsets, const int32_t *ids, int32_t *sparse,
    int32_t *touched, long count, int32_t *slots);

// `products`, `gradients`, `gates` and `targets` are lists of T pointers, one per field.
#define MTL_EMBEDDING(F, T, S) \
    /* x[r] = table[id] */ \
    F(void, embed, \
        (long rows, const int32_t *indices, long start, const int32_t *ids, const T *table, long width, T *x, \
            long ldx), \
        (rows, indices, start, ids, table, width, x, ldx)) \
    /* x[r] = the sum or mean over the bag */ \
    F(void, embed_bags, \
        (long rows, const int32_t *indices, long start, const int32_t *offsets, const int32_t *ids, \
            const T *weights, bool mean, const T *table, long width, T *x, long ldx), \
        (rows, indices, start, offsets, ids, weights, mean, table, width, x, ldx)) \
    /* sums[slot] = Σ dx over the occurrences of the slot, in batch order, for slots first … last - 1. `next` is \
       the first of them not seen before (its sum is overwritten); the result is its new value. */ \
    F(long, embed_scatter, \
        (long rows, const int32_t *slots, long first, long last, long next, const T *dx, long ldx, long width, \
            T *sums), \
        (rows, slots, first, last, next, dx, ldx, width, sums)) \
    F(long, embed_scatter_bags, \
        (long rows, const int32_t *indices, long start, const int32_t *offsets, const T *weights, bool mean, \
            const int32_t *slots, long first, long last, long next, const T *dx, long ldx, long width, T *sums), \
        (rows, indices, start, offsets, weights, mean, slots, first, last, next, dx, ldx, width, sums)) \
    /* The optimisers on the table rows of slots first … last - 1. A state row holds what is remembered of one table \
       row, its vectors side by side. decay · row is added to a row's gradient first, once however often it was met. */ \
    F(void, embed_sgd, \
        (long first, long last, const int32_t *touched, long width, T *table, const T *sums, S lr, S decay), \
        (first, last, touched, width, table, sums, lr, decay)) \
    F(void, embed_adagrad, \
        (long first, long last, const int32_t *touched, long width, T *table, T *state, const T *sums, S lr, \
            S eps, S decay), \
        (first, last, touched, width, table, state, sums, lr, eps, decay)) \
    /* One number a row: s += mean of g² over the row, p -= lr g / (√s + eps). */ \
    F(void, embed_row_adagrad, \
        (long first, long last, const int32_t *touched, long width, T *table, T *state, const T *sums, S lr, \
            S eps, S decay), \
        (first, last, touched, width, table, state, sums, lr, eps, decay)) \
    /* PyTorch's SparseAdam: rows that are not touched keep their moments; `t` counts the steps of all rows. */ \
    F(void, embed_adam, \
        (long first, long last, const int32_t *touched, long width, T *table, T *state, const T *sums, S lr, \
            S beta1, S beta2, S one_minus_beta1, S one_minus_beta2, S eps, S bias_correction1, \
            S sqrt_bias_correction2, S decay), \
        (first, last, touched, width, table, state, sums, lr, beta1, beta2, one_minus_beta1, one_minus_beta2, eps, \
            bias_correction1, sqrt_bias_correction2, decay)) \
    /* FTRL-proximal, state z and n: z += g - (√(n + g²) - √n) p / alpha, n += g², \
       p = -sign(z) max(|z| - l1, 0) / ((beta + √n) / alpha + l2). */ \
    F(void, embed_ftrl, \
        (long first, long last, const int32_t *touched, long width, T *table, T *state, const T *sums, S alpha, \
            S beta, S l1, S l2, S decay), \
        (first, last, touched, width, table, state, sums, alpha, beta, l1, l2, decay)) \
    /* a = keep a + take p of n parameters, take = 1 - keep; p itself where keep is 0. */ \
    F(void, average, (long n, T *a, const T *p, S keep, S take), (n, a, p, keep, take)) \
    /* The same of the table rows of slots first … last - 1. */ \
    F(void, embed_average, \
        (long first, long last, const int32_t *touched, long width, const T *table, T *averages, S keep, S take), \
        (first, last, touched, width, table, averages, keep, take)) \
    /* Averages of table rows that stayed as they are from step stamps[row] to `step`. */ \
    F(void, embed_settle, \
        (long first, long last, const int32_t *touched, long width, const T *table, T *averages, int32_t *stamps, \
            int32_t step, double decay, long warm, const double *powers, long count), \
        (first, last, touched, width, table, averages, stamps, step, decay, warm, powers, count)) \
    /* Tables multiplied with their part of the layer above, rows `ld` apart: whole vectors (64 bytes) of numbers, of \
       which `width` count; what is behind them meets gradients of 0. \
       z[r] = bias + Σ over fields of products[f][ids[f][s]], in the order of the fields, cut at 0 with relu; bias may \
       be NULL. Where `gates` is not NULL, a field's product is multiplied with its gate, \
       gates[f][(first + r) · strides[f]]. */ \
    F(void, fold_gather, \
        (long rows, const int32_t *indices, long start, long fields, const int32_t *const *ids, \
            const void *products, long width, long ld, const void *gates, const long *strides, long first, \
            const T *bias, bool relu, T *z, long ldz), \
        (rows, indices, start, fields, ids, products, width, ld, gates, strides, first, bias, relu, z, ldz)) \
    /* gradients[f][ids[f][s]] += dz[r], times the gate where there are gates, in the order of the rows. */ \
    F(void, fold_scatter, \
        (long rows, const int32_t *indices, long start, long fields, const int32_t *const *ids, \
            const void *gradients, long width, long ld, const void *gates, const long *strides, long first, \
            const T *dz, long ldz), \
        (rows, indices, start, fields, ids, gradients, width, ld, gates, strides, first, dz, ldz)) \
    /* The gradient of the gates: targets[f][(first + r) · strides[f]] = ⟨products[f][ids[f][s]], dz[r]⟩, or += it. */ \
    F(void, fold_dots, \
        (long rows, const int32_t *indices, long start, long fields, const int32_t *const *ids, \
            const void *products, long width, long ld, const T *dz, long ldz, const void *targets, \
            const long *strides, long first, bool adds), \
        (rows, indices, start, fields, ids, products, width, ld, dz, ldz, targets, strides, first, adds)) \
    /* PyTorch's Adagrad: sum += g², p -= lr g / (√sum + eps), of n parameters. */ \
    F(void, adagrad, \
        (long n, T *p, const T *g, T *sum, S lr, S eps, S weight_decay), \
        (n, p, g, sum, lr, eps, weight_decay))

#endif
