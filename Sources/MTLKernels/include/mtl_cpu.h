#ifndef MTL_CPU_H
#define MTL_CPU_H

// Levels of instruction set, one table of kernels each: 0 the target's baseline (SSE2, NEON), 1 AVX2 with FMA,
// 2 AVX-512 (F, BW, DQ, VL). Architectures other than x86-64 have level 0 alone.

enum {
    MTL_CPU_BASELINE = 0,
    MTL_CPU_AVX2 = 1,
    MTL_CPU_AVX512 = 2,
    MTL_CPU_LEVELS = 3
};

// The highest level that both the processor and the operating system (saved register state) support. Cached.
int mtl_cpu_best_level(void);

// From now on no level above this one is said to be supported, as on a lesser processor: for tests, before anything else.
void mtl_cpu_limit(int level);

// "baseline", "avx2", "avx512"; "unknown" for any other number.
const char *mtl_cpu_level_name(int level);

#endif
