internal import Foundation
internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A folder that is this tool's own, as a file in it says, and this run's alone as long as the lock is held: other runs, in
/// other containers too, wait for it.
final class FolderLock {
    /// What a folder is for.
    struct Kind {
        /// The file that says so, and what stands in it.
        let marker: String
        let text: String
        /// What a folder without it must be.
        let expected: String
        /// Whether files of these names are such a folder, though nothing marks it.
        let isUnmarked: ([String]) -> Bool
    }

    private let descriptor: Int32

    /// Makes the folder where there is none, and takes it.
    ///
    /// - Parameters:
    ///   - waits: whether to wait for another process that has it, or to refuse.
    ///   - onWait: called once before waiting.
    /// - Throws: `InputError` where it cannot be made, holds other files and no marker, or is another process's.
    init(
        _ folder: String, _ kind: Kind, waits: Bool, onWait: () -> Void = {}
    ) throws(InputError) {
        if let status = FileStatus.of(folder), FileStatus.kind(status) != S_IFDIR {
            throw InputError(.file, at: folder, found: "a file", expected: "a folder, or the place for one")
        }
        let names: [String]
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw InputError(
                .file, at: folder, found: Self.reason(error), expected: "a folder that can be written")
        }
        let others = names.filter { $0 != kind.marker && $0 != ".DS_Store" }.sorted()
        guard names.contains(kind.marker) || others.isEmpty || kind.isUnmarked(others) else {
            throw InputError(
                .file, at: folder, found: "a folder that contains other files, such as \"\(others[0])\"",
                expected: kind.expected)
        }
        let marker = "\(folder)/\(kind.marker)"
        var opened = open(marker, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o644)
        // Prepared rows may lie where nothing can be written.
        if opened < 0, errno == EACCES || errno == EROFS {
            opened = open(marker, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        }
        guard opened >= 0, let status = FileStatus.of(opened), FileStatus.isRegular(status) else {
            let reason = opened < 0 ? String(cString: strerror(errno)) : "no file"
            if opened >= 0 { close(opened) }
            throw InputError(.file, at: marker, found: reason, expected: "a file that can be written")
        }
        descriptor = opened
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            guard waits else {
                throw InputError(
                    .file, at: folder,
                    found: "a run of process \(Self.owner(opened) ?? "unknown") going on in it",
                    expected: "another folder, or the end of that run")
            }
            onWait()
            while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
        }
        // Where a file system knows no locks, what is half there is still told by its checksums.
        let text = Array("\(kind.text)\nprocess \(getpid())\n".utf8)
        if text.withUnsafeBytes({ pwrite(opened, $0.baseAddress, $0.count, 0) }) == text.count {
            _ = ftruncate(opened, off_t(text.count))
        }
    }

    deinit { close(descriptor) }

    /// The process that a marker names.
    private static func owner(_ descriptor: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        return text.split(separator: "\n").last { $0.hasPrefix("process ") }.map { String($0.dropFirst(8)) }
    }

    /// What the system says, rather than what Foundation makes of it.
    static func reason(_ error: any Error) -> String {
        var inner = error as NSError
        while let next = inner.userInfo[NSUnderlyingErrorKey] as? NSError { inner = next }
        return inner.domain == NSPOSIXErrorDomain
            ? String(cString: strerror(Int32(inner.code))) : error.localizedDescription
    }
}

extension FolderLock {
    /// Takes the folder of what trains many runs, and makes the folder inside it that has them. Another process that has it is not waited for.
    ///
    /// - Throws: as `init(_:_:waits:onWait:)`, and where the inner folder cannot be made.
    convenience init(_ folder: String, ofA what: String, marker: String, inner: String) throws(InputError) {
        try self.init(
            folder,
            Kind(
                marker: marker, text: "A \(what) of mtl; it makes and removes the files of this folder.",
                expected: "a new or empty folder, or that of a \(what)", isUnmarked: { _ in false }),
            waits: false)
        do {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/\(inner)", withIntermediateDirectories: true)
        } catch {
            throw InputError(
                .file, at: "\(folder)/\(inner)", found: Self.reason(error),
                expected: "a folder that can be made")
        }
    }
}
