internal import MTLDataKernels
internal import MTLEngine

/// What the beginning of a file says of its text: encoding, separator, lines in front of the header, comments, an escape.
struct TextGuess {
    private(set) var format: TableFormat
    /// Per setting why it is so.
    private(set) var reasons: [ReadingGuess.Reason] = []

    private static let looked = 1 << 18
    private static let separators = [",", ";", "\t", "|"]

    /// - Parameters:
    ///   - open: opens the bytes of the file, each time from the beginning.
    ///   - format: what is known already.
    ///   - usual: the separator by the file's name.
    init(
        _ format: TableFormat, usual: String, open: () throws(InputError) -> ByteSource
    ) throws(InputError) {
        self.format = format
        if format.encoding == nil {
            guessEncoding(
                try Self.bytes { buffer throws(InputError) in
                    try open().read(into: buffer)
                })
        }
        var plain = self.format
        plain.escape = nil
        plain.comment = nil
        let separator = UInt8(ascii: ",")
        let raw = try Self.bytes { [plain] buffer throws(InputError) in
            try TextSource(open(), plain, separator: separator).read(into: buffer)
        }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        var text = raw.starts(with: mark) ? Array(raw.dropFirst(3)) : raw
        // The reader understands such a line itself.
        if text.prefix(4).map({ $0 | 0x20 }) == Array("sep=".utf8).map({ $0 | 0x20 }) { return }
        if text.count < Self.looked, text.last != UInt8(ascii: "\n") { text.append(UInt8(ascii: "\n")) }
        guessComment(text)
        guessLayout(text, usual: usual)
        guessEscape(text, usual: usual)
    }

    private static func bytes(
        _ read: (UnsafeMutableRawBufferPointer) throws(InputError) -> Int
    ) throws(InputError) -> [UInt8] {
        var failure: InputError?
        let bytes = [UInt8](unsafeUninitializedCapacity: looked) { buffer, used in
            do throws(InputError) { used = try read(UnsafeMutableRawBufferPointer(buffer)) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    private mutating func set(_ setting: String, _ reason: String) {
        reasons.append(ReadingGuess.Reason(setting: setting, reason: reason))
    }

    private mutating func guessEncoding(_ bytes: [UInt8]) {
        let head = bytes.prefix(512)
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return }
        if head.count >= 8, 3 * head.count(where: { $0 == 0 }) >= head.count {
            format.encoding = head.first == 0 ? "utf-16be" : "utf-16le"
            set("encoding", "every other byte is zero")
            return
        }
        let place = mtl_utf8_error(bytes, bytes.count)
        // A sign may be cut off at the end of what was looked at.
        guard place >= 0, place < bytes.count - 4 || bytes.count < Self.looked,
            !TextDecoder.likely(bytes).isEmpty, !bytes[..<place].contains(where: { $0 >= 0x80 })
        else { return }
        let line = bytes[..<place].count { $0 == UInt8(ascii: "\n") } + 1
        format.encoding = "windows-1252"
        set("encoding", "line \(line) is no UTF-8")
    }

    private struct Record {
        let start: Int
        let cells: Int
        let fault: mtl_csv_fault
    }

    /// The records of a text by a separator, blank ones left out.
    private static func records(_ text: [UInt8], _ separator: String) -> [Record] {
        var bad = [mtl_csv_bad_row](repeating: mtl_csv_bad_row(), count: 500)
        let scan = mtl_csv_scan_records(
            text, text.count, text.count < looked ? 1 : 0, separator.utf8.first ?? 0, 1 << 40, nil, nil, &bad,
            bad.count)
        return bad.prefix(scan.bad_rows).map {
            Record(start: Int($0.start), cells: Int($0.cells), fault: $0.fault)
        }
    }

    private mutating func guessComment(_ text: [UInt8]) {
        guard format.comment == nil, text.first == UInt8(ascii: "#") else { return }
        // "#name,…" may be a header: a comment has other lines in front of fewer cells behind it.
        let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: 50, omittingEmptySubsequences: true)
        guard let next = lines.first(where: { $0.first != UInt8(ascii: "#") }) else { return }
        func signs(_ line: ArraySlice<UInt8>) -> Int { line.count { ",;\t|".utf8.contains($0) } }
        guard signs(lines[0]) != signs(next) else { return }
        format.comment = "#"
        set("comment", "line 1 begins so")
    }

    private mutating func guessLayout(_ text: [UInt8], usual: String) {
        let shown = Self.filtered(text, comment: format.comment, escape: format.escape, separator: usual)
        var best: (separator: String, header: Record, cells: Int)?
        for separator in format.separator.map({ [$0] }) ?? [usual] + Self.separators.filter({ $0 != usual }) {
            let records = Self.records(shown, separator)
            var counts: [Int: Int] = [:]
            for record in records.dropFirst() { counts[record.cells, default: 0] += 1 }
            guard let common = counts.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }), common.key > 1,
                10 * common.value >= 7 * (records.count - 1),
                let header = records.prefix(20).first(where: {
                    $0.cells == common.key || $0.cells == common.key - 1 && $0.cells > 1
                })
            else { continue }
            if common.key > best?.cells ?? 1 { best = (separator, header, common.key) }
        }
        guard let best else { return }
        if best.separator != usual, format.separator == nil {
            format.separator = best.separator
            set("separator", "\(best.cells) cells in a line")
        }
        let lines = shown[..<best.header.start].split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
        ).dropLast()
        let isBlank = lines.allSatisfy { $0.allSatisfy { [0x20, 0x09, 0x0D].contains($0) } }
        if format.skipLines == 0, !isBlank {
            format.skipLines = lines.count
            set("skip_lines", "a title, by the look of it")
        }
    }

    private mutating func guessEscape(_ text: [UInt8], usual: String) {
        let separator = format.separator ?? usual
        guard format.escape == nil, text.contains(UInt8(ascii: "\\")) else { return }
        func faults(_ escape: String?) -> Int {
            let shown = Self.filtered(text, comment: format.comment, escape: escape, separator: separator)
            return Self.records(shown, separator).count { $0.fault != MTL_CSV_NO_FAULT }
        }
        let plain = faults(nil)
        guard plain > 0, 10 * faults("\\") < plain else { return }
        format.escape = "\\"
        set("escape", "it stands before quotes inside of cells")
    }

    private static func filtered(
        _ text: [UInt8], comment: String?, escape: String?, separator: String
    ) -> [UInt8] {
        guard comment != nil || escape != nil else { return text }
        var filter = LineFilter(
            endsWithReturns: false, comment: comment, escape: escape?.utf8.first,
            separator: separator.utf8.first ?? UInt8(ascii: ","))
        return filter.add(text) + filter.finish()
    }
}
