#ifndef MTL_AVERAGE_H
#define MTL_AVERAGE_H

// What a moving average keeps of itself over steps from + 1 … to: the product of their d, min(decay, (i - 1) / (i + 8)) in
// step i. `warm` is the last step of the rising part; powers[k] = decay^k for k < count.
static inline double mtl_average_keep(
    long from, long to, double decay, long warm, const double *powers, long count) {
    const long begin = from < warm ? from : warm, end = to < warm ? to : warm;
    double above = 1, below = 1;
    if (begin < end) {
        // Π (i - 1) / (i + 8): all but nine factors cancel.
        for (int j = 0; j < 9; j++) {
            above *= (double)(begin + j);
            below *= (double)(end + j);
        }
    }
    const long rest = (to - end) - (from - begin);
    return above / below * (rest < count ? powers[rest] : __builtin_pow(decay, (double)rest));
}

#endif
