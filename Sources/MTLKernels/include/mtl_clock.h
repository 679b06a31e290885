#ifndef MTL_CLOCK_H
#define MTL_CLOCK_H

// Ticks of the processor's constant-rate counter (nanoseconds where there is none): a few nanoseconds to read.
unsigned long long mtl_clock_ticks(void);

#endif
