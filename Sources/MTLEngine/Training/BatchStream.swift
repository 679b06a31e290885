/// Batches without end: pass after pass over the same rows, each in an order of its own.
package protocol BatchStream<Scalar>: AnyObject {
    associatedtype Scalar: BLASScalar
    /// The batches of a pass.
    var batchCount: Int { get }
    /// Goes to where `batches` of them have been taken, counted from the beginning of the first pass.
    func begin(after batches: Int) throws(InputError)
    /// The next batch; its memory is good until the next call.
    func next() throws(InputError) -> BatchView<Scalar>
    /// The numbers of a batch's rows, counted from 0 among all that the stream's source has.
    ///
    /// - Parameter batch: counted from 0 at the beginning of the first pass.
    func rowNumbers(ofBatch batch: Int) throws(InputError) -> [Int]
}

/// A dataset's rows in random order.
final class ShuffledBatches<Scalar: BLASScalar>: BatchStream {
    private let source: BatchSource<Scalar>
    private let batchSize: Int
    private let seed: SeededGenerator
    private let keepsGroups: Bool
    private let order: AlignedStorage<Int32>
    /// The pass whose order is there, counted from 1; 0 before the first.
    private var pass = 0
    private var position = 0

    /// - Parameter keepsGroups: whether rows of a group stay neighbours; where a batch is full before the group is at its end, the
    ///   rest begins the next one.
    init(
        _ source: BatchSource<Scalar>, batchSize: Int, seed: SeededGenerator, keepsGroups: Bool = false
    ) throws(InputError) {
        guard source.dataset.rowCount <= Int(Int32.max) else {
            throw InputError(
                .shape, at: "training rows", found: "\(source.dataset.rowCount)",
                expected: "at most \(Int32.max)")
        }
        self.source = source
        self.batchSize = batchSize
        self.seed = seed
        self.keepsGroups = keepsGroups
        order = AlignedStorage(zeroed: source.dataset.rowCount)
    }

    var batchCount: Int { (order.count + batchSize - 1) / batchSize }

    func begin(after batches: Int) {
        let (passes, used) = batches.quotientAndRemainder(dividingBy: batchCount)
        // The end of a pass is the beginning of the next one.
        if pass == passes, position == order.count, used == 0 { return }
        if pass != passes + 1 { shuffle(passes + 1) }
        position = used * batchSize
    }

    func next() -> BatchView<Scalar> {
        if position == order.count { shuffle(pass + 1) }
        let rows = min(batchSize, order.count - position)
        defer { position += rows }
        return source.batch(UnsafePointer(order.base), start: position, rows: rows)
    }

    func rowNumbers(ofBatch batch: Int) -> [Int] {
        begin(after: batch)
        let view = next()
        return (0..<view.rows).map(view.sourceRow)
    }

    /// The order depends on the pass alone, so that a run can go on in any of them.
    private func shuffle(_ pass: Int) {
        for row in 0..<order.count { order.base[row] = Int32(row) }
        var generator = seed.split(UInt64(pass))
        generator.shuffle(order.buffer)
        if keepsGroups, let groups = source.dataset.groups {
            order.buffer.gatherGroups { groups.base[Int($0)] }
        }
        (self.pass, position) = (pass, 0)
    }
}

extension UnsafeMutableBufferPointer where Element: BitwiseCopyable {
    /// Brings the elements of a group together, where the first of them is; a negative number is no group.
    package func gatherGroups(_ group: (Element) -> Int32) {
        var slots: [Int32: Int] = [:]
        var slotOf: [Int] = []
        var counts: [Int] = []
        slotOf.reserveCapacity(count)
        for element in self {
            let own = group(element)
            let slot = own < 0 ? counts.count : slots[own] ?? counts.count
            if slot == counts.count {
                counts.append(0)
                if own >= 0 { slots[own] = slot }
            }
            counts[slot] += 1
            slotOf.append(slot)
        }
        var next = 0
        for slot in counts.indices { (counts[slot], next) = (next, next + counts[slot]) }
        let elements = Array(self)
        for (element, slot) in zip(elements, slotOf) {
            self[counts[slot]] = element
            counts[slot] += 1
        }
    }
}

extension SeededGenerator {
    /// What the order of a stream's rows is drawn from, split off a trainer's seed; streams are counted from 0.
    package static func rows(of stream: Int, seed: UInt64) -> SeededGenerator {
        SeededGenerator(seed: seed).split((1 << 32) + UInt64(stream))
    }
}
