#if defined(__linux__)
#define _GNU_SOURCE // dl_iterate_phdr
#endif
#include "MallocCounter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_long count;
static atomic_long count_of_blas;
static atomic_int counting;

long malloc_counter_stop(void) {
    atomic_store(&counting, 0);
    return atomic_load(&count);
}

long malloc_counter_of_blas(void) { return atomic_load(&count_of_blas); }

void malloc_counter_allocate(void) {
    void *volatile block = malloc(1);
    free(block);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1 // It stands in for malloc itself.
#endif
#endif

#if defined(__GLIBC__) && !defined(UNDER_SANITIZER)

#include <link.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

// The code of BLAS libraries, by address. Filled before counting begins, read by any thread afterwards.
#define RANGES 16
static struct {
    uintptr_t begin, end;
} blas[RANGES];
static int ranges;

// The libraries that compute, by file name. LAPACKE is not among them: what it allocates is a copy or a workspace that
// its caller could have given it.
static int is_blas(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    static const char *const prefixes[] = {"libopenblas", "libblas", "liblapack.", "libcblas", "libgfortran"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) return 1;
    return 0;
}

static int note_library(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size;
    (void)unused;
    if (!info->dlpi_name || !is_blas(info->dlpi_name)) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || ranges == RANGES) continue;
        blas[ranges].begin = info->dlpi_addr + part->p_vaddr;
        blas[ranges].end = blas[ranges].begin + part->p_memsz;
        ranges++;
    }
    return 0;
}

int malloc_counter_works(void) { return 1; }

void malloc_counter_start(void) {
    if (ranges == 0) dl_iterate_phdr(note_library, NULL);
    atomic_store(&count, 0);
    atomic_store(&count_of_blas, 0);
    atomic_store(&counting, 1);
}

static inline void note(const void *caller) {
    if (!atomic_load_explicit(&counting, memory_order_relaxed)) return;
    uintptr_t address = (uintptr_t)caller;
    for (int i = 0; i < ranges; i++)
        if (address >= blas[i].begin && address < blas[i].end) {
            atomic_fetch_add_explicit(&count_of_blas, 1, memory_order_relaxed);
            return;
        }
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
}

void *malloc(size_t size) {
    note(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
    note(__builtin_return_address(0));
    return __libc_calloc(items, size);
}

void *realloc(void *block, size_t size) {
    note(__builtin_return_address(0));
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    note(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    note(__builtin_return_address(0));
    *block = __libc_memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

#else

int malloc_counter_works(void) { return 0; }
void malloc_counter_start(void) { atomic_store(&counting, 1); }

#endif
