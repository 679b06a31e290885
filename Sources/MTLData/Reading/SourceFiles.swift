internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The files that a source of rows is read from, and what tells whether they are still the same.
enum SourceFiles {
    /// A table's own path; a database's, and those of what its writers have not brought into it yet.
    static func paths(of source: String) -> [String] {
        guard let path = path(of: source) else { return [] }
        guard source.hasPrefix(SQLiteSource.scheme) else { return [path] }
        return [path] + ["-wal", "-journal", "-shm"].map { path + $0 }
    }

    /// The file itself; nil where a text names none.
    static func path(of source: String) -> String? {
        source.hasPrefix(SQLiteSource.scheme) ? SQLiteSource.path(of: source) : source
    }

    /// Whether a path leads to a file, not to a pipe, a device or a folder.
    static func isFile(_ path: String) -> Bool { FileStatus.of(path).map(FileStatus.isRegular) ?? false }

    /// A text that is another one after any change: of each file the device, inode, size, times to the nanosecond, and a digest
    /// of its content, of samples where it is large.
    static func stamp(_ source: String) throws(InputError) -> String {
        var text = ""
        let isDatabase = source.hasPrefix(SQLiteSource.scheme)
        for (index, path) in paths(of: source).enumerated() {
            if isDatabase, index == 0 {
                text += try stamp(database: path) + "\n"
                continue
            }
            // SQLite makes the index of its log anew from the log, and does so in reading.
            guard index == 0 || !path.hasSuffix("-shm") else { continue }
            text += try stamp(file: path, isAside: index > 0) + "\n"
        }
        return text
    }

    /// A database by what the system says of it alone: to open and close it would take the locks of whoever else has it open in
    /// this process.
    private static func stamp(database path: String) throws(InputError) -> String {
        guard var status = FileStatus.of(path) else {
            throw InputError(
                .file, at: path, found: String(cString: strerror(errno)),
                expected: "a readable SQLite database")
        }
        settle(&status) { FileStatus.of(path) }
        return FileStamp(status).text
    }

    /// - Parameter isAside: a database's log, which need not be there; without content it says nothing.
    private static func stamp(file path: String, isAside: Bool) throws(InputError) -> String {
        func failure() -> InputError {
            InputError(.file, at: path, found: String(cString: strerror(errno)), expected: "a readable file")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            guard isAside, errno == ENOENT else { throw failure() }
            return ""
        }
        defer { close(descriptor) }
        guard var status = FileStatus.of(descriptor) else { throw failure() }
        // A device has no content that stays.
        guard FileStatus.isRegular(status) else { return "no file" }
        if isAside, status.st_size == 0 { return "" }
        settle(&status) { FileStatus.of(descriptor) }
        var stamp = FileStamp(status)
        // As root, SQLite gives a log its owner again in reading.
        if isAside { stamp.change = nil }
        guard let digest = FileStamp.digest(descriptor, size: stamp.size) else { throw failure() }
        stamp.digest = digest
        return stamp.text
    }

    /// Waits until a change from now on gets another time than the last one: the clock of a file system goes in steps of up to
    /// 10 ms, or of a second or two where it has no parts of one.
    private static func settle(_ status: inout stat, _ look: () -> stat?) {
        for _ in 0..<250 {
            let changed = FileStatus.times(status).any
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            let age = Double(now.tv_sec - changed.tv_sec) + Double(now.tv_nsec - changed.tv_nsec) * 1e-9
            let step = changed.tv_nsec == 0 ? 2.0 : 0.02
            // A time in the future is another clock's, which no waiting here reaches.
            guard age >= 0, age < step else { return }
            usleep(10_000)
            guard let again = look() else { return }
            status = again
        }
    }
}
