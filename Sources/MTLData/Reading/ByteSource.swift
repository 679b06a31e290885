internal import CZlib
internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The bytes of a file from its beginning to its end, decompressed where it is a gzip file (by content, not by name),
/// or of a text in memory.
final class ByteSource {
    private enum Kind {
        case file
        case gzip
        case memory
    }

    let path: String
    /// Bytes taken from the file so far; of a gzip file, compressed ones.
    private(set) var consumed = 0
    private let descriptor: Int32
    /// Where the next bytes are read; a pipe's are in a file of their own.
    private var offset = 0
    private var kind = Kind.file
    /// Compressed bytes, or a whole text; `position` is the first not yet used.
    private var input: [UInt8] = []
    private var position = 0
    private var stream = z_stream()
    private var isStreamOpen = false
    /// What went wrong after the bytes that were handed out.
    private var failure: InputError?

    /// The bytes of a file.
    convenience init(_ file: KeptFile) throws(InputError) {
        try self.init(file.duplicate(), path: file.path)
        try begin()
    }

    private init(_ descriptor: Int32, path: String) throws(InputError) {
        self.path = path
        self.descriptor = descriptor
    }

    private func begin() throws(InputError) {
        try readInput()
        if input.starts(with: [0x1F, 0x8B]) {
            kind = .gzip
            try openStream()
        }
    }

    /// A text, or the bytes of a gzip file, in memory; `path` is what messages call it.
    init(bytes: [UInt8], path: String) throws(InputError) {
        self.path = path
        descriptor = -1
        input = bytes
        kind = .memory
        if bytes.starts(with: [0x1F, 0x8B]) {
            kind = .gzip
            try openStream()
        }
    }

    deinit {
        if isStreamOpen { inflateEnd(&stream) }
        if descriptor >= 0 { close(descriptor) }
    }

    private static func failure(_ path: String, _ code: Int32) -> InputError {
        InputError(.file, at: path, found: String(cString: strerror(code)), expected: "a readable file")
    }

    /// Fills `target` as far as the source goes; fewer bytes than asked for mean its end, or an error that the next call
    /// throws.
    func read(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        var filled = 0
        if let failure { throw failure }
        do throws(InputError) {
            while filled < target.count {
                let count = try readSome(into: UnsafeMutableRawBufferPointer(rebasing: target[filled...]))
                if count == 0 { break }
                filled += count
            }
        } catch {
            failure = error
            if filled == 0 { throw error }
        }
        return filled
    }

    private func readSome(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        if kind == .gzip { return try inflateSome(into: target) }
        if position < input.count {
            let count = min(input.count - position, target.count)
            input.withUnsafeBytes { source in
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[position..<position + count]))
            }
            position += count
            consumed += count
            return count
        }
        guard kind == .file else { return 0 }
        let count = read(target)
        guard count >= 0 else { throw Self.failure(path, errno) }
        consumed += count
        return count
    }

    private func read(_ target: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let count = pread(descriptor, target.baseAddress, target.count, off_t(offset))
            if count >= 0 { offset += count }
            if count >= 0 || errno != EINTR { return count }
        }
    }

    private func readInput() throws(InputError) {
        input = [UInt8](repeating: 0, count: 1 << 16)
        position = 0
        let count = input.withUnsafeMutableBytes { read($0) }
        guard count >= 0 else { throw Self.failure(path, errno) }
        input.removeLast(input.count - count)
    }

    // MARK: gzip

    private func openStream() throws(InputError) {
        // 16 + 15: a gzip header, the largest window.
        guard
            inflateInit2_(&stream, 16 + 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else {
            throw InputError(.file, at: path, found: "no memory to decompress", expected: "some")
        }
        isStreamOpen = true
    }

    private func inflateSome(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        guard isStreamOpen else { return 0 }
        while true {
            if position == input.count && descriptor >= 0 { try readInput() }
            let isExhausted = position == input.count
            var written = 0
            var code: Int32 = 0
            input.withUnsafeMutableBufferPointer { source in
                stream.next_in = source.baseAddress.map { $0 + position }
                stream.avail_in = UInt32(source.count - position)
                stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_out = UInt32(min(target.count, Int(UInt32.max)))
                let room = Int(stream.avail_out)
                code = inflate(&stream, Z_NO_FLUSH)
                written = room - Int(stream.avail_out)
                let used = source.count - position - Int(stream.avail_in)
                position += used
                consumed += used
            }
            if code == Z_STREAM_END { try beginNextMember() }
            // Bytes that were taken before may still decompress to more.
            guard written > 0 || code == Z_STREAM_END || !isExhausted else {
                throw InputError(
                    .file, at: path, found: "a gzip file that is cut short",
                    expected: "more compressed bytes after byte \(consumed)")
            }
            // What was decompressed before the damage comes first; the next call meets it again.
            guard written > 0 || code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                throw InputError(
                    .file, at: path, found: "a damaged gzip file near compressed byte \(consumed)",
                    expected: "a whole one")
            }
            if written > 0 || !isStreamOpen { return written }
        }
    }

    /// A gzip file may hold several members, one after the other, and zeros up to the end of a tape's or disk's block.
    private func beginNextMember() throws(InputError) {
        while true {
            if position == input.count && descriptor >= 0 { try readInput() }
            guard position < input.count else {
                inflateEnd(&stream)
                isStreamOpen = false
                return
            }
            guard input[position] == 0 else { break }
            position += 1
            consumed += 1
        }
        inflateReset(&stream)
    }
}
