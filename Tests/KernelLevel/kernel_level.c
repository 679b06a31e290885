#include "KernelLevel.h"

#include "mtl_cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *kernel_level_asked_for(void) { return getenv("MTL_TEST_INSTRUCTIONS"); }

__attribute__((constructor)) static void limit(void) {
    const char *name = kernel_level_asked_for();
    if (!name) return;
    for (int level = MTL_CPU_BASELINE; level <= MTL_CPU_AVX512; level++)
        if (strcmp(name, mtl_cpu_level_name(level)) == 0) {
            mtl_cpu_limit(level);
            if (mtl_cpu_best_level() == level) return;
        }
    fprintf(stderr, "MTL_TEST_INSTRUCTIONS: found %s, expected baseline, avx2 or avx512, at most what this CPU has\n", name);
    abort();
}
