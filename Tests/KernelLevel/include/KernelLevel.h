#ifndef KERNEL_LEVEL_H
#define KERNEL_LEVEL_H

// Lets the tests run as on a lesser processor: MTL_TEST_INSTRUCTIONS=baseline, avx2 or avx512 in the environment is the
// highest level of the kernels. It is read before main, so that all tests of a process agree; the library reads no
// environment.

// What was asked for; NULL for nothing.
const char *kernel_level_asked_for(void);

#endif
