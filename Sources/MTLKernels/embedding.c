#include "mtl_embedding.h"

#define AHEAD 16

static inline long slot_of(int32_t id, int32_t *sparse, int32_t *touched, long *count) {
    const uint32_t known = (uint32_t)sparse[id];
    if (known < (uint32_t)*count && touched[known] == id) return known;
    touched[*count] = id;
    sparse[id] = (int32_t)*count;
    return (*count)++;
}

long mtl_embed_slots(
    long rows, const int32_t *indices, long start, const int32_t *offsets, const int32_t *ids, int32_t *sparse,
    int32_t *touched, long count, int32_t *slots) {
    if (offsets) {
        for (long r = 0; r < rows; r++) {
            const long s = indices ? indices[r] : start + r;
            for (long i = offsets[s]; i < offsets[s + 1]; i++) {
                if (i + AHEAD < offsets[s + 1]) __builtin_prefetch(sparse + ids[i + AHEAD], 1);
                *slots++ = (int32_t)slot_of(ids[i], sparse, touched, &count);
            }
        }
        return count;
    }
    for (long r = 0; r < rows; r++) {
        if (r + AHEAD < rows)
            __builtin_prefetch(sparse + ids[indices ? indices[r + AHEAD] : start + r + AHEAD], 1);
        slots[r] = (int32_t)slot_of(ids[indices ? indices[r] : start + r], sparse, touched, &count);
    }
    return count;
}
