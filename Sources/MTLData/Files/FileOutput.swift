internal import MTLDataKernels
internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A file that is written without a name, or under a temporary one, and gets its own when it is whole and on the disk. What is
/// no file, such as a pipe, is written through.
final class FileOutput {
    /// Who may read a new file: `personal` where it holds ids of the data.
    enum Access: mode_t {
        case usual = 0o644
        case personal = 0o600
    }

    private let path: String
    private let target: OutputTarget
    private var descriptor: Int32 = -1
    /// The temporary name, where it has one.
    private var partial: String?
    private var partialPlace: Int32 = -1
    private(set) var position = 0
    /// What lies on a multiple of it in memory and in the file can be written from where it is.
    static let pageBytes = 4096
    /// What gathers bytes on their way past the system's cache; nil where they go through it.
    private var blocks: AlignedStorage<UInt8>?
    /// Bytes of the block that are there, the last of those written.
    private var gathered = 0

    /// - Parameter usesNames: takes a temporary name also where the file system could do without.
    init(_ path: String, access: Access = .usual, usesNames: Bool = false) throws(InputError) {
        self.path = path
        target = try OutputTarget(path)
        switch target {
        case .file(let file, let replaced):
            let folder = file.folderOfPath
            if !usesNames { descriptor = mtl_open_unnamed(folder, access.rawValue) }
            if descriptor < 0 { descriptor = openNamed(file, access.rawValue) }
            guard descriptor >= 0 else { throw failure() }
            if let replaced {
                // As root the file may be another's, and stays so.
                if replaced.st_uid != geteuid() { _ = fchown(descriptor, replaced.st_uid, replaced.st_gid) }
                guard fchmod(descriptor, replaced.st_mode & 0o7777) == 0 else { throw failure() }
            }
        case .descriptor(let number): descriptor = fcntl(number, F_DUPFD_CLOEXEC, 0)
        case .stream(let file): descriptor = open(file, O_WRONLY | O_CLOEXEC | O_NOCTTY)
        }
        guard descriptor >= 0 else { throw failure() }
    }

    /// A descriptor that this process has open, which stays open.
    ///
    /// - Parameter name: what messages call it.
    init(descriptor number: Int32, called name: String) throws(InputError) {
        path = name
        target = .descriptor(number)
        descriptor = fcntl(number, F_DUPFD_CLOEXEC, 0)
        guard descriptor >= 0 else { throw failure() }
    }

    deinit { abandon() }

    /// Whether it is a file, which gets its name when it is whole.
    var isFile: Bool { if case .file = target { true } else { false } }

    /// Lets everything go that has no name of its own yet.
    private func abandon() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        if let partial { unlink(partial) }
        mtl_partial_remove(partialPlace)
        partial = nil
        // The place may be another file's by now.
        partialPlace = -1
    }

    private func failure() -> InputError {
        InputError(
            .file, at: path, found: String(cString: strerror(errno)), expected: "a file that can be written")
    }

    /// A name beside the file's that nobody can know before.
    private static func temporaryName(_ file: String) -> String {
        let name = String(decoding: file.lastOfPath.utf8.prefix(200), as: UTF8.self)
        let random = String(UInt64.random(in: .min ... .max), radix: 36)
        let folder = file.folderOfPath
        return "\(folder == "/" ? "" : folder)/\(name).partial-\(random)"
    }

    private func openNamed(_ file: String, _ mode: mode_t) -> Int32 {
        for _ in 0..<8 {
            let name = Self.temporaryName(file)
            partialPlace = mtl_partial_add(name)
            let opened = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
            if opened >= 0 {
                partial = name
                return opened
            }
            let code = errno
            mtl_partial_remove(partialPlace)
            partialPlace = -1
            errno = code
            guard code == EEXIST else { return -1 }
        }
        return -1
    }

    /// From here on, the system's cache is passed by where the file system can: a file of a gigabyte that nobody reads soon costs
    /// the processor a tenth as much, and drives nothing else out of memory. To be called before the first byte.
    func bypassCache() {
        guard isFile, position == 0, mtl_bypass_cache(descriptor, 1) == 0 else { return }
        blocks = AlignedStorage(zeroed: 4 << 20)
    }

    /// Writes a block past the system's cache. Where the file system does not take it, it goes the usual way, as do all that follow.
    private func writeBlock(_ block: UnsafeRawBufferPointer, at place: Int) throws(InputError) {
        var written = 0
        while blocks != nil, written < block.count {
            let count = pwrite(
                descriptor, block.baseAddress?.advanced(by: written), block.count - written,
                off_t(place + written))
            if count > 0, count % Self.pageBytes == 0 {
                written += count
            } else {
                // Whatever is wrong with it is found again on the usual way.
                _ = mtl_bypass_cache(descriptor, 0)
                blocks = nil
            }
        }
        try write(UnsafeRawBufferPointer(rebasing: block.dropFirst(written)), at: place + written)
    }

    /// Writes full blocks: from the bytes' own place where that is a page and they come to one of the file, else from the block that
    /// gathers them.
    private func gather(_ bytes: UnsafeRawBufferPointer, _ blocks: AlignedStorage<UInt8>) throws(InputError) {
        var bytes = bytes
        let pages = bytes.count & -Self.pageBytes
        if pages > 0, position % Self.pageBytes == 0,
            UInt(bitPattern: bytes.baseAddress) % UInt(Self.pageBytes) == 0
        {
            let before = gathered
            gathered = 0
            try writeBlock(
                UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(blocks.buffer)[..<before]),
                at: position - before)
            try writeBlock(UnsafeRawBufferPointer(rebasing: bytes[..<pages]), at: position)
            position += pages
            bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(pages))
        }
        while !bytes.isEmpty {
            guard self.blocks != nil else { return try write(bytes) }
            let count = min(bytes.count, blocks.count - gathered)
            UnsafeMutableRawPointer(blocks.base + gathered).copyMemory(
                from: bytes.baseAddress ?? UnsafeRawPointer(blocks.base), byteCount: count)
            gathered += count
            position += count
            bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(count))
            guard gathered == blocks.count else { continue }
            gathered = 0
            try writeBlock(UnsafeRawBufferPointer(blocks.buffer), at: position - blocks.count)
        }
    }

    /// Writes the bytes that fill no block.
    private func writeRest() throws(InputError) {
        guard let blocks else { return }
        self.blocks = nil
        _ = mtl_bypass_cache(descriptor, 0)
        try write(
            UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(blocks.buffer)[..<gathered]),
            at: position - gathered)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(InputError) {
        if let blocks { return try gather(bytes, blocks) }
        if case .file = target {
            try write(bytes, at: position)
        } else if mtl_write_all(descriptor, bytes.baseAddress, bytes.count) != 0 {
            throw failure()
        }
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
        guard case .file = target else {
            throw InputError(
                .file, at: path, found: "a pipe or a device",
                expected: "a file, which is written in any order")
        }
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
        guard case .file(let file, _) = target else {
            let status = close(descriptor)
            descriptor = -1
            guard status == 0 else { throw failure() }
            return
        }
        try writeRest()
        guard fsync(descriptor) == 0 else { throw failure() }
        if partial == nil { try giveTemporaryName(file) }
        guard let partial else { throw failure() }
        let status = close(descriptor)
        descriptor = -1
        guard status == 0, rename(partial, file) == 0 else {
            let error = failure()
            abandon()
            throw error
        }
        self.partial = nil
        mtl_partial_remove(partialPlace)
        partialPlace = -1
        try Self.sync(folder: file.folderOfPath, path)
    }

    private func giveTemporaryName(_ file: String) throws(InputError) {
        for _ in 0..<8 {
            let name = Self.temporaryName(file)
            partialPlace = mtl_partial_add(name)
            if mtl_name_unnamed(descriptor, name) == 0 {
                partial = name
                return
            }
            let code = errno
            mtl_partial_remove(partialPlace)
            partialPlace = -1
            errno = code
            guard code == EEXIST else { break }
        }
        throw failure()
    }

    /// A name is on the disk when its folder is. Where the system cannot say that of a folder, nothing more can be done.
    private static func sync(folder: String, _ path: String) throws(InputError) {
        let opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { return }
        defer { close(opened) }
        guard fsync(opened) != 0, errno == EIO || errno == ENOSPC || errno == EDQUOT else { return }
        throw InputError(
            .file, at: path, found: String(cString: strerror(errno)),
            expected: "a folder that keeps its names")
    }

    /// Whether a path can be written, without writing anything.
    static func check(_ path: String) throws(InputError) {
        guard case .file = try OutputTarget(path) else { return }
        _ = try FileOutput(path)
    }
}
