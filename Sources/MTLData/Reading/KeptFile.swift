internal import MTLDataKernels
internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A file that is opened once, so that what is read of it again and again is of the same file, whatever gets its name meanwhile.
///
/// A pipe is read into a file without a name first, in TMPDIR or in /tmp, which goes with the last one that reads it.
final class KeptFile {
    let path: String
    private let descriptor: Int32

    /// Opens a file; reads a pipe, a socket or a terminal to its end.
    ///
    /// - Throws: `InputError` where it cannot be read, or there is no room for what comes out of a pipe.
    init(path: String) throws(InputError) {
        let source = open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw Self.failure(path, "a readable file") }
        self.path = path
        guard let status = FileStatus.of(source) else {
            let error = Self.failure(path, "a readable file")
            close(source)
            throw error
        }
        switch FileStatus.kind(status) {
        case S_IFDIR:
            close(source)
            throw InputError(.file, at: path, found: "a directory", expected: "a file")
        case S_IFIFO, S_IFSOCK: break
        case S_IFCHR where isatty(source) == 1: break
        default:
            descriptor = source
            return
        }
        defer { close(source) }
        descriptor = try UnnamedFile.open()
        do throws(InputError) { try Self.copy(source, to: descriptor, path: path) } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// Whether a path is a pipe, whose rows can be read only once.
    static func isPipe(_ path: String) -> Bool {
        FileStatus.of(path).map { [S_IFIFO, S_IFSOCK].contains(FileStatus.kind($0)) } ?? false
    }

    /// Another descriptor of the file, for a reader that closes it.
    func duplicate() throws(InputError) -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw Self.failure(path, "a descriptor to read it with") }
        return copy
    }

    private static func failure(_ place: String, _ expected: String) -> InputError {
        InputError(.file, at: place, found: String(cString: strerror(errno)), expected: expected)
    }

    private static func copy(_ source: Int32, to target: Int32, path: String) throws(InputError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, "a readable pipe") }
            if count == 0 { return }
            guard mtl_write_all(target, buffer, count) == 0 else {
                throw failure("\(path), copied to \(UnnamedFile.folder)", "room for it")
            }
        }
    }
}
