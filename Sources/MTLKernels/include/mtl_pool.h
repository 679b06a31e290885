#ifndef MTL_POOL_H
#define MTL_POOL_H

// A persistent pool of workers for steps of microseconds. The caller is worker 0. Waiting spins for a few
// microseconds, then sleeps: an idle pool burns no core. No lock is taken while nobody sleeps.

typedef struct mtl_pool mtl_pool;
typedef void (*mtl_pool_work)(void *context, int worker);

// NULL when a thread cannot be started. `workers` counts the caller.
mtl_pool *mtl_pool_create(int workers);
void mtl_pool_destroy(mtl_pool *pool);

// Runs work(context, 0 … workers-1) and returns when all are done. One run at a time.
void mtl_pool_run(mtl_pool *pool, mtl_pool_work work, void *context);

// Inside `work`: waits until every worker has arrived; what was written before is seen after.
void mtl_pool_barrier(mtl_pool *pool);

#endif
