#ifndef MALLOC_COUNTER_H
#define MALLOC_COUNTER_H

// Counts the allocations of the whole process while it is switched on, by standing in for malloc and its kin. Those that
// a BLAS or LAPACK library makes inside itself are counted apart: whether it makes any depends on the CPU it has kernels
// for, and no caller can spare it them.
// Linux (glibc) without a sanitizer only; elsewhere nothing is counted and `malloc_counter_works` says so.

int malloc_counter_works(void);
void malloc_counter_start(void);
// Returns the allocations since the start that are not a BLAS library's own.
long malloc_counter_stop(void);
// The allocations of BLAS libraries between the latest start and stop.
long malloc_counter_of_blas(void);

// Allocates and frees once, where no optimiser sees it.
void malloc_counter_allocate(void);

#endif
