internal import MTLEngine
internal import Synchronization

/// Workers that take blocks one after the other and consume them side by side.
///
/// - Parameters:
///   - next: fills a block, false at the end; one caller at a time.
///   - consume: what is done with a block; from several workers at once.
///   - collect: sees what `consume` gave, in the order of the blocks.
/// - Throws: the error of the earliest block that has one.
func readBlocks<Result>(
    path: String, columns: [String], width: Int? = nil, readings: [CellReading], threads: Int,
    next: (RowBlock) throws(InputError) -> Bool,
    consume: (RowBlock, _ worker: Int) throws(InputError) -> Result, collect: (Result) -> Void
) throws(InputError) {
    try withoutActuallyEscaping(next) { next throws(InputError) in
        try withoutActuallyEscaping(consume) { consume throws(InputError) in
            let job = BlockJob<Result>(next: next, consume: consume) {
                RowBlock(path: path, columns: columns, width: width, readings: readings)
            }
            if threads == 1 {
                job.run(worker: 0)
            } else {
                try WorkerPool(count: threads).run { job.run(worker: $0) }
            }
            let (results, failure) = job.outcome
            for (_, result) in results.sorted(by: { $0.index < $1.index }) { collect(result) }
            job.release()
            if let failure { throw failure }
        }
    }
}

private final class BlockJob<Result>: @unchecked Sendable {
    private let newBlock: () -> RowBlock
    private var next: ((RowBlock) throws(InputError) -> Bool)?
    private var consume: ((RowBlock, Int) throws(InputError) -> Result)?
    private let lock = Mutex<Void>(())
    /// Under the lock.
    private var results: [(index: Int, result: Result)] = []
    private var failure: (index: Int, error: InputError)?
    private var taken = 0
    private var isDone = false

    init(
        next: @escaping (RowBlock) throws(InputError) -> Bool,
        consume: @escaping (RowBlock, Int) throws(InputError) -> Result, newBlock: @escaping () -> RowBlock
    ) {
        self.newBlock = newBlock
        self.next = next
        self.consume = consume
    }

    var outcome: ([(index: Int, result: Result)], InputError?) { (results, failure?.error) }

    func release() {
        next = nil
        consume = nil
    }

    private func fail(_ index: Int, _ error: InputError) {
        if index < failure?.index ?? .max { failure = (index, error) }
        isDone = true
    }

    func run(worker: Int) {
        let block = newBlock()
        while take(block) {
            do throws(InputError) {
                guard let result = try consume?(block, worker) else { return }
                lock.withLock { _ in results.append((block.index, result)) }
            } catch {
                lock.withLock { _ in fail(block.index, error) }
            }
        }
    }

    private func take(_ block: RowBlock) -> Bool {
        lock.withLock { _ in
            guard !isDone, let next else { return false }
            do throws(InputError) {
                guard try next(block) else {
                    isDone = true
                    return false
                }
                taken += 1
                return true
            } catch {
                fail(taken, error)
                return false
            }
        }
    }
}
