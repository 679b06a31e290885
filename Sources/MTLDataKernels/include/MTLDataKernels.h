#ifndef MTL_DATA_KERNELS_H
#define MTL_DATA_KERNELS_H

#include <stdint.h>

#include "mtl_crc.h"
#include "mtl_files.h"

// Cutting CSV text into cells (RFC 4180) and reading numbers. Buffers are readable for 64 bytes after their end.

typedef struct {
    // The bytes up to and with the last line break outside quotes; 0 where there is none.
    long complete;
    // Line breaks outside quotes, and all of them, among those bytes.
    long records, lines;
    // Whether the whole buffer ends inside quotes.
    int open;
    // Whether a quote stands where it is a character like others or a mistake; what is said of the text is of no use then.
    int stray;
    // Whether there are line breaks inside quotes among those bytes.
    int inner;
} mtl_csv_extent;

// Looks at text that begins a record.
mtl_csv_extent mtl_csv_measure(int level, const uint8_t *bytes, long count, uint8_t separator);

typedef struct {
    // Where the record begins, and its number among the buffer's line breaks.
    uint32_t start, record;
} mtl_csv_row;

typedef struct {
    long rows;
    // Records of another number of cells.
    long bad_rows;
    // Whether any byte is not ASCII.
    int has_high;
} mtl_csv_cut;

enum mtl_csv_fault {
    // Another number of cells than a row has, if anything.
    MTL_CSV_NO_FAULT,
    // Something after the quote that closes a cell.
    MTL_CSV_STRAY_QUOTE,
    // A quote that never closes, or only where its cell would hold rows.
    MTL_CSV_OPEN_QUOTE,
};

typedef struct {
    uint32_t start, record, end, cells;
    // Where the fault is.
    uint32_t quote;
    enum mtl_csv_fault fault;
} mtl_csv_bad_row;

typedef struct {
    // The bytes of whole records; what follows may belong to a longer one.
    long complete;
    // Records, and line breaks, among those bytes.
    long records, lines;
    long rows, bad_rows;
    int has_high;
    // Whether mtl_csv_index would cut those bytes otherwise.
    int odd;
} mtl_csv_scan;

// Cuts text that begins a record, whatever its quotes are like: see scan.c. The slow twin of the two fast passes, and what
// they leave undone. `last`: nothing comes after, and the text ends with a line break. Without `ends` and `rows` it only
// counts.
mtl_csv_scan mtl_csv_scan_records(
    const uint8_t *bytes, long count, int last, uint8_t separator, long columns, uint32_t *ends, mtl_csv_row *rows,
    mtl_csv_bad_row *bad, long bad_limit);

// Cuts whole records without stray quotes, every one with a line break at its end, into rows of `columns` cells: cell c of row r ends before
// ends[r * columns + c] and begins after the end before it. Blank lines are left out where there are several columns.
// `ends` has room for columns cells of every line break plus `columns`, `rows` for every line break.
mtl_csv_cut mtl_csv_index(
    int level, const uint8_t *bytes, long count, uint8_t separator, long columns, uint32_t *ends, mtl_csv_row *rows,
    mtl_csv_bad_row *bad, long bad_limit);

// The position of the first byte that is not valid UTF-8, or -1.
long mtl_utf8_error(const uint8_t *bytes, long count);

long mtl_count_newlines(const uint8_t *bytes, long count);

enum mtl_number { MTL_NUMBER_NONE, MTL_NUMBER_OK, MTL_NUMBER_TOO_LARGE, MTL_NUMBER_BIG_INTEGER };

// A decimal number, exactly rounded; no blanks around it. BIG_INTEGER: a whole number that a double does not hold.
enum mtl_number mtl_parse_number(const uint8_t *bytes, long count, double *value);

// The numbers of one column, rows first … last - 1, into out[row]; NaN where a cell is empty. Stops at the first cell that is
// neither empty nor a plain number that a double holds, and returns its row; else `last`.
long mtl_csv_numbers(
    const uint8_t *text, const mtl_csv_row *rows, const uint32_t *ends, long columns, long column, long first, long last,
    double *out);

// The bytes that the texts of one column may take, and the texts themselves: text r ends before out_ends[r]. `out` has
// room for 64 bytes more.
long mtl_csv_text_bytes(
    const mtl_csv_row *rows, const uint32_t *ends, long columns, long column, long first, long last);
long mtl_csv_texts(
    const uint8_t *text, const mtl_csv_row *rows, const uint32_t *ends, long columns, long column, long first, long last,
    uint8_t *out, long used, uint32_t *out_ends);

// Rows of blocks of 32-bit words, `width` a row, drawn in any order: entry e is row (uint32_t)order[e] of block
// order[e] >> 32. Into rows one after the other, or each word c into columns[c][e].
void mtl_gather_rows(
    const uint32_t *const *blocks, const uint64_t *order, long count, long width, uint32_t *out);
void mtl_gather_columns(
    const uint32_t *const *blocks, const uint64_t *order, long count, long width, uint32_t *const *columns, long first);

// A 64-bit hash of some bytes, the same everywhere.
uint64_t mtl_hash_bytes(const uint8_t *bytes, long count, uint64_t seed);

// A slot of a hash table over texts: a key's first eight bytes, length and number. Most keys are found, or not, by one look at
// memory. An empty slot has a number below 0.
typedef struct {
    uint64_t prefix;
    uint32_t length;
    int32_t index;
} mtl_map_slot;

// `mask` + 1 slots, a power of two of them, not all full; keys one after the other, key i ends before ends[i].
typedef struct {
    const mtl_map_slot *slots;
    uint64_t mask;
    const uint8_t *keys;
    const long *ends;
} mtl_map;

enum {
    MTL_MAP_NONE = -1,
    MTL_MAP_BLANK = -2,
};

// The number of a key, or MTL_MAP_NONE.
int32_t mtl_map_find(mtl_map map, const uint8_t *key, long count);

// Per row of a block the number of a column's cell, without the blanks around it; MTL_MAP_NONE where it is not there or in
// quotes, MTL_MAP_BLANK where it is empty.
void mtl_csv_find(
    const uint8_t *text, const mtl_csv_row *rows, const uint32_t *ends, long columns, long column, long count, mtl_map map,
    int32_t *out);

#endif
