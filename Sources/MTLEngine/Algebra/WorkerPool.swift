internal import MTLKernels

/// What a pool runs: one call per worker, all at the same time.
package class WorkerJob {
    package init() {}
    package func run(worker: Int) { preconditionFailure("a job says what it runs") }
}

/// A persistent pool of threads that run one job together; the caller is worker 0.
package final class WorkerPool: @unchecked Sendable {
    package let count: Int
    private let pool: OpaquePointer

    /// A pool of `count` workers.
    package init(count: Int) throws(InputError) {
        guard count >= 1, count <= 1024, let pool = mtl_pool_create(Int32(count)) else {
            throw InputError(
                .value, at: "threads", found: "\(count)", expected: "1 or more that this machine can start")
        }
        self.count = count
        self.pool = pool
    }

    deinit { mtl_pool_destroy(pool) }

    /// Runs the job on every worker; returns when all are done.
    package func run(_ job: WorkerJob) {
        mtl_pool_run(
            pool,
            { context, worker in
                guard let context else { return }
                Unmanaged<WorkerJob>.fromOpaque(context)._withUnsafeGuaranteedRef {
                    $0.run(worker: Int(worker))
                }
            }, Unmanaged.passUnretained(job).toOpaque())
    }

    /// Runs a closure on every worker; returns when all are done.
    package func run(_ body: @escaping (_ worker: Int) -> Void) { run(ClosureJob(body)) }

    /// A handle that workers wait with; copying it counts no references.
    package var barrier: Barrier { Barrier(pool: pool) }

    /// Waits, inside a job, until every worker has come here.
    package struct Barrier: @unchecked Sendable {
        fileprivate let pool: OpaquePointer
        package func wait() { mtl_pool_barrier(pool) }
    }
}

private final class ClosureJob: WorkerJob {
    private let body: (Int) -> Void

    init(_ body: @escaping (Int) -> Void) {
        self.body = body
        super.init()
    }

    override func run(worker: Int) { body(worker) }
}
