#ifndef MTL_ELEMENTWISE_H
#define MTL_ELEMENTWISE_H

// Everything of a training step that is no matrix product, in Float (_f32) and Double (_f64). Matrices are row-major:
// row i begins at i * ld, ld >= columns. `level` is one of mtl_cpu.h, at most mtl_cpu_best_level().
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
// numbers: exp 1.1, log1p 1.1, tanh 2.5, sigmoid 2.5, binary loss 1.8 and its d 2.1, gelu 4 for z > -4 and 7 in the tail
// below (of the result itself, where 1 + erf would have cancelled); gelu' 1.4e-7 absolute. Double: the C library's, a
// few units.

enum {
    MTL_IDENTITY = 0,
    MTL_RELU = 1,
    MTL_TANH = 2,
    MTL_SIGMOID = 3,
    MTL_GELU = 4  // z Φ(z), Φ the normal distribution, by erfc; not the tanh formula
};

// h[rows, columns] = act(z[rows, columns]). In place: z == h with ldz == ldh.
void mtl_activate_f32(
    int level, int activation, long rows, long columns, const float *z, long ldz, float *h, long ldh);
void mtl_activate_f64(
    int level, int activation, long rows, long columns, const double *z, long ldz, double *h, long ldh);

// d[rows, columns] *= act'. `saved` is the output h for relu (d where h > 0, else 0), tanh and sigmoid, the input z for
// gelu, and not read for identity.
void mtl_activate_backward_f32(
    int level, int activation, long rows, long columns, const float *saved, long lds, float *d, long ldd);
void mtl_activate_backward_f64(
    int level, int activation, long rows, long columns, const double *saved, long lds, double *d, long ldd);

// How many of labels[i * stride], 0 <= i < rows, are not NaN.
long mtl_count_labelled_f32(int level, long rows, const float *labels, long stride);
long mtl_count_labelled_f64(int level, long rows, const double *labels, long stride);

// The element losses. Row i is logits[i * stride_logits], labels[i * stride_labels], d[i * stride_d]: columns of
// row-major matrices. A NaN label is a missing one: no loss, d = 0. `d` may be NULL; d == logits with equal strides is
// allowed. `scale` multiplies d only.
//
// The result is the sum over the labelled rows, in Double: row i is added to partial sum i mod 8, in row order, and the
// eight are added at the end; the order depends on `rows` alone.

// softplus(z) - y z, d = scale (sigmoid(z) - y); for y = 0 and 1 neither cancels. Infinite logits give NaN losses.
double mtl_loss_binary_f32(
    int level, long rows, const float *logits, long stride_logits, const float *labels, long stride_labels,
    float scale, float *d, long stride_d);
double mtl_loss_binary_f64(
    int level, long rows, const double *logits, long stride_logits, const double *labels, long stride_labels,
    double scale, double *d, long stride_d);

// (z - y)², d = scale 2 (z - y).
double mtl_loss_squared_f32(
    int level, long rows, const float *logits, long stride_logits, const float *labels, long stride_labels,
    float scale, float *d, long stride_d);
double mtl_loss_squared_f64(
    int level, long rows, const double *logits, long stride_logits, const double *labels, long stride_labels,
    double scale, double *d, long stride_d);

// With r = z - y: r² / 2 where |r| <= delta, else delta (|r| - delta / 2); d = scale clamp(r, -delta, delta).
double mtl_loss_huber_f32(
    int level, long rows, const float *logits, long stride_logits, const float *labels, long stride_labels,
    float scale, float *d, long stride_d, float delta);
double mtl_loss_huber_f64(
    int level, long rows, const double *logits, long stride_logits, const double *labels, long stride_labels,
    double scale, double *d, long stride_d, double delta);

// Cross-entropy of logits[rows, classes], classes >= 1, with class indices as labels: log Σ exp(z) - z[y],
// d[rows, classes] = scale (softmax(z) - onehot(y)). A NaN label is a missing one: no loss, d = 0. A label that is no
// class's index makes the sum NaN. `d` may be NULL; d == logits with ldd == ld is allowed. The result is the sum in
// Double, in row order.
double mtl_loss_softmax_f32(
    int level, long rows, long classes, const float *logits, long ld, const float *labels, long stride_labels,
    float scale, float *d, long ldd);
double mtl_loss_softmax_f64(
    int level, long rows, long classes, const double *logits, long ld, const double *labels, long stride_labels,
    double scale, double *d, long ldd);

// p[i * stride_p] = sigmoid(logits[i * stride]). In place with equal strides.
void mtl_sigmoid_rows_f32(int level, long rows, const float *logits, long stride, float *p, long stride_p);
void mtl_sigmoid_rows_f64(int level, long rows, const double *logits, long stride, double *p, long stride_p);

// p[rows, classes] = softmax(logits[rows, classes]), classes >= 1. In place with ldp == ld.
void mtl_softmax_rows_f32(int level, long rows, long classes, const float *logits, long ld, float *p, long ldp);
void mtl_softmax_rows_f64(int level, long rows, long classes, const double *logits, long ld, double *p, long ldp);

// PyTorch's SGD over n parameters: g += weight_decay p; with a buffer: buffer = g at the first step, else
// momentum buffer + (1 - dampening) g, and g = nesterov ? g + momentum buffer : buffer; p -= lr g.
// `buffer` NULL: no momentum. `g` is only read.
void mtl_sgd_f32(
    int level, long n, float *p, const float *g, float *buffer, float lr, float momentum, float dampening,
    int nesterov, float weight_decay, int first_step);
void mtl_sgd_f64(
    int level, long n, double *p, const double *g, double *buffer, double lr, double momentum, double dampening,
    int nesterov, double weight_decay, int first_step);

// PyTorch's Adam (decoupled 0: g += weight_decay p) and AdamW (decoupled 1: p *= 1 - lr weight_decay):
// m += (g - m)(1 - beta1), v = beta2 v + (1 - beta2) g², p -= lr / bias_correction1 · m / (√v / sqrt_bias_correction2
// + eps). `g` is only read. The caller computes 1 - beta and the corrections 1 - beta^t in Double.
void mtl_adam_f32(
    int level, long n, float *p, const float *g, float *m, float *v, float lr, float beta1, float beta2,
    float one_minus_beta1, float one_minus_beta2, float eps, float weight_decay, int decoupled,
    float bias_correction1, float sqrt_bias_correction2);
void mtl_adam_f64(
    int level, long n, double *p, const double *g, double *m, double *v, double lr, double beta1, double beta2,
    double one_minus_beta1, double one_minus_beta2, double eps, double weight_decay, int decoupled,
    double bias_correction1, double sqrt_bias_correction2);

// destination[columns, rows] = source[rows, columns]ᵀ.
void mtl_transpose_f32(
    int level, long rows, long columns, const float *source, long lds, float *destination, long ldd);
void mtl_transpose_f64(
    int level, long rows, long columns, const double *source, long lds, double *destination, long ldd);

// destination[columns] = Σ over rows of source[rows, columns], or += with `accumulate`: each column one chain of
// additions in row order, beginning with 0 or with destination's value.
void mtl_column_sums_f32(
    int level, long rows, long columns, const float *source, long ld, float *destination, int accumulate);
void mtl_column_sums_f64(
    int level, long rows, long columns, const double *source, long ld, double *destination, int accumulate);

// b[rows, columns] += a[rows, columns]. a == b is allowed.
void mtl_add_f32(int level, long rows, long columns, const float *a, long lda, float *b, long ldb);
void mtl_add_f64(int level, long rows, long columns, const double *a, long lda, double *b, long ldb);

// b[rows, columns] += row[columns], to every row.
void mtl_add_rows_f32(int level, long rows, long columns, const float *row, float *b, long ldb);
void mtl_add_rows_f64(int level, long rows, long columns, const double *row, double *b, long ldb);

// y[n] += alpha x[n]. x == y is allowed.
void mtl_axpy_f32(int level, long n, float alpha, const float *x, float *y);
void mtl_axpy_f64(int level, long n, double alpha, const double *x, double *y);

// x[n] *= alpha.
void mtl_scale_f32(int level, long n, float alpha, float *x);
void mtl_scale_f64(int level, long n, double alpha, double *x);

#endif

