#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// One block of zeroed memory, aligned to 64 bytes, with a tail of spare elements behind it.
///
/// The tail lets a kernel load a whole vector at the end of a row; what it reads there is never stored.
/// Datasets, parameters, gradients, moments and workspaces are each one such block.
package final class AlignedStorage<Scalar: BitwiseCopyable>: @unchecked Sendable {
    /// Elements behind `count` that may be read (and are never part of a result).
    package static var slack: Int { 64 }

    package let base: UnsafeMutablePointer<Scalar>
    package let count: Int

    package init(zeroed count: Int) {
        precondition(count >= 0, "a count cannot be negative: \(count)")
        let total = count + Self.slack
        byteCount = total * MemoryLayout<Scalar>.stride
        if byteCount >= Self.mappedBytes {
            // Pages of zeros that cost nothing until they are written: a table's rows that no batch touches.
            let raw = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
            // What a file or an option asks for was checked by `MemoryNeed`; without memory for the rest nothing can go on.
            guard let raw, raw != MAP_FAILED else { fatalError("no memory for \(byteCount) bytes") }
            #if os(Linux)
                // Tables are read and written at random: with large pages, most of that finds its page at once.
                madvise(raw, byteCount, Int32(MADV_HUGEPAGE))
            #endif
            base = raw.bindMemory(to: Scalar.self, capacity: total)
        } else {
            let raw = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
            memset(raw, 0, byteCount)
            base = raw.bindMemory(to: Scalar.self, capacity: total)
        }
        self.count = count
    }

    package convenience init(copying values: [Scalar]) {
        self.init(zeroed: values.count)
        write(values)
    }

    /// Writes values from the beginning on, as one block: a loop over a sequence, unspecialised, takes seconds for a large table.
    package func write(_ values: [Scalar]) {
        precondition(values.count <= count, "\(values.count) values into \(count)")
        values.withUnsafeBufferPointer { _ = buffer.update(from: $0) }
    }

    deinit {
        if byteCount >= Self.mappedBytes {
            munmap(base, byteCount)
        } else {
            UnsafeMutableRawPointer(base).deallocate()
        }
    }

    private let byteCount: Int
    private static var mappedBytes: Int { 1 << 20 }

    package var buffer: UnsafeMutableBufferPointer<Scalar> { .init(start: base, count: count) }
}
