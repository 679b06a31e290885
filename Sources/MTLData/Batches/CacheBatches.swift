internal import Dispatch
package import MTLEngine
internal import Synchronization

/// Batches of a cache's rows in random order, pass after pass, filled by a thread of their own ahead of the steps that use
/// them.
package final class CacheBatches: BatchStream {
    /// As many as the thread takes to go on to the next blocks of the cache.
    private static let ahead = 16

    private let cache: RowCache
    private let blocks: [Int]
    private let rowCount: Int
    private let batchSize: Int
    private let seed: SeededGenerator
    private let buffers: [BatchBuffer]
    private var filling: Filling?
    /// Buffers handed out since the filling began, and the batches before them.
    private var taken = 0
    private var begun = 0

    /// - Parameters:
    ///   - sources: those whose rows are taken; nil for all.
    ///   - stream: the number of the stream, where training takes several.
    package init(
        _ cache: RowCache, features: [EmbeddedFeature], tasks: [String], teachers: [String?] = [],
        sources: [Int]? = nil,
        batchSize: Int,
        seed: UInt64, stream: Int = 0
    ) throws(InputError) {
        self.cache = cache
        blocks = sources.map { $0.flatMap { cache.sources[$0] } } ?? Array(cache.blocks.indices)
        rowCount = blocks.reduce(0) { $0 + cache.blocks[$1].rows }
        guard rowCount > 0 else {
            throw InputError(.empty, at: cache.path, found: "no row to learn from", expected: "at least one")
        }
        self.batchSize = batchSize
        self.seed = .rows(of: stream, seed: seed)
        var need = MemoryNeed()
        need.add(
            "batch", "\(Self.ahead) batches of \(Wording.count(batchSize, "row")) that wait for their step",
            4 * Double(Self.ahead) * Double(batchSize) * Double(cache.layout.elementsPerRow))
        try need.check()
        var buffers: [BatchBuffer] = []
        for _ in 0..<Self.ahead {
            buffers.append(
                try BatchBuffer(
                    cache.layout, capacity: batchSize, features: features, tasks: tasks, teachers: teachers))
        }
        self.buffers = buffers
    }

    deinit { filling?.stop() }

    package var batchCount: Int { (rowCount + batchSize - 1) / batchSize }

    package func begin(after batches: Int) throws(InputError) {
        if filling != nil, batches == begun + taken { return }
        filling?.stop()
        filling = nil
        (begun, taken) = (batches, 0)
        let (passes, used) = batches.quotientAndRemainder(dividingBy: batchCount)
        filling = try Filling(
            cache, blocks, seed: seed, pass: passes + 1, buffers: buffers, rows: batchSize,
            skipping: used * batchSize)
    }

    package func next() throws(InputError) -> BatchView<Float> {
        if filling == nil { try begin(after: 0) }
        guard let filling else { preconditionFailure("no filling has begun") }
        // The step is done with the batch it had.
        if taken > 0 { filling.giveBack() }
        try filling.take()
        taken += 1
        return buffers[(taken - 1) % buffers.count].batch
    }

    package func rowNumbers(ofBatch batch: Int) throws(InputError) -> [Int] {
        let (passes, used) = batch.quotientAndRemainder(dividingBy: batchCount)
        var rows = ShuffledRows(cache, blocks, seed: seed, pass: passes + 1)
        try rows.skip(used * batchSize)
        return try rows.numbers(batchSize)
    }

    /// The filling of the buffers from one place on, on its thread.
    private final class Filling: @unchecked Sendable {
        private let free: DispatchSemaphore
        private let ready = DispatchSemaphore(value: 0)
        private var thread: BackgroundThread?
        private let isStopped = Atomic<Bool>(false)
        private let cache: RowCache
        private let blocks: [Int]
        private let seed: SeededGenerator
        private var pass: Int
        private let buffers: [BatchBuffer]
        private let batchRows: Int
        private let skipping: Int
        private var filled = 0
        /// Read only once `end` is known.
        private var failure: InputError?
        /// How many batches were filled before something went wrong; -1 while nothing has.
        private let end = Atomic<Int>(-1)

        init(
            _ cache: RowCache, _ blocks: [Int], seed: SeededGenerator, pass: Int, buffers: [BatchBuffer],
            rows batchRows: Int, skipping: Int
        ) throws(InputError) {
            (self.cache, self.blocks, self.seed, self.pass) = (cache, blocks, seed, pass)
            self.buffers = buffers
            self.batchRows = batchRows
            self.skipping = skipping
            // A semaphore must not end below the value it began with.
            free = DispatchSemaphore(value: 0)
            for _ in buffers { free.signal() }
            thread = try BackgroundThread("mtl batches") { [self] in run() }
        }

        private func run() {
            do throws(InputError) {
                var rows = ShuffledRows(cache, blocks, seed: seed, pass: pass)
                try rows.skip(skipping)
                while !isStopped.load(ordering: .relaxed) {
                    free.wait()
                    if isStopped.load(ordering: .relaxed) { break }
                    let buffer = buffers[filled % buffers.count]
                    // Every pass has a row at least.
                    while try !rows.fill(buffer, rows: batchRows) {
                        pass += 1
                        rows.begin(pass: pass)
                    }
                    filled += 1
                    ready.signal()
                }
            } catch {
                failure = error
                end.store(filled, ordering: .releasing)
                ready.signal()
            }
        }

        func giveBack() { free.signal() }

        private var takenCount = 0

        /// Waits for the next buffer.
        func take() throws(InputError) {
            ready.wait()
            if end.load(ordering: .acquiring) == takenCount, let failure {
                // A second call gets the same answer.
                ready.signal()
                throw failure
            }
            takenCount += 1
        }

        func stop() {
            isStopped.store(true, ordering: .relaxed)
            free.signal()
            thread?.join()
        }
    }
}

extension CacheLayout {
    /// Numbers and ids that a row takes at most in a buffer.
    fileprivate var elementsPerRow: Int {
        denseNames.count + singles.count + labels.count * (weightCount > 0 ? 2 : 1)
            + (scenarioCount > 0 ? 1 : 0)
            + bags.reduce(0) { $0 + 1 + $1.maximumCount * ($1.isWeighted ? 2 : 1) }
    }
}
