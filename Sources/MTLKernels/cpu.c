#include "mtl_cpu.h"

#include <stdatomic.h>

#if defined(__x86_64__)
// Both compiler runtimes clear the AVX and AVX-512 bits behind __builtin_cpu_supports when XCR0 says that the
// operating system does not save those registers, so no XGETBV of our own is needed.
static int detect(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return MTL_CPU_BASELINE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl"))
        return MTL_CPU_AVX512;
    return MTL_CPU_AVX2;
}
#else
static int detect(void) { return MTL_CPU_BASELINE; }
#endif

// Racing first calls store the same number: relaxed order suffices.
static _Atomic int best = -1;

int mtl_cpu_best_level(void) {
    int level = atomic_load_explicit(&best, memory_order_relaxed);
    if (level < 0) {
        level = detect();
        atomic_store_explicit(&best, level, memory_order_relaxed);
    }
    return level;
}

void mtl_cpu_limit(int level) {
    int found = detect();
    atomic_store_explicit(&best, level < found ? level : found, memory_order_relaxed);
}

const char *mtl_cpu_level_name(int level) {
    switch (level) {
    case MTL_CPU_BASELINE: return "baseline";
    case MTL_CPU_AVX2: return "avx2";
    case MTL_CPU_AVX512: return "avx512";
    default: return "unknown";
    }
}
