internal import MTLEngine

/// The bytes of a cache, which are copied wherever they are used: of a file that is mapped, another process could take them
/// away, or change them after a check.
final class CacheBytes: Sendable {
    let count: Int
    private let file: RegularFile?
    nonisolated(unsafe) private let memory: UnsafeRawPointer?

    /// A file.
    init(path: String) throws(InputError) {
        let file = try RegularFile(path, expected: "a cache of rows")
        self.file = file
        count = file.count
        memory = nil
    }

    /// Memory that outlives it.
    init(_ bytes: UnsafeRawBufferPointer) {
        file = nil
        count = bytes.count
        memory = bytes.baseAddress
    }

    /// Fills `target` from a place on; false where there are fewer bytes than that, or they cannot be read.
    func read(at place: Int, into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard place >= 0, target.count <= count, place <= count - target.count else { return false }
        if let memory {
            target.copyMemory(from: UnsafeRawBufferPointer(start: memory + place, count: target.count))
            return true
        }
        return file.map { (try? $0.read(at: place, into: target)) != nil } ?? (target.count == 0)
    }

    /// Some bytes; nil where they are not there.
    func bytes(at place: Int, count: Int) -> [UInt8]? {
        guard count >= 0, place >= 0, count <= self.count, place <= self.count - count else { return nil }
        var isRead = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            isRead = read(at: place, into: UnsafeMutableRawBufferPointer(buffer))
            used = isRead ? count : 0
        }
        return isRead ? bytes : nil
    }

    /// Tells the system that bytes will be read soon.
    func announce(at place: Int, count: Int) { file?.announce(at: place, count: count) }
}

/// Memory that a block of a cache is read into, for one block after the other.
package final class BlockMemory {
    private var storage = AlignedStorage<UInt8>(zeroed: 0)

    package init() {}

    /// Memory on a multiple of 64.
    func room(_ count: Int) -> UnsafeMutableRawBufferPointer {
        if storage.count < count { storage = AlignedStorage(zeroed: count) }
        return UnsafeMutableRawBufferPointer(start: storage.base, count: count)
    }
}
