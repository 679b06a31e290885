#include "MTLDataKernels.h"
#include "cell.h"

#include <math.h>
#include <string.h>

static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    1e16, 1e17, 1e18};

// A plain decimal of at most 15 digits: both its digits and its power of ten are exact, so one division rounds once.
static inline __attribute__((always_inline)) int plain(cell c, double *value) {
    const uint8_t *p = c.start, *end = c.start + c.count;
    const int negative = *p == '-';
    p += negative;
    if (end - p > 16 || p == end) return 0;
    uint64_t mantissa = 0;
    const uint8_t *begin = p;
    while (p < end && (uint8_t)(*p - '0') <= 9) mantissa = mantissa * 10 + (uint8_t)(*p++ - '0');
    long digits = p - begin, scale = 0;
    if (p < end && *p == '.') {
        begin = ++p;
        while (p < end && (uint8_t)(*p - '0') <= 9) mantissa = mantissa * 10 + (uint8_t)(*p++ - '0');
        scale = p - begin;
        digits += scale;
    }
    if (p < end || digits == 0 || digits > 15) return 0;
    const double whole = (double)(int64_t)mantissa;
    const double result = scale ? whole / powers[scale] : whole;
    *value = negative ? -result : result;
    return 1;
}

long mtl_csv_numbers(
    const uint8_t *text, const mtl_csv_row *rows, const uint32_t *ends, long columns, long column, long first, long last,
    double *out) {
    for (long row = first; row < last; row++) {
        const cell c = cell_at(text, rows, ends, columns, column, row);
        if (c.count == 0) {
            out[row] = NAN;
            continue;
        }
        if (plain(c, out + row)) continue;
        if (mtl_parse_number(c.start, c.count, out + row) != MTL_NUMBER_OK) return row;
    }
    return last;
}

long mtl_csv_text_bytes(
    const mtl_csv_row *rows, const uint32_t *ends, long columns, long column, long first, long last) {
    long bytes = 0;
    for (long row = first; row < last; row++) {
        const uint32_t *end = ends + row * columns + column;
        bytes += *end - (column == 0 ? rows[row].start : end[-1] + 1);
    }
    return bytes;
}

// Takes the quotes off a cell that is in quotes, and blanks around them.
static int is_quoted(cell *c) {
    const uint8_t *start = c->start, *stop = c->start + c->count;
    while (start < stop && is_blank(*start)) start++;
    if (stop - start < 2 || *start != '"') return 0;
    while (stop[-1] != '"') stop--;
    *c = (cell){start + 1, stop - start - 2};
    return 1;
}

long mtl_csv_texts(
    const uint8_t *text, const mtl_csv_row *rows, const uint32_t *ends, long columns, long column, long first, long last,
    uint8_t *out, long used, uint32_t *out_ends) {
    for (long row = first; row < last; row++) {
        cell c = cell_at(text, rows, ends, columns, column, row);
        uint8_t *to = out + used;
        if (c.count >= 2 && c.start[0] <= '"' && is_quoted(&c)) {
            const uint8_t *from = c.start, *stop = c.start + c.count, *quote;
            while ((quote = memchr(from, '"', (size_t)(stop - from)))) {
                memcpy(to, from, (size_t)(quote + 1 - from));
                to += quote + 1 - from;
                from = quote + 2;
            }
            memcpy(to, from, (size_t)(stop - from));
            used = to + (stop - from) - out;
        } else {
            if (c.count <= 16)
                memcpy(to, c.start, 16);
            else
                memcpy(to, c.start, (size_t)c.count);
            used += c.count;
        }
        out_ends[row] = (uint32_t)used;
    }
    return used;
}
