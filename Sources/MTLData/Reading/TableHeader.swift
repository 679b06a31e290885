internal import MTLDataKernels
internal import MTLEngine

/// What the beginning of a table says of it: what stands between cells, the names of the columns, where the rows begin.
struct TableHeader {
    var separator: UInt8
    var columns: [String] = []
    /// The cells of a row; more than the columns where the last ones have no name and no content.
    var width = 0
    /// Bytes and lines before the rows.
    var offset = 0
    var line = 1
    /// The header as it stands there.
    var text: [UInt8] = []
    /// What was found out, to be told.
    var notes: [String] = []

    /// The longest record that is taken for one and not for a quote that never closes.
    static let longestRecord = 1 << 28

    /// - Parameters:
    ///   - separator: what stands between cells, unless a first line "sep=;" says it.
    ///   - names: those of the columns, for a file without a header.
    init(_ source: TextSource, _ format: TableFormat, separator: UInt8, names: [String]?) throws(InputError) {
        self.separator = separator
        var head = Head(source)
        try head.fill(1 << 16)
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if head.text.starts(with: mark) { head.position = mark.count }
        guard head.text.count > head.position else {
            throw InputError(.empty, at: source.path, found: "no text", expected: "a header and rows")
        }
        for _ in 0..<format.skipLines { _ = try head.line() }
        try readSeparatorLine(&head, format)
        if let names {
            columns = try Self.checked(names, at: "\(source.path), columns")
            (offset, line) = (head.position, head.lineNumber)
            judgeRows(head, of: columns.count)
            return
        }
        while try head.skipBlankLine() {}
        let place = "\(source.path), line \(head.lineNumber)"
        text = try head.record(separator: self.separator)
        guard mtl_utf8_error(text, text.count) < 0 else {
            throw InputError(
                .syntax, at: place, found: "bytes that are not valid UTF-8",
                expected: "UTF-8\(TextDecoder.likely(text))")
        }
        let names = Self.cells(text, separator: self.separator)
        // One column may have no name: tools write their row numbers so.
        guard names != [""] else {
            throw InputError(.name, at: place, found: "a blank line", expected: "the names of columns")
        }
        (offset, line) = (min(head.position, head.text.count), head.lineNumber)
        columns = names
        let rows = RowLook(head, separator: self.separator, width: names.count)
        try refuseTitle(rows, at: place)
        dropTrailing(rows)
        columns = try Self.checked(columns, at: place)
    }

    /// The cells of one record.
    private static func cells(_ record: [UInt8], separator: UInt8) -> [String] {
        let text = record + [UInt8(ascii: "\n")]
        var bad = mtl_csv_bad_row()
        _ = mtl_csv_scan_records(text, text.count, 1, separator, Head.manyCells, nil, nil, &bad, 1)
        let count = max(1, Int(bad.cells))
        let block = RowBlock(path: "", columns: [String](repeating: "", count: count))
        block.reserve(text: text.count)
        for (index, byte) in text.enumerated() { block.text[index] = byte }
        block.count = text.count
        block.reserve(records: 1)
        _ = mtl_csv_scan_records(
            block.text, block.count, 1, separator, count, block.ends, block.rows, &bad, 1)
        return (0..<count).map { String(decoding: Cell.trimmed(block.cell(0, $0)), as: UTF8.self) }
    }

    private static func checked(_ names: [String], at place: String) throws(InputError) -> [String] {
        var seen = Set<String>()
        for (index, name) in names.enumerated() where !seen.insert(name).inserted {
            throw InputError(
                .name, at: "\(place), column \(name.isEmpty ? "\(index + 1)" : "\"\(name)\"")",
                found: name.isEmpty ? "a second column without a name" : "the name twice",
                expected: "names that differ")
        }
        return names
    }

    /// "sep=;", as spreadsheets write it before the header.
    private mutating func readSeparatorLine(_ head: inout Head, _ format: TableFormat) throws(InputError) {
        let begin = head.text[head.position...].prefix(8)
        let bytes = Array(begin.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
        guard bytes.count == 5, bytes.prefix(4).map({ $0 | 0x20 }) == Array("sep=".utf8).map({ $0 | 0x20 }),
            bytes[4] < 0x80, bytes[4] != UInt8(ascii: "\"")
        else { return }
        let character = Wording.character(bytes[4])
        guard format.separator == nil || format.separator?.utf8.first == bytes[4] else {
            throw InputError(
                .syntax, at: "\(head.source.path), line \(head.lineNumber)", found: "sep=\(character)",
                expected:
                    "\(format.separator.flatMap(\.utf8.first).map(Wording.character) ?? ""), the separator of the settings"
            )
        }
        separator = bytes[4]
        if format.separator == nil {
            notes.append("line \(head.lineNumber): sep=\(character) is the separator")
        }
        _ = try head.line()
    }

    // MARK: The first rows

    /// A line of one cell before rows of several is no header.
    private func refuseTitle(_ rows: RowLook, at place: String) throws(InputError) {
        guard columns.count == 1, let cells = rows.otherWidth, cells > 1 else { return }
        throw InputError(
            .syntax, at: place, found: "one cell above rows of \(cells)",
            expected: Self.otherSeparator(columns[0]).map {
                "the names of the columns; separator: \"\($0)\" makes several of it"
            } ?? "the names of the columns; skip_lines: 1 leaves out a title")
    }

    /// A character that may stand between the names of a header that was not taken apart.
    static func otherSeparator(_ name: String) -> String? {
        name.utf8.first { ";\t|,".utf8.contains($0) }.map(Wording.character)
    }

    /// Leaves out last columns that have neither names nor cells: a separator at the end of each line.
    private mutating func dropTrailing(_ rows: RowLook) {
        width = columns.count
        let unnamed = columns.reversed().prefix { $0.isEmpty }.count
        let named = columns.count - unnamed
        if unnamed > 0, named > 0, rows.hasEmptyEnd(unnamed) || rows.otherWidth == named {
            columns.removeLast(unnamed)
            width = rows.otherWidth ?? width
            notes.append(Self.dropped(unnamed))
        } else {
            widen(rows)
        }
    }

    private mutating func judgeRows(_ head: Head, of count: Int) {
        width = count
        widen(RowLook(head, separator: separator, width: count))
    }

    /// Rows that all have a separator more than the header, and nothing after it.
    private mutating func widen(_ rows: RowLook) {
        guard columns.count > 1, let cells = rows.otherWidth, cells > columns.count,
            rows.hasEmptyEnd(cells - columns.count)
        else { return }
        width = cells
        notes.append(Self.dropped(cells - columns.count))
    }

    private static func dropped(_ count: Int) -> String {
        count == 1
            ? "the last column has no name and no cells: it is left out"
            : "the last \(count) columns have no names and no cells: they are left out"
    }
}

/// The text before the rows, read as far as needed.
private struct Head {
    let source: TextSource
    var text: [UInt8] = []
    var position = 0
    var lineNumber = 1
    var isAtEnd = false

    /// More cells than any record has.
    static let manyCells = 1 << 40

    init(_ source: TextSource) { self.source = source }

    /// Reads until there are so many bytes, or no more.
    mutating func fill(_ count: Int) throws(InputError) {
        var failure: InputError?
        let missing = count - text.count
        guard missing > 0, !isAtEnd else { return }
        text += [UInt8](unsafeUninitializedCapacity: missing) { buffer, used in
            do throws(InputError) {
                used = try source.read(into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        // What is wrong further on is met by whoever reads on.
        if let failure, text.isEmpty { throw failure }
        isAtEnd = text.count < count
    }

    /// Takes a line.
    mutating func line() throws(InputError) -> ArraySlice<UInt8> {
        while true {
            if let end = text[min(position, text.count)...].firstIndex(of: UInt8(ascii: "\n")) {
                defer {
                    position = end + 1
                    lineNumber += 1
                }
                return text[position..<end]
            }
            if isAtEnd || text.count >= TableHeader.longestRecord {
                defer { position = text.count }
                return text[min(position, text.count)...]
            }
            try fill(2 * text.count)
        }
    }

    mutating func skipBlankLine() throws(InputError) -> Bool {
        guard position < text.count else { return false }
        let isBlank =
            text[position] == UInt8(ascii: "\n")
            || text[position...].starts(with: [UInt8(ascii: "\r"), UInt8(ascii: "\n")])
        if isBlank { _ = try line() }
        return isBlank
    }

    /// Takes a record, without its line break.
    mutating func record(separator: UInt8) throws(InputError) -> [UInt8] {
        while true {
            let isWhole = isAtEnd
            var rest = Array(text[min(position, text.count)...])
            if isWhole, rest.last != UInt8(ascii: "\n") { rest.append(UInt8(ascii: "\n")) }
            var bad = mtl_csv_bad_row()
            let scan = mtl_csv_scan_records(
                rest, rest.count, isWhole ? 1 : 0, separator, Self.manyCells, nil, nil, &bad, 1)
            if scan.bad_rows > 0 {
                guard bad.fault == MTL_CSV_NO_FAULT else {
                    let line = lineNumber + rest[..<Int(bad.quote)].count { $0 == UInt8(ascii: "\n") }
                    throw TableReader.quoteError(bad.fault, at: "\(source.path), line \(line)")
                }
                var record = Array(rest[Int(bad.start)..<Int(bad.end)])
                lineNumber += 1 + record.count { $0 == UInt8(ascii: "\n") }
                position += Int(bad.end) + 1
                if record.last == UInt8(ascii: "\r") { record.removeLast() }
                return record
            }
            guard !isWhole, text.count < TableHeader.longestRecord else { return [] }
            try fill(2 * text.count)
        }
    }
}

/// What the first rows are like.
private struct RowLook {
    /// The cells that all of them have, where it is not the expected number.
    private(set) var otherWidth: Int?
    private var emptyEnds: [Int] = []

    private static let limit = 1000

    init(_ head: Head, separator: UInt8, width: Int) {
        var text = Array(head.text[min(head.position, head.text.count)...])
        if head.isAtEnd, let last = text.last, last != UInt8(ascii: "\n") { text.append(UInt8(ascii: "\n")) }
        var bad = [mtl_csv_bad_row](repeating: mtl_csv_bad_row(), count: Self.limit)
        // Blank lines are rows of one column, which tells nothing here.
        let width = width == 1 ? Head.manyCells : width
        let scan = mtl_csv_scan_records(
            text, text.count, head.isAtEnd ? 1 : 0, separator, width, nil, nil, &bad, bad.count)
        let others = bad.prefix(scan.bad_rows)
        var cells = width
        if scan.rows == 0, let first = others.first,
            others.allSatisfy({ $0.cells == first.cells && $0.fault == MTL_CSV_NO_FAULT })
        {
            cells = Int(first.cells)
            otherWidth = cells
        } else if scan.rows == 0 {
            return
        }
        let records = min(scan.records, Self.limit)
        var ends = [UInt32](
            repeating: 0, count: RowBlock.ends(of: text.count, records: scan.records, width: cells))
        var rows = [mtl_csv_row](repeating: mtl_csv_row(), count: scan.records + 1)
        let cut = mtl_csv_scan_records(
            text, text.count, head.isAtEnd ? 1 : 0, separator, cells, &ends, &rows, &bad, bad.count)
        for row in 0..<min(cut.rows, records) {
            var empty = 0
            while empty < cells {
                let place = row * cells + cells - 1 - empty
                let start = empty == cells - 1 ? Int(rows[row].start) : Int(ends[place - 1]) + 1
                let cell = text[start..<Int(ends[place])].filter { ![0x20, 0x09, 0x0D, 0x22].contains($0) }
                guard cell.isEmpty else { break }
                empty += 1
            }
            emptyEnds.append(empty)
        }
    }

    /// Whether there are rows, and the last cells of all are empty.
    func hasEmptyEnd(_ count: Int) -> Bool { !emptyEnds.isEmpty && emptyEnds.allSatisfy { $0 >= count } }
}
