#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "mtl_pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define APART __attribute__((aligned(128)))

typedef struct {
    mtl_pool *pool;
    int index;
    atomic_int cpu;  // where it began its latest run
    pthread_t thread;
} worker;

struct mtl_pool {
    APART atomic_uint started;  // runs begun
    APART atomic_uint phase;    // barriers passed
    APART atomic_uint arrived;  // workers at the current barrier
    APART atomic_uint sleepers;
    mtl_pool_work work;
    void *context;
    int count;
    int spins;
    int yields;
    int stopping;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    worker workers[];
};

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#if defined(__linux__)
static void note_cpu(worker *self) { atomic_store_explicit(&self->cpu, sched_getcpu(), memory_order_relaxed); }

// Two workers that were started on one core can stay there for a second beside an idle one, each waiting for the other
// in turn. Whoever has waited long and finds another worker on its core leaves it, and may run anywhere again after.
static void leave_shared_core(mtl_pool *pool) {
    const int here = sched_getcpu();
    int workers_here = 0;
    for (int index = 0; index < pool->count; index++)
        workers_here += atomic_load_explicit(&pool->workers[index].cpu, memory_order_relaxed) == here;
    cpu_set_t allowed;
    if (workers_here < 2 || here < 0 || sched_getaffinity(0, sizeof allowed, &allowed)) return;
    cpu_set_t others = allowed;
    CPU_CLR(here, &others);
    if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others)) return;
    sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
static void note_cpu(worker *self) { (void)self; }
static void leave_shared_core(mtl_pool *pool) { (void)pool; }
#endif

// A sleeper counts itself before it looks at the word for the last time, a publisher changes the word before it looks
// at the count: one of them always sees the other.
static void wait_for_change(mtl_pool *pool, atomic_uint *word, unsigned old) {
    for (int spin = 0; spin < pool->spins; spin++) {
        if (atomic_load_explicit(word, memory_order_acquire) != old) return;
        pause_briefly();
    }
    if (pool->yields == 0) leave_shared_core(pool);
    for (int turn = 0; turn < pool->yields; turn++) {
        if (atomic_load_explicit(word, memory_order_acquire) != old) return;
        sched_yield();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(word) == old) pthread_cond_wait(&pool->changed, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void publish(mtl_pool *pool, atomic_uint *word) {
    atomic_fetch_add(word, 1);
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

void mtl_pool_barrier(mtl_pool *pool) {
    if (pool->count == 1) return;
    const unsigned phase = atomic_load_explicit(&pool->phase, memory_order_relaxed);
    if (atomic_fetch_add(&pool->arrived, 1) + 1 == (unsigned)pool->count) {
        atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
        publish(pool, &pool->phase);
    } else {
        wait_for_change(pool, &pool->phase, phase);
    }
}

static void *serve(void *argument) {
    worker *self = argument;
    mtl_pool *pool = self->pool;
    for (unsigned seen = 0;; seen++) {
        wait_for_change(pool, &pool->started, seen);
        if (pool->stopping) return NULL;
        note_cpu(self);
        pool->work(pool->context, self->index);
        mtl_pool_barrier(pool);
    }
}

mtl_pool *mtl_pool_create(int workers) {
    mtl_pool *pool = NULL;
    if (workers < 1) return NULL;
    if (posix_memalign((void **)&pool, 128, sizeof(mtl_pool) + (size_t)workers * sizeof(worker))) return NULL;
    atomic_init(&pool->started, 0);
    atomic_init(&pool->phase, 0);
    atomic_init(&pool->arrived, 0);
    atomic_init(&pool->sleepers, 0);
    pool->count = workers;
    pool->stopping = 0;
    // With more workers than cores a spinning worker keeps the core from the one it waits for, so it yields. With
    // enough cores it must not: two workers that happen to share a core and yield to each other stay there, beside
    // an idle one; a worker that sleeps is woken on the idle core.
    const int fits = workers <= sysconf(_SC_NPROCESSORS_ONLN);
    pool->spins = fits ? 4000 : 0;
    pool->yields = fits ? 0 : 8;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    for (int index = 0; index < workers; index++) {
        pool->workers[index].pool = pool;
        pool->workers[index].index = index;
        atomic_init(&pool->workers[index].cpu, -1 - index);
    }
    for (int index = 1; index < workers; index++) {
        if (pthread_create(&pool->workers[index].thread, NULL, serve, &pool->workers[index])) {
            pool->count = index;
            mtl_pool_destroy(pool);
            return NULL;
        }
    }
    return pool;
}

void mtl_pool_destroy(mtl_pool *pool) {
    pool->stopping = 1;
    publish(pool, &pool->started);
    for (int index = 1; index < pool->count; index++) pthread_join(pool->workers[index].thread, NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

void mtl_pool_run(mtl_pool *pool, mtl_pool_work work, void *context) {
    pool->work = work;
    pool->context = context;
    if (pool->count > 1) {
        note_cpu(&pool->workers[0]);
        publish(pool, &pool->started);
    }
    work(context, 0);
    mtl_pool_barrier(pool);
}
