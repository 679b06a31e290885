#include "mtl_crc.h"

#include <stddef.h>

// V. Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction, Intel 2009: a block of 128 bits,
// as a polynomial A x^64 + B, is congruent to A (x^(n+64) mod P) + B (x^n mod P) when it moves up by n bits, and so is added to
// the block n bits further on.
#if defined(__x86_64__)
#include <immintrin.h>

enum { BLOCK = 64, FEW = 256 };

// x^(n+32) mod P and x^(n-32) mod P, bits reflected, for n of 512 and of 128: products of reflected factors are a bit lower.
#define NEAR_512 0x154442bd4LL
#define FAR_512 0x1c6e41596LL
#define NEAR_128 0x1751997d0LL
#define FAR_128 0x0ccaa009eLL

__attribute__((target("pclmul,sse4.1"))) static inline __m128i moved(__m128i block, __m128i factors, __m128i onto) {
    const __m128i low = _mm_clmulepi64_si128(block, factors, 0x00);
    const __m128i high = _mm_clmulepi64_si128(block, factors, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

// `to` gets the bytes too, past the caches, where it is not NULL.
__attribute__((target("pclmul,sse4.1"), always_inline)) static inline long fold(
    uint32_t start, const uint8_t *bytes, uint8_t *to, long count, uint8_t rest[16]) {
    const __m128i by_block = _mm_set_epi64x(FAR_512, NEAR_512), by_lane = _mm_set_epi64x(FAR_128, NEAR_128);
    const __m128i *next = (const __m128i *)bytes;
    __m128i lanes[4];
    __m128i *target = (__m128i *)to;
    for (int lane = 0; lane < 4; lane++) {
        lanes[lane] = _mm_loadu_si128(next + lane);
        if (to) _mm_stream_si128(target + lane, lanes[lane]);
    }
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128((int)~start));
    const long blocks = count / BLOCK;
    for (long block = 1; block < blocks; block++) {
        next += 4;
        target += to ? 4 : 0;
        for (int lane = 0; lane < 4; lane++) {
            const __m128i loaded = _mm_loadu_si128(next + lane);
            if (to) _mm_stream_si128(target + lane, loaded);
            lanes[lane] = moved(lanes[lane], by_block, loaded);
        }
    }
    if (to) _mm_sfence();
    __m128i all = lanes[0];
    for (int lane = 1; lane < 4; lane++) all = moved(all, by_lane, lanes[lane]);
    _mm_storeu_si128((__m128i *)rest, all);
    return blocks * BLOCK;
}

__attribute__((target("pclmul,sse4.1"))) static long fold_only(
    uint32_t start, const uint8_t *bytes, long count, uint8_t rest[16]) {
    return fold(start, bytes, NULL, count, rest);
}

__attribute__((target("pclmul,sse4.1"))) static long fold_and_copy(
    const uint8_t *bytes, uint8_t *to, long count, uint8_t rest[16]) {
    return fold(0, bytes, to, count, rest);
}

static int can_fold(long count) {
    return count >= FEW && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

long mtl_crc32_fold(uint32_t start, const uint8_t *bytes, long count, uint8_t rest[16]) {
    return can_fold(count) ? fold_only(start, bytes, count, rest) : 0;
}

long mtl_crc32_copy(const uint8_t *bytes, uint8_t *to, long count, uint8_t rest[16]) {
    return can_fold(count) && (uintptr_t)to % 16 == 0 ? fold_and_copy(bytes, to, count, rest) : 0;
}
#else
long mtl_crc32_copy(const uint8_t *bytes, uint8_t *to, long count, uint8_t rest[16]) {
    (void)bytes, (void)to, (void)count, (void)rest;
    return 0;
}

long mtl_crc32_fold(uint32_t start, const uint8_t *bytes, long count, uint8_t rest[16]) {
    (void)start, (void)bytes, (void)count, (void)rest;
    return 0;
}
#endif
