/// Batches of an epoch, one after the other.
package protocol BatchStream<Scalar>: AnyObject {
    associatedtype Scalar: BLASScalar
    /// About how many batches an epoch has.
    var batchCount: Int { get }
    /// Begins an epoch, counted from 1, with the batches that follow the first `batches` of them.
    func begin(epoch: Int, after batches: Int) throws(InputError)
    /// The next batch, nil at the end; its memory is good until the next call.
    func next() throws(InputError) -> BatchView<Scalar>?
}

/// A dataset's rows in random order.
final class ShuffledBatches<Scalar: BLASScalar>: BatchStream {
    private let source: BatchSource<Scalar>
    private let batchSize: Int
    private let seed: SeededGenerator
    private let order: AlignedStorage<Int32>
    private var position = 0

    init(_ source: BatchSource<Scalar>, batchSize: Int, seed: SeededGenerator) throws(InputError) {
        guard source.dataset.rowCount <= Int(Int32.max) else {
            throw InputError(
                .shape, at: "training rows", found: "\(source.dataset.rowCount)",
                expected: "at most \(Int32.max)")
        }
        self.source = source
        self.batchSize = batchSize
        self.seed = seed
        order = AlignedStorage(zeroed: source.dataset.rowCount)
    }

    var batchCount: Int { (source.dataset.rowCount + batchSize - 1) / batchSize }

    func begin(epoch: Int, after batches: Int) {
        // The order depends on the epoch alone, so that a run can go on in any of them.
        for row in 0..<order.count { order.base[row] = Int32(row) }
        var generator = seed.split(UInt64(epoch))
        generator.shuffle(order.buffer)
        position = min(batches * batchSize, order.count)
    }

    func next() -> BatchView<Scalar>? {
        let rows = min(batchSize, source.dataset.rowCount - position)
        guard rows > 0 else { return nil }
        defer { position += rows }
        return source.batch(UnsafePointer(order.base), start: position, rows: rows)
    }
}
