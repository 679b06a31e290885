#ifndef MTL_DATA_HASH_H
#define MTL_DATA_HASH_H

#include <stdint.h>
#include <string.h>

// A Wyhash-like mix of 8 bytes at a time: two multiplications of 64 to 128 bits a round.
static inline uint64_t mtl_mix(uint64_t a, uint64_t b) {
    const unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t mtl_little_endian(uint64_t value) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(value);
#else
    return value;
#endif
}

// Up to 8 bytes as a little-endian number; where `isPadded`, 8 can be read whatever `count` is.
static inline uint64_t mtl_word(const uint8_t *p, long count, int isPadded) {
    uint64_t value = 0;
    if (count >= 8) {
        memcpy(&value, p, 8);
        return mtl_little_endian(value);
    }
    if (isPadded && count > 0) {
        memcpy(&value, p, 8);
        return mtl_little_endian(value) & (UINT64_MAX >> (64 - 8 * count));
    }
    for (long i = 0; i < count; i++) value |= (uint64_t)p[i] << 8 * i;
    return value;
}

static inline uint64_t mtl_hash_inline(const uint8_t *bytes, long count, uint64_t seed, int isPadded) {
    uint64_t state = seed ^ 0x9E3779B97F4A7C15u;
    long i = 0;
    for (; i + 8 <= count; i += 8) state = mtl_mix(state ^ mtl_word(bytes + i, 8, 1), 0xD1342543DE82EF95u);
    if (i < count) state = mtl_mix(state ^ mtl_word(bytes + i, count - i, isPadded), 0xAEF17502108EF2D9u);
    return mtl_mix(state ^ (uint64_t)count, 0xBF58476D1CE4E5B9u);
}

#endif
