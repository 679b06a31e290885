#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Which file it is, whatever it is called: links of both sorts lead to the same one.
struct FileIdentity: Hashable {
    private let device: UInt64
    private let number: UInt64

    init(_ status: stat) {
        device = UInt64(truncatingIfNeeded: status.st_dev)
        number = UInt64(truncatingIfNeeded: status.st_ino)
    }

    /// Nil where there is none.
    init?(path: String) {
        guard let status = FileStatus.of(path) else { return nil }
        self.init(status)
    }

    init?(descriptor: Int32) {
        guard let status = FileStatus.of(descriptor) else { return nil }
        self.init(status)
    }
}

/// What the system says of a file.
enum FileStatus {
    /// Of what a path leads to.
    static func of(_ path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }

    /// Of the link itself, where it is one.
    static func ofLink(_ path: String) -> stat? {
        var status = stat()
        return lstat(path, &status) == 0 ? status : nil
    }

    static func of(_ descriptor: Int32) -> stat? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status : nil
    }

    /// Times to the nanosecond: of the content, and of anything at all.
    static func times(_ status: stat) -> (content: timespec, any: timespec) {
        #if canImport(Darwin)
            (status.st_mtimespec, status.st_ctimespec)
        #else
            (status.st_mtim, status.st_ctim)
        #endif
    }

    static func kind(_ status: stat) -> mode_t { status.st_mode & S_IFMT }

    static func isRegular(_ status: stat) -> Bool { kind(status) == S_IFREG }
}

extension String {
    /// The folder of a path, as a path.
    var folderOfPath: String {
        guard let slash = utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == startIndex ? "/" : String(self[..<slash])
    }

    /// The last part of a path.
    var lastOfPath: String {
        guard let slash = utf8.lastIndex(of: UInt8(ascii: "/")) else { return self }
        return String(self[utf8.index(after: slash)...])
    }
}
