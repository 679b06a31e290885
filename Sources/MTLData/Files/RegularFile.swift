internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A file of a disk, open to be read at any place: no pipe, which would wait for a writer, no device and no folder.
final class RegularFile: Sendable {
    let path: String
    /// Its bytes when it was opened.
    let count: Int
    private let descriptor: Int32
    private let expected: String

    /// - Parameter expected: what it should be, for messages, as "a model file".
    /// - Throws: `InputError` that names the path.
    init(_ path: String, expected: String) throws(InputError) {
        self.path = path
        self.expected = expected
        let opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0, let status = FileStatus.of(opened) else {
            let reason = String(cString: strerror(errno))
            if opened >= 0 { close(opened) }
            throw InputError(.file, at: path, found: reason, expected: expected)
        }
        guard FileStatus.isRegular(status) else {
            close(opened)
            throw InputError(
                .file, at: path,
                found: FileStatus.kind(status) == S_IFDIR ? "a directory" : "a pipe or a device",
                expected: expected)
        }
        descriptor = opened
        count = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Fills `target` with the bytes from a place on.
    ///
    /// - Throws: `InputError` where they cannot be read, or are not there any more.
    func read(at place: Int, into target: UnsafeMutableRawBufferPointer) throws(InputError) {
        var filled = 0
        while filled < target.count {
            let more = pread(
                descriptor, target.baseAddress?.advanced(by: filled), target.count - filled,
                off_t(place + filled))
            if more < 0 && errno == EINTR { continue }
            guard more > 0 else {
                throw InputError(
                    .file, at: path,
                    found: more < 0 ? String(cString: strerror(errno)) : "fewer bytes than a moment ago",
                    expected: expected)
            }
            filled += more
        }
    }

    /// Tells the system that bytes will be read soon.
    func announce(at place: Int, count: Int) {
        #if os(Linux)
            posix_fadvise(descriptor, off_t(place), off_t(count), POSIX_FADV_WILLNEED)
        #endif
    }
}
