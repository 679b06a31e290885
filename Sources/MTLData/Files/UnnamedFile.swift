internal import MTLDataKernels
internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Files without a name, for what memory may not hold: they go with their descriptors, however the process ends.
enum UnnamedFile {
    /// TMPDIR, or /tmp.
    static var folder: String {
        let named = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        return named.isEmpty ? "/tmp" : named
    }

    /// A new one, to be read and written by its owner alone.
    ///
    /// - Returns: its descriptor, which the caller closes.
    /// - Throws: `InputError` that names the folder.
    static func open() throws(InputError) -> Int32 {
        let folder = folder
        let unnamed = mtl_open_unnamed(folder, 0o600)
        if unnamed >= 0 { return unnamed }
        var template = "\(folder)/mtl-XXXXXX".utf8CString
        let descriptor = template.withUnsafeMutableBufferPointer { name in
            name.baseAddress.map { mkstemp($0) } ?? -1
        }
        guard descriptor >= 0 else {
            throw InputError(
                .file, at: folder, found: String(cString: strerror(errno)),
                expected: "a folder for temporary files; TMPDIR names another one")
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        template.withUnsafeBufferPointer { if let name = $0.baseAddress { _ = unlink(name) } }
        return descriptor
    }
}
