#ifndef MTL_ELEMENTWISE_H
#define MTL_ELEMENTWISE_H
void mtl_activate_f32(int level, int activation, long rows, long columns, const float *z, long ldz, float *h, long ldh);
void mtl_activate_backward_f32(int level, int activation, long rows, long columns, const float *saved, long lds, float *d, long ldd);
long mtl_count_labelled_f32(int level, long rows, const float *labels, long stride);
double mtl_loss_binary_f32(int level, long rows, const float *logits, long s, const float *labels, long sl, float scale, float *d, long sd);
double mtl_loss_squared_f32(int level, long rows, const float *logits, long s, const float *labels, long sl, float scale, float *d, long sd);
double mtl_loss_huber_f32(int level, long rows, const float *logits, long s, const float *labels, long sl, float scale, float delta, float *d, long sd);
double mtl_loss_softmax_f32(int level, long rows, long classes, const float *logits, long s, const float *labels, long sl, float scale, float *d, long sd);
void mtl_sigmoid_rows_f32(int level, long rows, const float *logits, long s, float *p, long sp);
void mtl_softmax_rows_f32(int level, long rows, long classes, const float *logits, long s, float *p, long sp);
void mtl_sgd_f32(int level, long n, float *p, const float *g, float *buffer, float lr, float momentum, float dampening, int nesterov, float wd, int first);
void mtl_adam_f32(int level, long n, float *p, const float *g, float *m, float *v, float lr, float b1, float omb1, float b2, float omb2, float eps, float wd, int decoupled, float bc1, float sbc2);
void mtl_transpose_f32(int level, long rows, long columns, const float *s, long lds, float *d, long ldd);
void mtl_column_sums_f32(int level, long rows, long columns, const float *s, long ld, float *d, int accumulate);
void mtl_activate_f64(int level, int activation, long rows, long columns, const double *z, long ldz, double *h, long ldh);
void mtl_activate_backward_f64(int level, int activation, long rows, long columns, const double *saved, long lds, double *d, long ldd);
long mtl_count_labelled_f64(int level, long rows, const double *labels, long stride);
double mtl_loss_binary_f64(int level, long rows, const double *logits, long s, const double *labels, long sl, double scale, double *d, long sd);
double mtl_loss_squared_f64(int level, long rows, const double *logits, long s, const double *labels, long sl, double scale, double *d, long sd);
double mtl_loss_huber_f64(int level, long rows, const double *logits, long s, const double *labels, long sl, double scale, double delta, double *d, long sd);
double mtl_loss_softmax_f64(int level, long rows, long classes, const double *logits, long s, const double *labels, long sl, double scale, double *d, long sd);
void mtl_sigmoid_rows_f64(int level, long rows, const double *logits, long s, double *p, long sp);
void mtl_softmax_rows_f64(int level, long rows, long classes, const double *logits, long s, double *p, long sp);
void mtl_sgd_f64(int level, long n, double *p, const double *g, double *buffer, double lr, double momentum, double dampening, int nesterov, double wd, int first);
void mtl_adam_f64(int level, long n, double *p, const double *g, double *m, double *v, double lr, double b1, double omb1, double b2, double omb2, double eps, double wd, int decoupled, double bc1, double sbc2);
void mtl_transpose_f64(int level, long rows, long columns, const double *s, long lds, double *d, long ldd);
void mtl_column_sums_f64(int level, long rows, long columns, const double *s, long ld, double *d, int accumulate);
int mtl_cpu_best_level(void);
#endif
