#include "MTLDataKernels.h"

#include <string.h>

// Rows are drawn at random: each is asked for some rows before it is needed.
#define AHEAD 12

static inline const uint32_t *row_at(const uint32_t *const *blocks, uint64_t entry, long width) {
    return blocks[entry >> 32] + (long)(uint32_t)entry * width;
}

static inline void ask_for(const uint32_t *row, long width) {
    for (long word = 0; word < width; word += 16) __builtin_prefetch(row + word);
    __builtin_prefetch(row + width - 1);
}

void mtl_gather_rows(
    const uint32_t *const *blocks, const uint64_t *order, long count, long width, uint32_t *out) {
    for (long e = 0; e < count; e++) {
        if (e + AHEAD < count) ask_for(row_at(blocks, order[e + AHEAD], width), width);
        const uint32_t *row = row_at(blocks, order[e], width);
        if (width <= 8)
            for (long word = 0; word < width; word++) out[e * width + word] = row[word];
        else
            memcpy(out + e * width, row, (size_t)width * 4);
    }
}

// So many rows at a time, so that a column's words go out a cache line at once.
#define ROWS 16

void mtl_gather_columns(
    const uint32_t *const *blocks, const uint64_t *order, long count, long width, uint32_t *const *columns, long first) {
    const uint32_t *rows[ROWS];
    for (long begin = 0; begin < count; begin += ROWS) {
        const long end = begin + ROWS < count ? begin + ROWS : count;
        for (long e = begin; e < end; e++) {
            if (e + ROWS < count) ask_for(row_at(blocks, order[e + ROWS], width), width);
            rows[e - begin] = row_at(blocks, order[e], width);
        }
        for (long c = 0; c < width; c++) {
            uint32_t *to = columns[c] + first + begin;
            for (long e = 0; e < end - begin; e++) to[e] = rows[e][c];
        }
    }
}
