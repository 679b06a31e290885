/// One block of zeroed memory, aligned to 64 bytes, with a tail of spare elements behind it.
///
/// The tail lets a kernel load a whole vector at the end of a row; what it reads there is never stored.
/// Datasets, parameters, gradients, moments and workspaces are each one such block.
package final class AlignedStorage<Scalar: BLASScalar>: @unchecked Sendable {
    /// Elements behind `count` that may be read (and are never part of a result).
    package static var slack: Int { 64 }

    package let base: UnsafeMutablePointer<Scalar>
    package let count: Int

    package init(zeroed count: Int) {
        precondition(count >= 0, "a count cannot be negative: \(count)")
        let total = count + Self.slack
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: total * MemoryLayout<Scalar>.stride, alignment: 64)
        base = raw.bindMemory(to: Scalar.self, capacity: total)
        base.initialize(repeating: 0, count: total)
        self.count = count
    }

    deinit { UnsafeMutableRawPointer(base).deallocate() }

    package var buffer: UnsafeMutableBufferPointer<Scalar> { .init(start: base, count: count) }
}
