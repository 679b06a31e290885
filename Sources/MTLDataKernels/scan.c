#include "MTLDataKernels.h"

#include <string.h>

// Cutting text whose quotes are not all in their places, one byte after the other. What a record is, for this and for the
// fast passes of csv.inc, which take text without such quotes:
//
// A cell that begins with a quote (blanks before it do not count) ends with the next quote that is not doubled; blanks may
// follow. In any other cell a quote is a character like others. A record is broken where something else follows the closing
// quote, where a quote never closes, and where a quoted cell seems to have swallowed rows. Of a broken record the first
// line is lost, and reading goes on after it, unless what follows is clearly the rest of a cell of several lines.

enum { judged_lines = 1000 };

typedef struct {
    const uint8_t *bytes;
    long count;
    // Whether nothing comes after the text.
    int last;
    uint8_t separator;
    long columns;
} text;

typedef struct {
    // After the line break that ends the record; 0 where the text does not say yet.
    long end;
    long cells;
    enum mtl_csv_fault fault;
    // The quote, or what follows it.
    long place;
    // Whether the fast passes would cut the record otherwise.
    int odd;
} record;

static inline int is_blank(uint8_t byte, uint8_t separator) {
    return (byte == ' ' || byte == '\t') && byte != separator;
}

static long line_end(const text *t, long from) {
    const uint8_t *found = from < t->count ? memchr(t->bytes + from, '\n', (size_t)(t->count - from)) : 0;
    return found ? found - t->bytes : -1;
}

// Whole lines from `from` on that end before `to`, up to a limit, and how many of them have a row's separators.
static long count_lines(const text *t, long from, long to, long limit, long *alike) {
    long lines = 0, separators = 0;
    *alike = 0;
    for (long i = from; i < to && lines < limit; i++) {
        separators += t->bytes[i] == t->separator;
        if (t->bytes[i] != '\n') continue;
        lines++;
        *alike += separators == t->columns - 1;
        separators = 0;
    }
    return lines;
}

// A quoted cell of several lines that are all as long as rows: how many there must be before it is no coincidence.
static long lines_of_chance(long columns) { return columns >= 8 ? 2 : columns >= 4 ? 4 : columns >= 2 ? 12 : 1L << 60; }

static int has_swallowed_rows(const text *t, long start, long end) {
    const long first = line_end(t, start);
    long alike;
    if (count_lines(t, start, first + 1, 1, &alike) != alike) return 0;
    const long lines = count_lines(t, first + 1, end, judged_lines, &alike);
    return lines == alike && lines >= lines_of_chance(t->columns);
}

// Ends a broken record that goes on to `to`, a line's end: with its first line, unless those after it, as far as `judged`,
// look like no rows.
static void break_off(const text *t, long start, long judged, long to, record *r) {
    const long first = line_end(t, start);
    long alike;
    const long lines = count_lines(t, first + 1, judged, judged_lines, &alike);
    r->end = lines == 0 || 2 * alike > lines ? first + 1 : to;
}

static record cut_record(const text *t, long start, uint32_t *ends) {
    record r = {0, 0, MTL_CSV_NO_FAULT, 0, 0};
    const uint8_t *bytes = t->bytes;
    const long count = t->count;
    long inner_breaks = 0;
    int is_judged = 0;
    long p = start;
    while (1) {
        long q = p;
        while (q < count && is_blank(bytes[q], t->separator)) q++;
        if (q < count && bytes[q] == '"') {
            if (q > p) r.odd = 1;
            long from = q + 1;
            while (1) {
                const uint8_t *found = from < count ? memchr(bytes + from, '"', (size_t)(count - from)) : 0;
                const long stop = found ? found - bytes : count;
                inner_breaks += mtl_count_newlines(bytes + from, stop - from);
                if (inner_breaks > judged_lines && !is_judged) {
                    long alike;
                    const long lines = count_lines(t, line_end(t, start) + 1, count, judged_lines, &alike);
                    is_judged = 1;
                    if (t->columns > 1 && 2 * alike > lines) {
                        r.fault = MTL_CSV_OPEN_QUOTE;
                        r.place = q;
                        r.end = line_end(t, start) + 1;
                        return r;
                    }
                }
                if (!found) {
                    if (!t->last) return r;
                    r.fault = MTL_CSV_OPEN_QUOTE;
                    r.place = q;
                    break_off(t, start, count, count, &r);
                    return r;
                }
                if (stop + 1 < count && bytes[stop + 1] == '"') {
                    from = stop + 2;
                    continue;
                }
                p = stop + 1;
                break;
            }
            const long closed = p;
            while (p < count && is_blank(bytes[p], t->separator)) p++;
            if (p > closed) r.odd = 1;
            if (p < count && bytes[p] == '\r') {
                if (p + 1 == count) return r;
                if (bytes[p + 1] == '\n') p++;
            }
            if (p == count) return r;
            if (bytes[p] != t->separator && bytes[p] != '\n') {
                const long line = line_end(t, p);
                if (line < 0) return r;
                r.fault = MTL_CSV_STRAY_QUOTE;
                r.place = p;
                // The line of the fault itself tells nothing: it is cut in the wrong places.
                break_off(t, start, p, line + 1, &r);
                const long first = line_end(t, start);
                // The quote that seemed to close the cell opens one of a later row.
                if (r.end == first + 1 && first < p) {
                    r.fault = MTL_CSV_OPEN_QUOTE;
                    r.place = q;
                }
                return r;
            }
        } else {
            while (p < count && bytes[p] != t->separator && bytes[p] != '\n') {
                if (bytes[p] == '"') r.odd = 1;
                p++;
            }
            if (p == count) return r;
        }
        if (ends && r.cells < t->columns) ends[r.cells] = (uint32_t)p;
        r.cells++;
        if (bytes[p] == '\n') break;
        p++;
    }
    r.end = p + 1;
    if (inner_breaks == 0) return r;
    if (r.cells != t->columns) {
        const long whole = r.end;
        break_off(t, start, whole, whole, &r);
        if (r.end < whole) {
            r.fault = MTL_CSV_OPEN_QUOTE;
            r.place = (const uint8_t *)memchr(bytes + start, '"', (size_t)(whole - start)) - bytes;
        }
    } else if (has_swallowed_rows(t, start, r.end)) {
        r.fault = MTL_CSV_OPEN_QUOTE;
        r.place = (const uint8_t *)memchr(bytes + start, '"', (size_t)(r.end - start)) - bytes;
        r.end = line_end(t, start) + 1;
    }
    return r;
}

mtl_csv_scan mtl_csv_scan_records(
    const uint8_t *bytes, long count, int last, uint8_t separator, long columns, uint32_t *ends, mtl_csv_row *rows,
    mtl_csv_bad_row *bad, long bad_limit) {
    const text t = {bytes, count, last, separator, columns};
    mtl_csv_scan scan = {0, 0, 0, 0, 0, 0, 0};
    while (scan.complete < count) {
        const long start = scan.complete;
        const record r = cut_record(&t, start, ends ? ends + scan.rows * columns : 0);
        if (r.end == 0) break;
        const int is_blank = r.cells == 1 && columns > 1 &&
            (r.end == start + 1 || (r.end == start + 2 && bytes[start] == '\r'));
        if (r.fault == MTL_CSV_NO_FAULT && r.cells == columns) {
            if (rows) rows[scan.rows] = (mtl_csv_row){(uint32_t)start, (uint32_t)scan.records};
            scan.rows++;
        } else if (r.fault != MTL_CSV_NO_FAULT || !is_blank) {
            if (scan.bad_rows < bad_limit)
                bad[scan.bad_rows] = (mtl_csv_bad_row){(uint32_t)start, (uint32_t)scan.records, (uint32_t)(r.end - 1),
                    (uint32_t)r.cells, (uint32_t)r.place, r.fault};
            scan.bad_rows++;
        }
        scan.odd |= r.odd || r.fault != MTL_CSV_NO_FAULT;
        scan.complete = r.end;
        scan.records++;
    }
    scan.lines = mtl_count_newlines(bytes, scan.complete);
    for (long i = 0; i < scan.complete; i++) {
        if (bytes[i] & 0x80) {
            scan.has_high = 1;
            break;
        }
    }
    return scan;
}
