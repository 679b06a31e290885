internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Turns bytes of another encoding into UTF-8, by iconv.
final class TextDecoder {
    private let descriptor: iconv_t
    private let encoding: String
    private let path: String
    /// Bytes of a character that is not whole yet.
    private var rest: [UInt8] = []
    /// Line breaks written so far, for messages.
    private var lines = 0

    init(_ encoding: String, path: String) throws(InputError) {
        guard let opened = Self.open(encoding) else {
            throw InputError(
                .value, at: "\(path), encoding", found: "\"\(encoding)\"",
                expected: "an encoding that iconv knows, such as windows-1252, latin1, utf-16le")
        }
        descriptor = opened
        self.encoding = encoding
        self.path = path
    }

    deinit { iconv_close(descriptor) }

    static func isKnown(_ encoding: String) -> Bool {
        guard let opened = open(encoding) else { return false }
        iconv_close(opened)
        return true
    }

    /// What bytes that are not valid UTF-8 look like, as advice after what was expected; "" where they look like nothing.
    static func likely(_ bytes: some Collection<UInt8>) -> String {
        // Characters that windows-1252 does not have, and control characters of any encoding.
        let none: Set<UInt8> = [0x81, 0x8D, 0x8F, 0x90, 0x9D]
        let looksWestern = bytes.allSatisfy { !none.contains($0) && ($0 >= 0x20 || (9...13).contains($0)) }
        return looksWestern ? "; it looks like encoding: windows-1252" : ""
    }

    private static func open(_ encoding: String) -> iconv_t? {
        // "UTF-8//IGNORE" would drop what is wrong without a word.
        guard !encoding.isEmpty, !encoding.contains("/") else { return nil }
        let opened: iconv_t? = iconv_open("UTF-8", encoding)
        return opened == iconv_t(bitPattern: -1) ? nil : opened
    }

    /// Appends the bytes as UTF-8.
    ///
    /// - Parameter last: whether nothing comes after them.
    /// - Throws: `InputError` that names the line of bytes that are none of this encoding.
    func decode(_ bytes: [UInt8], last: Bool, to target: inout [UInt8]) throws(InputError) {
        var input = rest + bytes
        rest = []
        var used = 0
        var code: Int32 = 0
        let begin = target.count
        var room = [UInt8](repeating: 0, count: 1 << 16)
        repeat {
            var written = 0
            input.withUnsafeMutableBytes { source in
                room.withUnsafeMutableBytes { buffer in
                    guard let from = source.baseAddress, let to = buffer.baseAddress else { return }
                    var next: UnsafeMutablePointer<CChar>? = (from + used).assumingMemoryBound(to: CChar.self)
                    var left = source.count - used
                    var out: UnsafeMutablePointer<CChar>? = to.assumingMemoryBound(to: CChar.self)
                    var free = buffer.count
                    code = iconv(descriptor, &next, &left, &out, &free) == -1 ? errno : 0
                    used = source.count - left
                    written = buffer.count - free
                }
            }
            target += room[..<written]
        } while code == E2BIG
        lines += target[begin...].count { $0 == UInt8(ascii: "\n") }
        guard code != EILSEQ, code != EINVAL || !last else {
            throw InputError(
                .syntax, at: "\(path), line \(lines + 1)", found: "bytes that are no \(encoding)",
                expected: "\(encoding), or another encoding")
        }
        rest = Array(input[used...])
    }
}
