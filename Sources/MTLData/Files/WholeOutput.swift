internal import MTLDataKernels
package import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A text that comes whole or not at all, wherever it goes.
///
/// A file gets its name when it is whole. A pipe, a device or the standard output gets nothing until then: what is written lies
/// in a file without a name, in TMPDIR or in /tmp.
package final class WholeOutput {
    private let output: FileOutput
    /// The file without a name; -1 where the output is a file itself.
    private let spool: Int32
    private var count = 0

    /// - Parameter path: nil for the standard output.
    /// - Throws: `InputError` that names what cannot be written, or the folder of temporary files.
    package init(_ path: String?) throws(InputError) {
        if let path {
            output = try FileOutput(path)
        } else {
            output = try FileOutput(descriptor: STDOUT_FILENO, called: "standard output")
        }
        spool = output.isFile ? -1 : try UnnamedFile.open()
    }

    deinit { if spool >= 0 { close(spool) } }

    private func failure(_ found: String) -> InputError {
        InputError(
            .file, at: "\(UnnamedFile.folder), where the output lies until it is whole", found: found,
            expected: "room for it; TMPDIR names another folder")
    }

    /// Writes more of it.
    ///
    /// - Throws: `InputError`, as where a disk is full.
    package func write(_ text: String) throws(InputError) {
        let bytes = [UInt8](text.utf8)
        guard spool >= 0 else { return try output.write(bytes) }
        guard mtl_write_all(spool, bytes, bytes.count) == 0 else {
            throw failure(String(cString: strerror(errno)))
        }
        count += bytes.count
    }

    /// Hands it over; without this nothing is.
    ///
    /// - Throws: `InputError` that names where it goes, or where it cannot be read back.
    package func finish() throws(InputError) {
        if spool >= 0 { try handOver() }
        try output.finish()
    }

    private func handOver() throws(InputError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var place = 0
        while place < count {
            let more = buffer.withUnsafeMutableBytes {
                pread(spool, $0.baseAddress, min($0.count, count - place), off_t(place))
            }
            if more < 0 && errno == EINTR { continue }
            guard more > 0 else {
                throw failure(more < 0 ? String(cString: strerror(errno)) : "fewer bytes than were written")
            }
            try output.write(Array(buffer[..<more]))
            place += more
        }
    }
}
