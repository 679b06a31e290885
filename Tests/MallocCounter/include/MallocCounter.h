#ifndef MALLOC_COUNTER_H
#define MALLOC_COUNTER_H

// Counts the allocations of the whole process while it is switched on, by standing in for malloc and its kin.
// Linux (glibc) only; elsewhere nothing is counted and `malloc_counter_works` says so.

int malloc_counter_works(void);
void malloc_counter_start(void);
long malloc_counter_stop(void);

// Allocates and frees once, where no optimiser sees it.
void malloc_counter_allocate(void);

#endif
