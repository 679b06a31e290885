#ifndef MTL_EMBEDDING_H
#define MTL_EMBEDDING_H

#include <stdint.h>

// Embedding tables, [table rows, width]. `level` is the instruction set (mtl_cpu.h).
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

#define MTL_EMBEDDING_FUNCTIONS(T, S) \
    /* x[r] = table[id] */ \
    void mtl_embed_##S( \
        int level, long rows, const int32_t *indices, long start, const int32_t *ids, const T *table, long width, \
        T *x, long ldx); \
    /* x[r] = the sum or mean over the bag */ \
    void mtl_embed_bags_##S( \
        int level, long rows, const int32_t *indices, long start, const int32_t *offsets, const int32_t *ids, \
        const T *weights, int mean, const T *table, long width, T *x, long ldx); \
    /* sums[slot] = Σ dx over the occurrences of the slot, in batch order, for slots first … last - 1. `next` is the \
       first of them not seen before (its sum is overwritten); the result is its new value. */ \
    long mtl_embed_scatter_##S( \
        int level, long rows, const int32_t *slots, long first, long last, long next, const T *dx, long ldx, \
        long width, T *sums); \
    long mtl_embed_scatter_bags_##S( \
        int level, long rows, const int32_t *indices, long start, const int32_t *offsets, const T *weights, int mean, \
        const int32_t *slots, long first, long last, long next, const T *dx, long ldx, long width, T *sums); \
    /* The optimisers on the table rows of slots first … last - 1. A state row holds its vectors side by side. */ \
    void mtl_embed_sgd_##S( \
        int level, long first, long last, const int32_t *touched, long width, T *table, const T *sums, T lr); \
    void mtl_embed_adagrad_##S( \
        int level, long first, long last, const int32_t *touched, long width, T *table, T *state, const T *sums, \
        T lr, T eps); \
    /* PyTorch's SparseAdam: rows that are not touched keep their moments; `t` counts the steps of all rows. */ \
    void mtl_embed_adam_##S( \
        int level, long first, long last, const int32_t *touched, long width, T *table, T *state, const T *sums, \
        T lr, T beta1, T beta2, T one_minus_beta1, T one_minus_beta2, T eps, T bias_correction1, \
        T sqrt_bias_correction2); \
    /* Tables multiplied with their part of the layer above: z[r] = bias + Σ over fields of products[f][ids[f][s]], \
       in the order of the fields, cut at 0 with relu; bias may be NULL. */ \
    void mtl_fold_gather_##S( \
        int level, long rows, const int32_t *indices, long start, long fields, const int32_t *const *ids, \
        const T *const *products, long width, const T *bias, int relu, T *z, long ldz); \
    /* gradients[f][ids[f][s]] += dz[r], in the order of the rows. */ \
    void mtl_fold_scatter_##S( \
        int level, long rows, const int32_t *indices, long start, long fields, const int32_t *const *ids, \
        T *const *gradients, long width, const T *dz, long ldz); \
    /* PyTorch's Adagrad: sum += g², p -= lr g / (√sum + eps), of n parameters. */ \
    void mtl_adagrad_##S(int level, long n, T *p, const T *g, T *sum, T lr, T eps, T weight_decay);

MTL_EMBEDDING_FUNCTIONS(float, f32)
MTL_EMBEDDING_FUNCTIONS(double, f64)

#endif
