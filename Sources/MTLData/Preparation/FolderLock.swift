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
    static let markerName = ".mtl-prepared"

    private let descriptor: Int32

    /// Makes the folder where there is none, and waits until no other run has it.
    ///
    /// - Parameters:
    ///   - isPrepared: whether files of these names are what rows were prepared in, though nothing marks it.
    ///   - onWait: called once if another run has it.
    /// - Throws: `InputError` where it cannot be made, or holds other files and no marker.
    init(
        _ folder: String, isPrepared: ([String]) -> Bool, onWait: () -> Void
    ) throws(InputError) {
        let names: [String]
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw InputError(
                .file, at: folder, found: Self.reason(error), expected: "a folder that can be written")
        }
        let others = names.filter { $0 != Self.markerName && $0 != ".DS_Store" }.sorted()
        guard names.contains(Self.markerName) || others.isEmpty || isPrepared(others) else {
            throw InputError(
                .file, at: folder, found: "a folder that contains other files, such as \"\(others[0])\"",
                expected: "a new or empty folder, or one that rows were prepared in")
        }
        let marker = "\(folder)/\(Self.markerName)"
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
        if status.st_size == 0 {
            let text = Array("Rows that mtl prepared; it makes and removes the files of this folder.\n".utf8)
            _ = text.withUnsafeBytes { pwrite(opened, $0.baseAddress, $0.count, 0) }
        }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
        // Where a file system knows no locks, what is half there is still told by its checksums.
        guard errno == EWOULDBLOCK else { return }
        onWait()
        while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
    }

    deinit { close(descriptor) }

    /// What the system says, rather than what Foundation makes of it.
    private static func reason(_ error: any Error) -> String {
        var inner = error as NSError
        while let next = inner.userInfo[NSUnderlyingErrorKey] as? NSError { inner = next }
        return inner.domain == NSPOSIXErrorDomain
            ? String(cString: strerror(Int32(inner.code))) : error.localizedDescription
    }
}
