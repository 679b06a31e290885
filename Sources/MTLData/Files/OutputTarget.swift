internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What stands at the path of an output, its links followed. Only a file may be replaced by another one.
enum OutputTarget {
    /// A file, or the place for one; `replaced` is what is there.
    case file(path: String, replaced: stat?)
    /// One that this process has open, as /dev/stdout.
    case descriptor(Int32)
    /// A pipe or a device, which is written through.
    case stream(path: String)

    init(_ path: String) throws(InputError) {
        func refuse(_ found: String) -> InputError {
            InputError(.file, at: path, found: found, expected: "a file that can be written")
        }
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw refuse(path.isEmpty ? "no name" : "a name with a NUL character")
        }
        var current = path
        for _ in 0..<40 {
            if let number = Self.openDescriptor(current) {
                guard fcntl(number, F_GETFL) >= 0 else { throw refuse("a descriptor that is not open") }
                self = .descriptor(number)
                return
            }
            guard let status = FileStatus.ofLink(current) else {
                guard errno == ENOENT else { throw refuse(String(cString: strerror(errno))) }
                self = .file(path: current, replaced: nil)
                return
            }
            switch FileStatus.kind(status) {
            case S_IFLNK:
                guard let target = Self.link(current) else { throw refuse("a link that leads nowhere") }
                current = target.hasPrefix("/") ? target : "\(current.folderOfPath)/\(target)"
            case S_IFREG:
                // Renaming would pass over what the file's own permissions say.
                guard access(current, W_OK) == 0 else { throw refuse(String(cString: strerror(errno))) }
                self = .file(path: current, replaced: status)
                return
            case S_IFDIR: throw refuse("a directory")
            case S_IFBLK: throw refuse("a disk")
            default:
                guard access(current, W_OK) == 0 else { throw refuse(String(cString: strerror(errno))) }
                self = .stream(path: current)
                return
            }
        }
        throw refuse("links that lead in a circle")
    }

    private static func link(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 1 << 12)
        let count = buffer.withUnsafeMutableBytes { raw in
            raw.bindMemory(to: CChar.self).baseAddress.map { readlink(path, $0, raw.count) } ?? -1
        }
        return count > 0 && count < buffer.count ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }

    /// The number of /dev/fd/3 and the like: opening it anew would forget where the descriptor is.
    private static func openDescriptor(_ path: String) -> Int32? {
        guard let number = Int32(path.lastOfPath), number >= 0,
            let resolved = realpath(path.folderOfPath, nil)
        else { return nil }
        defer { free(resolved) }
        let folder = String(cString: resolved)
        let isOwn =
            folder == "/dev/fd"
            || (folder.hasPrefix("/proc/\(getpid())/") && folder.hasSuffix("/fd"))
        return isOwn ? number : nil
    }
}
