#include "MTLDataKernels.h"
#include "cell.h"
#include "hash.h"

uint64_t mtl_hash_bytes(const uint8_t *bytes, long count, uint64_t seed) {
    return mtl_hash_inline(bytes, count, seed, 0);
}

static inline long begin(mtl_map map, long key) { return key == 0 ? 0 : map.ends[key - 1]; }

// Whether keys of more than 8 bytes are the same behind the first 8.
static inline __attribute__((always_inline)) int is_same_end(const uint8_t *a, const uint8_t *b, long count) {
    if (count > 16) return !memcmp(a + 8, b + 8, (size_t)(count - 8));
    return mtl_word(a + count - 8, 8, 1) == mtl_word(b + count - 8, 8, 1);
}

static inline __attribute__((always_inline)) int32_t probe(
    mtl_map map, const uint8_t *key, long count, uint64_t hash, uint64_t prefix) {
    for (uint64_t place = hash >> 20 & map.mask;; place = (place + 1) & map.mask) {
        const mtl_map_slot slot = map.slots[place];
        if (slot.index < 0) return MTL_MAP_NONE;
        if (slot.prefix == prefix && slot.length == count &&
            (count <= 8 || is_same_end(map.keys + begin(map, slot.index), key, count)))
            return slot.index;
    }
}

int32_t mtl_map_find(mtl_map map, const uint8_t *key, long count) {
    return probe(map, key, count, mtl_hash_inline(key, count, 0, 0), mtl_word(key, count, 0));
}

void mtl_csv_find(
    const uint8_t *text, const mtl_csv_row *rows, const uint32_t *ends, long columns, long column, long count, mtl_map map,
    int32_t *out) {
    // Tables are larger than caches: so many places are asked for before the first one is looked at.
    enum { AHEAD = 32 };
    cell cells[AHEAD];
    uint64_t hashes[AHEAD];
    for (long first = 0; first < count; first += AHEAD) {
        const long some = count - first < AHEAD ? count - first : AHEAD;
        for (long i = 0; i < some; i++) {
            cells[i] = trimmed(cell_at(text, rows, ends, columns, column, first + i));
            hashes[i] = mtl_hash_inline(cells[i].start, cells[i].count, 0, 1);
            __builtin_prefetch(map.slots + (hashes[i] >> 20 & map.mask));
        }
        for (long i = 0; i < some; i++) {
            const cell c = cells[i];
            out[first + i] = c.count == 0      ? MTL_MAP_BLANK
                             : *c.start == '"' ? MTL_MAP_NONE
                                               : probe(map, c.start, c.count, hashes[i], mtl_word(c.start, c.count, 1));
        }
    }
}
