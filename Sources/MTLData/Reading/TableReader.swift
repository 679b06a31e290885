internal import MTLDataKernels
package import MTLEngine

/// Reads a CSV or TSV file with a header (RFC 4180; gzip by content) in blocks of whole rows, several at a time.
///
/// Taking the next block is the serial part: bytes are copied and the last line break outside quotes is looked for.
/// Cutting into cells and whatever the consumer does run side by side.
package final class TableReader: RowSource {
    /// The path of the file.
    package let path: String
    /// The header's names, in order.
    package let columns: [String]
    /// Workers that read blocks at the same time.
    package var threads: Int { options.threads }
    /// How its text is read.
    package var format: TableFormat { options.format }
    /// What its beginning said, to be told.
    package var notes: [String] { header.notes }
    let options: ReadingOptions
    let bytes: [UInt8]?
    let file: KeptFile?
    private let header: TableHeader
    private let readings: [CellReading]

    private static let examples = 20

    /// Opens a file and reads its header.
    ///
    /// - Throws: `InputError` that names the file: it cannot be read, is a directory, is empty, or its header is wrong.
    package convenience init(path: String, options: ReadingOptions = ReadingOptions()) throws(InputError) {
        try self.init(path: path, bytes: nil, file: KeptFile(path: path), options: options)
    }

    /// Reads a text in memory; `path` is what messages call it.
    ///
    /// - Throws: `InputError` where the text is empty or its header is wrong.
    package convenience init(
        bytes: [UInt8], path: String, options: ReadingOptions = ReadingOptions()
    ) throws(InputError) {
        try self.init(path: path, bytes: bytes, file: nil, options: options)
    }

    static func usualSeparator(_ path: String) -> UInt8 {
        let bare = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
        return UInt8(ascii: bare.hasSuffix(".tsv") || bare.hasSuffix(".tab") ? "\t" : ",")
    }

    init(
        path: String, bytes: [UInt8]?, file: KeptFile?, options: ReadingOptions
    ) throws(InputError) {
        try options.check()
        self.path = path
        self.bytes = bytes
        self.options = options
        self.file = file
        let separator = options.separator ?? Self.usualSeparator(path)
        let opened = try Self.open(path, bytes, file)
        header = try TableHeader(
            TextSource(opened, options.format, separator: separator), options.format, separator: separator,
            names: options.columns)
        columns = header.columns
        readings = CellReading.of(columns, options.format)
    }

    static func open(
        _ path: String, _ bytes: [UInt8]?, _ file: KeptFile?
    ) throws(InputError) -> ByteSource {
        if let bytes { return try ByteSource(bytes: bytes, path: path) }
        if let file { return try ByteSource(file) }
        return try ByteSource(KeptFile(path: path))
    }

    private func cutter() throws(InputError) -> BlockCutter {
        let text = try TextSource(
            Self.open(path, bytes, file), options.format, separator: header.separator)
        return try BlockCutter(
            text, separator: header.separator, width: header.width, skipping: header.offset,
            line: header.line, blockBytes: options.blockBytes, longestRecord: TableHeader.longestRecord)
    }

    // MARK: Blocks

    /// Reads all rows.
    ///
    /// - Throws: what `consume` throws, or an `InputError` that names file and line: a row of another number of cells
    ///   than the header, a stray quote or one that never closes, the header again, bytes that are not valid UTF-8, a gzip file that is cut
    ///   short or damaged, no row at all. It is the first in the file's order.
    @discardableResult
    package func read(
        _ consume: (RowBlock, _ worker: Int) throws(InputError) -> Void
    ) throws(InputError) -> ReadingReport {
        let cutter = try cutter()
        var report = ReadingReport()
        try readBlocks(
            path: path, columns: columns, width: header.width, readings: readings, threads: options.threads,
            next: cutter.next
        ) {
            (block, worker) throws(InputError) in
            let found = self.index(block)
            if options.badRows == .refuse, let (start, error) = found.first {
                // What is wrong with a row before it comes first.
                block.rowCount = (0..<block.rowCount).prefix { block.rows[$0].start < start }.count
                if block.rowCount > 0 { try consume(block, worker) }
                throw error
            }
            try consume(block, worker)
            return found
        } collect: { found in
            report.rows += found.rows
            report.badRows += found.badRows
            report.examples += found.errors.prefix(Self.examples - report.examples.count)
        }
        report.bytes = cutter.source.consumed
        guard report.rows + report.badRows > 0 else {
            throw InputError(.empty, at: path, found: "a header only", expected: "at least one row")
        }
        try options.badRows.check(
            report.badRows, of: report.rows + report.badRows, first: report.examples.first?.description,
            at: path, kind: .syntax)
        return report
    }

    /// The first block of rows, to look at.
    ///
    /// - Throws: what `read` throws of it.
    package func first() throws(InputError) -> RowBlock {
        let cutter = try cutter()
        let block = RowBlock(path: path, columns: columns, width: header.width, readings: readings)
        if try cutter.next(block), let error = index(block).errors.first, options.badRows == .refuse {
            throw error
        }
        return block
    }

    /// Cuts a block into cells and takes out what is no row.
    private func index(_ block: RowBlock) -> BlockFindings {
        let width = header.width
        var bad = [mtl_csv_bad_row](repeating: mtl_csv_bad_row(), count: Self.examples)
        var hasHigh = false
        var findings: BlockFindings
        if let odd = block.oddText {
            let cut = mtl_csv_scan_records(
                block.text, odd.count, odd.isLast ? 1 : 0, header.separator, width, block.ends, block.rows,
                &bad,
                bad.count)
            findings = BlockFindings(rows: cut.rows, badRows: cut.bad_rows)
            hasHigh = cut.has_high != 0
        } else {
            let cut = mtl_csv_index(
                InstructionSet.best.rawValue, block.text, block.count, header.separator, width, block.ends,
                block.rows, &bad, bad.count)
            findings = BlockFindings(rows: cut.rows, badRows: cut.bad_rows)
            hasHigh = cut.has_high != 0
        }
        block.rowCount = findings.rows
        for row in bad.prefix(findings.badRows) {
            findings.add(error(row, of: block), at: Int(row.start))
        }
        removeRepeatedHeaders(of: block, &findings)
        if width > columns.count { removeFilledEnds(of: block, &findings) }
        if hasHigh {
            removeRows(of: block, &findings) { row in
                let start = Int(block.rows[row].start)
                let end = Int(block.ends[(row + 1) * width - 1])
                guard mtl_utf8_error(block.text + start, end - start) >= 0 else { return nil }
                let text = UnsafeBufferPointer(start: block.text + start, count: end - start)
                return InputError(
                    .syntax, at: "\(path), line \(block.line(row))", found: "bytes that are not valid UTF-8",
                    expected: "UTF-8 text\(TextDecoder.likely(text))"
                )
            }
        }
        return findings
    }

    private func removeRepeatedHeaders(of block: RowBlock, _ findings: inout BlockFindings) {
        let name = header.text
        guard !name.isEmpty else { return }
        let width = header.width
        name.withUnsafeBufferPointer { name in
            removeRows(of: block, &findings) { row in
                let start = Int(block.rows[row].start)
                var end = Int(block.ends[(row + 1) * width - 1])
                if end > start && block.text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
                guard end - start == name.count,
                    (0..<name.count).allSatisfy({ name[$0] == block.text[start + $0] })
                else { return nil }
                return InputError(
                    .syntax, at: "\(path), line \(block.line(row))", found: "the header again",
                    expected: "a row")
            }
        }
    }

    /// Columns are left out because they were empty as far as was looked.
    private func removeFilledEnds(of block: RowBlock, _ findings: inout BlockFindings) {
        removeRows(of: block, &findings) { row in
            for place in columns.count..<header.width {
                let cell = Cell.trimmed(block.cell(row, place))
                guard !cell.isEmpty else { continue }
                let text = String(decoding: cell.prefix(60), as: UTF8.self)
                return InputError(
                    .syntax, at: "\(path), line \(block.line(row)), column \(place + 1)",
                    found: "\"\(text)\" in a column without a name",
                    expected: "nothing, as in the rows before")
            }
            return nil
        }
    }

    private func removeRows(
        of block: RowBlock, _ findings: inout BlockFindings, _ judge: (Int) -> InputError?
    ) {
        var kept = 0
        for row in 0..<block.rowCount {
            if let error = judge(row) {
                findings.badRows += 1
                findings.rows -= 1
                findings.add(error, at: Int(block.rows[row].start))
                continue
            }
            if kept < row {
                block.rows[kept] = block.rows[row]
                (block.ends + kept * header.width).update(
                    from: block.ends + row * header.width, count: header.width)
            }
            kept += 1
        }
        block.rowCount = kept
    }

    private func error(_ row: mtl_csv_bad_row, of block: RowBlock) -> InputError {
        let isCount = row.fault == MTL_CSV_NO_FAULT
        let place = Int(isCount ? row.start : row.quote)
        let line = "\(path), line \(block.firstLine + mtl_count_newlines(block.text, place))"
        guard isCount else { return Self.quoteError(row.fault, at: line) }
        return InputError(
            .syntax, at: line, found: "\(row.cells) cells", expected: "\(columns.count), as in the header")
    }

    static func quoteError(_ fault: mtl_csv_fault, at line: String) -> InputError {
        if fault == MTL_CSV_OPEN_QUOTE {
            return InputError(
                .syntax, at: line, found: "a quote that is not closed", expected: "a closing quote")
        }
        return InputError(
            .syntax, at: line, found: "text after a closing quote",
            expected: "quotes inside a quoted cell doubled, or escape: to say what goes before them")
    }
}

/// What cutting a block came to; errors in the order of the text.
struct BlockFindings {
    var rows: Int
    var badRows = 0
    private var placed: [(start: Int, error: InputError)] = []

    init(rows: Int, badRows: Int = 0) {
        self.rows = rows
        self.badRows = badRows
    }

    var errors: [InputError] { placed.sorted { $0.start < $1.start }.map(\.error) }

    var first: (start: Int, error: InputError)? { placed.min { $0.start < $1.start } }

    mutating func add(_ error: InputError, at start: Int) { placed.append((start, error)) }
}
