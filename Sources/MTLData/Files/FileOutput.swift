package import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A file that is written under a temporary name, and gets its own when it is whole and on the disk.
final class FileOutput {
    private let path: String
    private let partial: String
    private var descriptor: Int32
    private(set) var position = 0

    init(_ path: String) throws(InputError) {
        self.path = path
        partial = "\(path).partial-\(getpid())"
        descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0 else { throw failure() }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(partial)
        }
    }

    private func failure() -> InputError {
        InputError(
            .file, at: path, found: String(cString: strerror(errno)), expected: "a file that can be written")
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(InputError) {
        try write(bytes, at: position)
        position += bytes.count
    }

    func write(_ bytes: [UInt8]) throws(InputError) {
        var failure: InputError?
        bytes.withUnsafeBytes { raw in
            do throws(InputError) { try write(raw) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Writes at a place, which the position does not follow.
    func write(_ bytes: UnsafeRawBufferPointer, at place: Int) throws(InputError) {
        var written = 0
        while written < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written,
                off_t(place + written))
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw failure()
            }
            written += count
        }
    }

    /// Zeros up to a multiple of 64.
    func align() throws(InputError) {
        try write([UInt8](repeating: 0, count: (64 - position % 64) % 64))
    }

    /// Brings the file to the disk and under its name.
    func finish() throws(InputError) {
        guard fsync(descriptor) == 0 else { throw failure() }
        let status = close(descriptor)
        descriptor = -1
        guard status == 0, rename(partial, path) == 0 else {
            let error = failure()
            unlink(partial)
            throw error
        }
    }
}

/// A text file that is written under a temporary name, and gets its own when it is whole and on the disk.
package final class TextOutput {
    private let file: FileOutput

    /// Begins a file.
    ///
    /// - Throws: `InputError` that names it where it cannot be written.
    package init(_ path: String) throws(InputError) { file = try FileOutput(path) }

    /// Writes a whole file.
    ///
    /// - Throws: `InputError` that names it.
    package static func write(_ text: String, to path: String) throws(InputError) {
        let output = try TextOutput(path)
        try output.write(text)
        try output.finish()
    }

    /// Writes more of it.
    ///
    /// - Throws: `InputError` that names the file, as where the disk is full.
    package func write(_ text: String) throws(InputError) { try write([UInt8](text.utf8)) }

    package func write(_ bytes: [UInt8]) throws(InputError) { try file.write(bytes) }

    /// Brings it to the disk and under its name; without this nothing is left behind.
    ///
    /// - Throws: `InputError` that names the file.
    package func finish() throws(InputError) { try file.finish() }
}
