#include "mtl_clock.h"

#if defined(__x86_64__)
#include <x86intrin.h>
unsigned long long mtl_clock_ticks(void) { return __rdtsc(); }
#elif defined(__aarch64__)
unsigned long long mtl_clock_ticks(void) {
    unsigned long long ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}
#else
#include <time.h>
unsigned long long mtl_clock_ticks(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)now.tv_sec * 1000000000ull + (unsigned long long)now.tv_nsec;
}
#endif
