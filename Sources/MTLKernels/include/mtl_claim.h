#ifndef MTL_CLAIM_H
#define MTL_CLAIM_H

// Claiming a cache line: storing into it what it holds, so that the core asks for it to be its own while it goes on
// computing. A line that another core has read is in this core's cache still, but writing it waits for the other's
// answer; PREFETCHW does not ask for such a line (measured on Zen 4). Only who may write the memory may claim it.
typedef int __attribute__((may_alias)) mtl_claimed_word;

static inline __attribute__((always_inline)) void mtl_claim_line(void *line) {
    volatile mtl_claimed_word *word = (volatile mtl_claimed_word *)line;
    *word = *word;
}

static inline void mtl_claim(void *start, long bytes) {
    for (long offset = 0; offset < bytes; offset += 64) mtl_claim_line((char *)start + offset);
}

#endif
