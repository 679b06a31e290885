#ifndef MTL_DATA_CELL_H
#define MTL_DATA_CELL_H

#include "MTLDataKernels.h"

typedef struct {
    const uint8_t *start;
    long count;
} cell;

static inline __attribute__((always_inline)) cell cell_at(
    const uint8_t *text, const mtl_csv_row *rows, const uint32_t *ends, long columns, long column, long row) {
    const uint32_t *end = ends + row * columns + column;
    const long start = column == 0 ? (long)rows[row].start : (long)end[-1] + 1;
    long stop = *end;
    if (column == columns - 1 && stop > start && text[stop - 1] == '\r') stop--;
    return (cell){text + start, stop - start};
}

static inline __attribute__((always_inline)) int is_blank(uint8_t byte) { return byte == ' ' || byte == '\t'; }

static inline __attribute__((always_inline)) cell trimmed(cell c) {
    while (c.count > 0 && is_blank(*c.start)) {
        c.start++;
        c.count--;
    }
    while (c.count > 0 && is_blank(c.start[c.count - 1])) c.count--;
    return c;
}

#endif
