internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The bytes of a cache, which are copied wherever they are used: of a file that is mapped, another process could take them
/// away, or change them after a check.
final class CacheBytes: Sendable {
    let count: Int
    private let descriptor: Int32
    nonisolated(unsafe) private let memory: UnsafeRawPointer?

    /// A file.
    init(path: String) throws(InputError) {
        func failure() -> InputError {
            InputError(.file, at: path, found: String(cString: strerror(errno)), expected: "a cache of rows")
        }
        // A pipe would wait for a writer.
        let opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0 else { throw failure() }
        guard let status = FileStatus.of(opened), FileStatus.isRegular(status) else {
            let isFolder = FileStatus.of(opened).map { FileStatus.kind($0) == S_IFDIR } ?? false
            close(opened)
            throw InputError(
                .file, at: path, found: isFolder ? "a directory" : "a pipe or a device",
                expected: "a cache of rows")
        }
        descriptor = opened
        count = Int(status.st_size)
        memory = nil
    }

    /// Memory that outlives it.
    init(_ bytes: UnsafeRawBufferPointer) {
        descriptor = -1
        count = bytes.count
        memory = bytes.baseAddress
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Fills `target` from a place on; false where there are fewer bytes than that, or they cannot be read.
    func read(at place: Int, into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard place >= 0, target.count <= count, place <= count - target.count else { return false }
        if let memory {
            target.copyMemory(from: UnsafeRawBufferPointer(start: memory + place, count: target.count))
            return true
        }
        var filled = 0
        while filled < target.count {
            let more = pread(
                descriptor, target.baseAddress?.advanced(by: filled), target.count - filled,
                off_t(place + filled))
            if more < 0 && errno == EINTR { continue }
            guard more > 0 else { return false }
            filled += more
        }
        return true
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
    func announce(at place: Int, count: Int) {
        #if os(Linux)
            if descriptor >= 0 { posix_fadvise(descriptor, off_t(place), off_t(count), POSIX_FADV_WILLNEED) }
        #endif
    }
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
