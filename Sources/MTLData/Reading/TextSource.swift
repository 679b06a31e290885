internal import MTLEngine

/// The text of a table as UTF-8 in the form of RFC 4180, from its beginning to its end. Where a file is that already, its
/// bytes go straight through.
final class TextSource {
    /// Bytes looked at to tell what the text is like.
    private static let looked = 1 << 16

    private let source: ByteSource
    private var decoder: TextDecoder?
    private var filter: LineFilter?
    /// What was looked at, or is decoded; `position` is the first byte not handed out.
    private var pending: [UInt8] = []
    private var position = 0
    private var isAtEnd = false
    /// What went wrong after the text that is pending.
    private var failure: InputError?

    var path: String { source.path }
    /// Bytes of the source so far, as they are stored.
    var consumed: Int { source.consumed }

    /// - Parameter separator: what stands between cells.
    init(_ source: ByteSource, _ format: TableFormat, separator: UInt8) throws(InputError) {
        self.source = source
        var raw = take()
        if let encoding = format.encoding.map({ Self.withoutMark($0, raw) }) ?? Self.marked(raw) {
            if !Self.isUTF8(encoding) { decoder = try TextDecoder(encoding, path: source.path) }
        } else {
            try Self.refuseZeros(raw, path: source.path)
        }
        if decoder != nil { raw = decoded(raw) }
        let endsWithReturns = Self.endsWithReturns(raw)
        if endsWithReturns || format.comment != nil || format.escape != nil {
            // A mark at the beginning would hide a comment.
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            if raw.starts(with: mark) { raw.removeFirst(mark.count) }
            filter = LineFilter(
                endsWithReturns: endsWithReturns, comment: format.comment, escape: format.escape?.utf8.first,
                separator: separator)
        }
        pending = filtered(raw)
    }

    /// The next bytes of the source; fewer than asked for at its end, or before something wrong.
    private func take() -> [UInt8] {
        let taken = TakenBytes(Self.looked) { (buffer) throws(InputError) in try source.read(into: buffer) }
        isAtEnd = taken.isAtEnd
        failure = taken.failure
        return taken.bytes
    }

    private func decoded(_ bytes: [UInt8]) -> [UInt8] {
        guard let decoder else { return bytes }
        var text: [UInt8] = []
        do throws(InputError) { try decoder.decode(bytes, last: isAtEnd, to: &text) } catch {
            failure = error
        }
        return text
    }

    private func filtered(_ bytes: [UInt8]) -> [UInt8] {
        guard filter != nil else { return bytes }
        var text = filter?.add(bytes) ?? []
        if isAtEnd || failure != nil { text += filter?.finish() ?? [] }
        return text
    }

    private static func isUTF8(_ encoding: String) -> Bool {
        ["utf-8", "utf8"].contains(encoding.lowercased())
    }

    /// The encoding that a byte order mark names.
    private static func marked(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0xFF, 0xFE, 0, 0]) { return "UTF-32LE" }
        if bytes.starts(with: [0xFF, 0xFE]) { return "UTF-16LE" }
        if bytes.starts(with: [0xFE, 0xFF]) { return "UTF-16BE" }
        return nil
    }

    /// "utf-16" is the one that the mark says.
    private static func withoutMark(_ encoding: String, _ bytes: [UInt8]) -> String {
        ["utf-16", "utf16", "utf-32", "utf32"].contains(encoding.lowercased())
            ? marked(bytes) ?? encoding : encoding
    }

    private static func refuseZeros(_ bytes: [UInt8], path: String) throws(InputError) {
        let head = bytes.prefix(512)
        let zeros = head.count { $0 == 0 }
        guard head.count >= 8, 3 * zeros >= head.count else { return }
        let isLittle = head.first != 0
        throw InputError(
            .syntax, at: path, found: "every other byte zero",
            expected: "UTF-8; it looks like encoding: utf-16\(isLittle ? "le" : "be")")
    }

    /// Whether there are carriage returns outside quotes and no line feed at all, as far as was looked.
    private static func endsWithReturns(_ text: [UInt8]) -> Bool {
        guard text.contains(UInt8(ascii: "\r")), !text.contains(UInt8(ascii: "\n")) else { return false }
        var isInside = false
        for byte in text.dropLast() {
            if byte == UInt8(ascii: "\"") { isInside.toggle() }
            if byte == UInt8(ascii: "\r") && !isInside { return true }
        }
        return false
    }

    /// Fills `target` as far as the text goes; fewer bytes than asked for mean its end, or an error that the next call
    /// throws.
    func read(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        var filled = 0
        while filled < target.count {
            if position < pending.count {
                let count = min(target.count - filled, pending.count - position)
                pending.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: target[filled...]).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
                }
                position += count
                filled += count
                continue
            }
            if let failure {
                guard filled == 0 else { break }
                throw failure
            }
            if isAtEnd { break }
            guard decoder != nil || filter != nil else {
                do throws(InputError) {
                    filled += try source.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: target[filled...]))
                } catch {
                    guard filled > 0 else { throw error }
                }
                break
            }
            position = 0
            pending = filtered(decoded(take()))
        }
        return filled
    }
}
