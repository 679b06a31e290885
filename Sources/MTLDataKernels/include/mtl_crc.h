#ifndef MTL_CRC_H
#define MTL_CRC_H

#include <stdint.h>

// Folds the 64-byte blocks at the beginning of some bytes into 16 that have the same CRC-32, on CPUs that multiply without carries.
//
// `start` is the CRC-32 of the bytes before, as zlib says it. The result goes on from that of `rest`, taken with the start
// 0xFFFFFFFF, over the bytes that are left. Returns how many were folded: 0 where the CPU cannot, or they are few.
long mtl_crc32_fold(uint32_t start, const uint8_t *bytes, long count, uint8_t rest[16]);

// The same from the start 0, and copies what it folds to memory on a multiple of 16 bytes: what is copied is read once.
long mtl_crc32_copy(const uint8_t *bytes, uint8_t *to, long count, uint8_t rest[16]);

#endif
