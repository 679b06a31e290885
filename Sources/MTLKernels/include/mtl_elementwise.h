#ifndef MTL_ELEMENTWISE_H
#define MTL_ELEMENTWISE_H

// Everything of a training step that is no matrix product. Matrices are row-major: row i begins at i * ld,
// ld >= columns.
//
// Determinism. An element's result depends on its inputs and the level only, not on its place, the alignment or the
// count: splitting rows, columns or n between workers changes no bit. (The softmax functions: a row's result; splitting
// classes is not possible.) Levels 1 and 2 give the same bits, except softmax with 16 classes or more; level 0 rounds
// differently on x86, which has no fused multiply-add there.
//
// Memory. Nothing is read or written past the given counts, nothing is allocated, no state is kept. Arguments must
// not overlap unless stated. Counts may be 0. NaN inputs give NaN outputs (a NaN saved for relu: 0).
//
// Accuracy of Float, in units of the last place, levels 1 and 2 (level 0 up to 0.8 more), for results that are normal
// numbers: exp 1.1, log1p 1.1, tanh 2.5, sigmoid 2.5, silu 3 for z > -87 (its sigmoid is no normal number below), binary loss 1.8 and its
// d 2.1, gelu 4 for z > -4 and 7 in the tail below (of the result itself, where 1 + erf would have cancelled); gelu' 1.4e-7 absolute. Double: the C library's, a
// few units.

enum {
    MTL_IDENTITY = 0,
    MTL_RELU = 1,
    MTL_TANH = 2,
    MTL_SIGMOID = 3,
    MTL_GELU = 4,  // z Φ(z), Φ the normal distribution, by erfc; not the tanh formula
    MTL_SILU = 5,  // z sigmoid(z)
    MTL_LEAKY_RELU = 6  // z where z > 0, else 0.01 z
};

// The element losses. Row i is logits[i * stride_logits], labels[i * stride_labels], d[i * stride_d]: columns of
// row-major matrices. A NaN label is a missing one: no loss, d = 0. `d` may be NULL; d == logits with equal strides is
// allowed. `scale` multiplies d only.
//
// The result is the sum over the labelled rows, in Double: row i is added to partial sum i mod 8, in row order, and the
// eight are added at the end; the order depends on `rows` alone.
#define MTL_LOSS_PARAMETERS(T, S) \
    long rows, const T *logits, long stride_logits, const T *labels, long stride_labels, S scale, T *d, long stride_d
#define MTL_LOSS_ARGUMENTS rows, logits, stride_logits, labels, stride_labels, scale, d, stride_d

#define MTL_ELEMENTWISE(F, T, S) \
    /* h[rows, columns] = act(z[rows, columns]). In place: z == h with ldz == ldh. */ \
    F(void, activate, \
        (int activation, long rows, long columns, const T *z, long ldz, T *h, long ldh), \
        (activation, rows, columns, z, ldz, h, ldh)) \
    /* d[rows, columns] *= act'. `saved` is the output h for relu (d where h > 0, else 0), leaky relu (0.01 d \
       there), tanh and sigmoid, the input z for gelu and silu, and not read for identity. */ \
    F(void, activate_backward, \
        (int activation, long rows, long columns, const T *saved, long lds, T *d, long ldd), \
        (activation, rows, columns, saved, lds, d, ldd)) \
    /* How many of labels[i * stride], 0 <= i < rows, are not NaN. */ \
    F(long, count_labelled, (long rows, const T *labels, long stride), (rows, labels, stride)) \
    /* softplus(z) - y z, d = scale (sigmoid(z) - y'), y' = y (1 - smoothing) + smoothing / 2; for y = 0 and 1 the loss \
       does not cancel, and d does not without smoothing. Infinite logits give NaN losses. */ \
    F(double, loss_binary, (MTL_LOSS_PARAMETERS(T, S), S smoothing), (MTL_LOSS_ARGUMENTS, smoothing)) \
    /* (z - y)², d = scale 2 (z - y). */ \
    F(double, loss_squared, (MTL_LOSS_PARAMETERS(T, S)), (MTL_LOSS_ARGUMENTS)) \
    /* With r = z - y: r² / 2 where |r| <= delta, else delta (|r| - delta / 2); d = scale clamp(r, -delta, delta). */ \
    F(double, loss_huber, (MTL_LOSS_PARAMETERS(T, S), S delta), (MTL_LOSS_ARGUMENTS, delta)) \
    /* Cross-entropy of logits[rows, classes], classes >= 1, with class indices as labels: log Σ exp(z) - z[y], \
       d[rows, classes] = scale (softmax(z) - (1 - smoothing) onehot(y) - smoothing / classes): the loss is that of \
       the label as it is. A NaN label is a missing one: no loss, d = 0. A label that is no class's index makes the \
       sum NaN. `d` may be NULL; d == logits with ldd == ld is allowed. The \
       result is the sum in Double, in row order. */ \
    F(double, loss_softmax, \
        (long rows, long classes, const T *logits, long ld, const T *labels, long stride_labels, S scale, T *d, \
            long ldd, S smoothing), \
        (rows, classes, logits, ld, labels, stride_labels, scale, d, ldd, smoothing)) \
    /* p[i * stride_p] = sigmoid(logits[i * stride]). In place with equal strides. */ \
    F(void, sigmoid_rows, \
        (long rows, const T *logits, long stride, T *p, long stride_p), \
        (rows, logits, stride, p, stride_p)) \
    /* p[rows, classes] = softmax(logits[rows, classes]), classes >= 1. In place with ldp == ld. */ \
    F(void, softmax_rows, \
        (long rows, long classes, const T *logits, long ld, T *p, long ldp), \
        (rows, classes, logits, ld, p, ldp)) \
    /* PyTorch's SGD over n parameters: g += weight_decay p; with a buffer: buffer = g at the first step, else \
       momentum buffer + (1 - dampening) g, and g = nesterov ? g + momentum buffer : buffer; p -= lr g. `buffer` \
       NULL: no momentum. `g` is only read. */ \
    F(void, sgd, \
        (long n, T *p, const T *g, T *buffer, S lr, S momentum, S dampening, bool nesterov, S weight_decay, \
            bool first_step), \
        (n, p, g, buffer, lr, momentum, dampening, nesterov, weight_decay, first_step)) \
    /* PyTorch's Adam (decoupled false: g += weight_decay p) and AdamW (decoupled true: p *= 1 - lr weight_decay): \
       m += (g - m)(1 - beta1), v = beta2 v + (1 - beta2) g², p -= lr / bias_correction1 · m / (√v / \
       sqrt_bias_correction2 + eps). `g` is only read. The caller computes 1 - beta and the corrections 1 - beta^t \
       in Double. */ \
    F(void, adam, \
        (long n, T *p, const T *g, T *m, T *v, S lr, S beta1, S beta2, S one_minus_beta1, S one_minus_beta2, \
            S eps, S weight_decay, bool decoupled, S bias_correction1, S sqrt_bias_correction2), \
        (n, p, g, m, v, lr, beta1, beta2, one_minus_beta1, one_minus_beta2, eps, weight_decay, decoupled, \
            bias_correction1, sqrt_bias_correction2)) \
    /* destination[columns, rows] = source[rows, columns]ᵀ. */ \
    F(void, transpose, \
        (long rows, long columns, const T *source, long lds, T *destination, long ldd), \
        (rows, columns, source, lds, destination, ldd)) \
    /* destination[columns] = Σ over rows of source[rows, columns], or += with `accumulate`: each column one chain \
       of additions in row order, beginning with 0 or with destination's value. */ \
    F(void, column_sums, \
        (long rows, long columns, const T *source, long ld, T *destination, bool accumulate), \
        (rows, columns, source, ld, destination, accumulate)) \
    /* sums[v] = Σ x[e] y[v, e], in Double, for v < vectors: eight chains of additions each, the same at every level. */ \
    F(void, inner_products, \
        (long vectors, long count, const T *x, const T *y, long ldy, double *sums), (vectors, count, x, y, ldy, sums)) \
    /* b[rows, columns] += a[rows, columns]. a == b is allowed. */ \
    F(void, add, (long rows, long columns, const T *a, long lda, T *b, long ldb), (rows, columns, a, lda, b, ldb))

#endif
