internal import Dispatch
package import MTLEngine
internal import Synchronization

/// Batches of a cache in random order, filled by a thread of their own ahead of the steps that use them.
package final class CacheBatches: BatchStream {
    /// As many as the thread takes to go on to the next blocks of the cache.
    private static let ahead = 16

    private let cache: RowCache
    private let batchSize: Int
    private let seed: SeededGenerator
    private let buffers: [BatchBuffer]
    private var filling: Filling?
    /// Buffers handed out since the epoch began.
    private var taken = 0

    package init(
        _ cache: RowCache, features: [EmbeddedFeature], tasks: [String], batchSize: Int, seed: UInt64
    ) throws(InputError) {
        self.cache = cache
        self.batchSize = batchSize
        self.seed = SeededGenerator(seed: seed).split(1 << 32)
        var need = MemoryNeed()
        need.add(
            "batch", "\(Self.ahead) batches of \(Wording.count(batchSize, "row")) that wait for their step",
            4 * Double(Self.ahead) * Double(batchSize) * Double(cache.layout.elementsPerRow))
        try need.check()
        var buffers: [BatchBuffer] = []
        for _ in 0..<Self.ahead {
            buffers.append(
                try BatchBuffer(cache.layout, capacity: batchSize, features: features, tasks: tasks))
        }
        self.buffers = buffers
    }

    deinit { filling?.stop() }

    package var batchCount: Int { (cache.rowCount + batchSize - 1) / batchSize }

    package func begin(epoch: Int, after batches: Int) throws(InputError) {
        taken = 0
        if let filling, filling.epoch == epoch, batches == 0, filling.isFresh { return }
        filling?.stop()
        filling = nil
        filling = try Filling(
            cache, seed: seed, epoch: epoch, buffers: buffers, rows: batchSize,
            skipping: batches * batchSize)
    }

    package func next() throws(InputError) -> BatchView<Float>? {
        guard let filling else { return nil }
        // The step is done with the batch it had.
        if taken > 0 { filling.giveBack() }
        guard try filling.take() else {
            // The next epoch's first batches are filled while this one is judged.
            filling.stop()
            self.filling = nil
            // Where it cannot begin, the next epoch's own beginning says so.
            self.filling = try? Filling(
                cache, seed: seed, epoch: filling.epoch + 1, buffers: buffers, rows: batchSize, skipping: 0)
            return nil
        }
        taken += 1
        return buffers[(taken - 1) % buffers.count].batch
    }

    /// One epoch's filling of the buffers, on its thread.
    private final class Filling: @unchecked Sendable {
        private let free: DispatchSemaphore
        private let ready = DispatchSemaphore(value: 0)
        private var thread: BackgroundThread?
        private let isStopped = Atomic<Bool>(false)
        private var rows: ShuffledRows
        private let buffers: [BatchBuffer]
        private let batchRows: Int
        private let skipping: Int
        private var filled = 0
        /// Read only once `end` is known.
        private var failure: InputError?
        /// How many batches there were to fill; -1 while the thread does not know, which runs ahead of the step that takes them.
        private let end = Atomic<Int>(-1)

        let epoch: Int

        init(
            _ cache: RowCache, seed: SeededGenerator, epoch: Int, buffers: [BatchBuffer], rows batchRows: Int,
            skipping: Int
        ) throws(InputError) {
            self.epoch = epoch
            rows = ShuffledRows(cache, seed: seed, epoch: epoch)
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
                try rows.skip(skipping)
                while !isStopped.load(ordering: .relaxed) {
                    free.wait()
                    if isStopped.load(ordering: .relaxed) { break }
                    guard try rows.fill(buffers[filled % buffers.count], rows: batchRows) else { break }
                    filled += 1
                    ready.signal()
                }
            } catch {
                failure = error
            }
            end.store(filled, ordering: .releasing)
            ready.signal()
        }

        func giveBack() { free.signal() }

        private var takenCount = 0
        /// Whether no batch was taken.
        var isFresh: Bool { takenCount == 0 }

        /// Waits for the next buffer; false at the end.
        func take() throws(InputError) -> Bool {
            ready.wait()
            if end.load(ordering: .acquiring) == takenCount {
                // A second call gets the same answer.
                ready.signal()
                if let failure { throw failure }
                return false
            }
            takenCount += 1
            return true
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
