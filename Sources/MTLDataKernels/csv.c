#include "MTLDataKernels.h"

// Bit i of the result: whether the number of ones among bits 0 … i is odd.
static inline __attribute__((always_inline)) uint64_t prefix_xor(uint64_t x) {
    x ^= x << 1;
    x ^= x << 2;
    x ^= x << 4;
    x ^= x << 8;
    x ^= x << 16;
    x ^= x << 32;
    return x;
}

#define NAME(x) x##_portable
#define LEVEL 0
#include "csv.inc"
#undef NAME
#undef LEVEL

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,bmi,lzcnt,popcnt"))), apply_to = function)
#define NAME(x) x##_avx2
#define LEVEL 1
#include "csv.inc"
#undef NAME
#undef LEVEL
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi,lzcnt,popcnt"))), apply_to = function)
#define NAME(x) x##_avx512
#define LEVEL 2
#include "csv.inc"
#undef NAME
#undef LEVEL
#pragma clang attribute pop
#endif

// Levels are those of mtl_cpu.h.
mtl_csv_extent mtl_csv_measure(int level, const uint8_t *bytes, long count, uint8_t separator) {
#if defined(__x86_64__)
    if (level >= 2) return measure_avx512(bytes, count, separator);
    if (level == 1) return measure_avx2(bytes, count, separator);
#endif
    (void)level;
    return measure_portable(bytes, count, separator);
}

mtl_csv_cut mtl_csv_index(
    int level, const uint8_t *bytes, long count, uint8_t separator, long columns, uint32_t *ends, mtl_csv_row *rows,
    mtl_csv_bad_row *bad, long bad_limit) {
#if defined(__x86_64__)
    if (level >= 2) return index_avx512(bytes, count, separator, columns, ends, rows, bad, bad_limit);
    if (level == 1) return index_avx2(bytes, count, separator, columns, ends, rows, bad, bad_limit);
#endif
    (void)level;
    return index_portable(bytes, count, separator, columns, ends, rows, bad, bad_limit);
}

long mtl_count_newlines(const uint8_t *bytes, long count) {
    long lines = 0;
    for (long i = 0; i < count; i++) lines += bytes[i] == '\n';
    return lines;
}

// The well-formed byte sequences of the Unicode standard, table 3-7.
long mtl_utf8_error(const uint8_t *bytes, long count) {
    long i = 0;
    while (i < count) {
        const uint8_t lead = bytes[i];
        if (lead < 0x80) {
            i++;
            continue;
        }
        int more;
        uint8_t low = 0x80, top = 0xBF;
        if (lead >= 0xC2 && lead <= 0xDF) {
            more = 1;
        } else if (lead >= 0xE0 && lead <= 0xEF) {
            more = 2;
            if (lead == 0xE0) low = 0xA0;
            if (lead == 0xED) top = 0x9F;
        } else if (lead >= 0xF0 && lead <= 0xF4) {
            more = 3;
            if (lead == 0xF0) low = 0x90;
            if (lead == 0xF4) top = 0x8F;
        } else {
            return i;
        }
        for (int k = 1; k <= more; k++) {
            if (i + k >= count || bytes[i + k] < low || bytes[i + k] > top) return i;
            low = 0x80;
            top = 0xBF;
        }
        i += more + 1;
    }
    return -1;
}
