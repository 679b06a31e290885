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
    private let options: ReadingOptions
    private let separator: UInt8
    private let bytes: [UInt8]?
    /// Where the rows begin: behind the byte order mark and the header.
    private let bodyOffset: Int
    private let bodyLine: Int
    private let header: [UInt8]

    /// The longest record that is taken for one and not for a quote that never closes.
    private static let longestRecord = 1 << 28
    private static let examples = 20

    /// Opens a file and reads its header.
    ///
    /// - Throws: `InputError` that names the file: it cannot be read, is a directory, is empty, or its header is wrong.
    package convenience init(path: String, options: ReadingOptions = ReadingOptions()) throws(InputError) {
        try self.init(path: path, bytes: nil, options: options)
    }

    /// Reads a text in memory; `path` is what messages call it.
    ///
    /// - Throws: `InputError` where the text is empty or its header is wrong.
    package convenience init(
        bytes: [UInt8], path: String, options: ReadingOptions = ReadingOptions()
    ) throws(InputError) {
        try self.init(path: path, bytes: bytes, options: options)
    }

    private init(path: String, bytes: [UInt8]?, options: ReadingOptions) throws(InputError) {
        try options.check()
        self.path = path
        self.bytes = bytes
        self.options = options
        let bare = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
        let isTabbed = bare.hasSuffix(".tsv") || bare.hasSuffix(".tab")
        separator = options.separator ?? UInt8(ascii: isTabbed ? "\t" : ",")

        let source = try Self.open(path, bytes)
        let block = RowBlock(path: path, columns: ["header"])
        var extent = mtl_csv_extent()
        var wanted = 1 << 12
        while extent.complete == 0 {
            block.reserve(text: wanted)
            let count = try source.read(
                into: UnsafeMutableRawBufferPointer(
                    start: block.text + block.count, count: wanted - block.count))
            if count == 0 { break }
            block.count += count
            extent = mtl_csv_measure(InstructionSet.best.rawValue, block.text, block.count)
            if block.count == wanted { wanted *= 2 }
            guard wanted <= Self.longestRecord else { break }
        }
        let mark = [0xEF, 0xBB, 0xBF]
        let begin = block.count >= 3 && (0..<3).allSatisfy { block.text[$0] == mark[$0] } ? 3 : 0
        guard block.count > begin else {
            throw InputError(.empty, at: path, found: "no text", expected: "a header and rows")
        }
        if let columns = options.columns {
            header = []
            bodyOffset = begin
            bodyLine = 1
            self.columns = try Self.checked(columns, path: path, place: "columns")
            return
        }
        var end = begin
        var isInside = false
        while end < block.count, isInside || block.text[end] != UInt8(ascii: "\n") {
            if block.text[end] == UInt8(ascii: "\"") { isInside.toggle() }
            end += 1
        }
        guard !isInside else {
            throw unclosedQuote(
                UnsafeBufferPointer(start: block.text + begin, count: block.count - begin),
                separator: separator, path: path, line: 1)
        }
        bodyOffset = min(end + 1, block.count)
        bodyLine = 2 + mtl_count_newlines(block.text, end)
        if end > begin && block.text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        header = Array(UnsafeBufferPointer(start: block.text + begin, count: end - begin))
        columns = try Self.names(header, separator: separator, path: path)
    }

    private static func open(_ path: String, _ bytes: [UInt8]?) throws(InputError) -> ByteSource {
        if let bytes { return try ByteSource(bytes: bytes, path: path) }
        return try ByteSource(path: path)
    }

    private static func names(_ header: [UInt8], separator: UInt8, path: String) throws(InputError)
        -> [String]
    {
        guard mtl_utf8_error(header, header.count) < 0 else {
            throw InputError(
                .syntax, at: "\(path), line 1", found: "bytes that are no UTF-8", expected: "UTF-8")
        }
        let line = try row(header, separator: separator, path: path)
        let names = line.columns.indices.map { line.string(0, $0) }
        // One column may have no name: tools write their row numbers so.
        guard names != [""] else {
            throw InputError(
                .name, at: "\(path), line 1", found: "a blank line", expected: "the names of columns")
        }
        return try checked(names, path: path, place: "line 1")
    }

    private static func checked(
        _ names: [String], path: String, place: String
    ) throws(InputError) -> [String] {
        var seen = Set<String>()
        for (index, name) in names.enumerated() {
            guard seen.insert(name).inserted else {
                throw InputError(
                    .name, at: "\(path), \(place), column \(name.isEmpty ? "\(index + 1)" : "\"\(name)\"")",
                    found: name.isEmpty ? "a second column without a name" : "the name twice",
                    expected: "names that differ")
            }
        }
        return names
    }

    /// The header, cut into cells as rows are.
    private static func row(
        _ header: [UInt8], separator: UInt8, path: String
    ) throws(InputError) -> RowBlock {
        var cells = 1
        var isInside = false
        for byte in header {
            if byte == UInt8(ascii: "\"") { isInside.toggle() }
            if byte == separator && !isInside { cells += 1 }
        }
        let block = RowBlock(path: path, columns: [String](repeating: "", count: cells))
        block.reserve(text: header.count + 1)
        block.reserve(records: 1)
        for (index, byte) in (header + [UInt8(ascii: "\n")]).enumerated() { block.text[index] = byte }
        block.count = header.count + 1
        var bad = mtl_csv_bad_row()
        let cut = mtl_csv_index(
            InstructionSet.best.rawValue, block.text, block.count, separator, cells, block.ends, block.rows,
            &bad, 1)
        guard cut.rows == 1 else { throw strayQuote(bad, of: block, path: path) }
        return block
    }

    // MARK: Blocks

    /// Reads all rows.
    ///
    /// - Throws: what `consume` throws, or an `InputError` that names file and line: a row of another number of cells
    ///   than the header, a stray quote or one that never closes, the header again, no UTF-8, a gzip file that is cut
    ///   short or damaged, no row at all. It is the first in the file's order.
    @discardableResult
    package func read(
        _ consume: (RowBlock, _ worker: Int) throws(InputError) -> Void
    ) throws(InputError) -> ReadingReport {
        let cutter = try BlockCutter(
            Self.open(path, bytes), separator: separator, skipping: bodyOffset, line: bodyLine,
            blockBytes: options.blockBytes, longestRecord: Self.longestRecord)
        var report = ReadingReport()
        try readBlocks(path: path, columns: columns, threads: options.threads, next: cutter.next) {
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
        if case .skip(let share) = options.badRows,
            Double(report.badRows) > share * Double(report.rows + report.badRows)
        {
            throw InputError(
                .syntax, at: path,
                found: "\(report.badRows) bad rows of \(report.rows + report.badRows), the first: "
                    + (report.examples.first?.description ?? ""),
                expected: "a share of at most \(share)")
        }
        return report
    }

    /// The first block of rows, to look at.
    ///
    /// - Throws: what `read` throws of it.
    package func first() throws(InputError) -> RowBlock {
        let cutter = try BlockCutter(
            Self.open(path, bytes), separator: separator, skipping: bodyOffset, line: bodyLine,
            blockBytes: options.blockBytes, longestRecord: Self.longestRecord)
        let block = RowBlock(path: path, columns: columns)
        if try cutter.next(block), let error = index(block).errors.first, options.badRows == .refuse {
            throw error
        }
        return block
    }

    /// Cuts a block into cells and takes out what is no row.
    private func index(_ block: RowBlock) -> BlockFindings {
        let level = InstructionSet.best.rawValue
        var bad = [mtl_csv_bad_row](repeating: mtl_csv_bad_row(), count: Self.examples)
        let cut = mtl_csv_index(
            level, block.text, block.count, separator, columns.count, block.ends, block.rows, &bad, bad.count)
        block.rowCount = cut.rows
        var findings = BlockFindings(rows: cut.rows, badRows: cut.bad_rows)
        for row in bad.prefix(cut.bad_rows) {
            findings.add(error(row, of: block), at: Int(row.start))
        }
        removeRows(of: block, &findings) { row in
            let start = Int(block.rows[row].start)
            var end = Int(block.ends[(row + 1) * columns.count - 1])
            if end > start && block.text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            guard end - start == header.count,
                header.withUnsafeBufferPointer({ name in
                    (0..<name.count).allSatisfy { name[$0] == block.text[start + $0] }
                })
            else { return nil }
            return InputError(
                .syntax, at: "\(path), line \(block.line(row))", found: "the header again", expected: "a row")
        }
        if cut.has_high != 0 {
            removeRows(of: block, &findings) { row in
                let start = Int(block.rows[row].start)
                let end = Int(block.ends[(row + 1) * columns.count - 1])
                guard mtl_utf8_error(block.text + start, end - start) >= 0 else { return nil }
                return InputError(
                    .syntax, at: "\(path), line \(block.line(row))", found: "bytes that are no UTF-8",
                    expected: "UTF-8 text")
            }
        }
        return findings
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
                (block.ends + kept * columns.count).update(
                    from: block.ends + row * columns.count, count: columns.count)
            }
            kept += 1
        }
        block.rowCount = kept
    }

    private func error(_ row: mtl_csv_bad_row, of block: RowBlock) -> InputError {
        if row.cells == 0 { return Self.strayQuote(row, of: block, path: path) }
        let line = block.firstLine + mtl_count_newlines(block.text, Int(row.start))
        return InputError(
            .syntax, at: "\(path), line \(line)", found: "\(row.cells) cells",
            expected: "\(columns.count), as in the header")
    }

    private static func strayQuote(_ row: mtl_csv_bad_row, of block: RowBlock, path: String) -> InputError {
        let line = block.firstLine + mtl_count_newlines(block.text, Int(row.quote))
        return InputError(
            .syntax, at: "\(path), line \(line)",
            found: "a quote inside a cell that is not quoted as a whole, or text behind a closing quote",
            expected: "quotes around whole cells, doubled inside them")
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
