internal import MTLDataKernels
package import MTLEngine

/// The rows of a query of an SQLite database, which is opened to be read only.
///
/// NULL is a missing cell. Integers and real numbers are written so that they read as the same numbers; texts are taken as
/// they are; a blob, or a text that is not valid UTF-8, makes a bad row. The query runs anew for every reading, one row after the
/// other; what consumes its blocks runs side by side.
package final class SQLiteSource: RowSource {
    /// The path of the database file.
    package let path: String
    /// The query's names, in order.
    package let columns: [String]
    /// Workers that consume blocks at the same time.
    package var threads: Int { options.threads }
    /// How its cells are read.
    package var format: TableFormat { options.format }
    private let query: String
    private let options: ReadingOptions
    /// A hash of the rows, once they were read: they must be the same every time.
    private var known: UInt64?

    static let scheme = "sqlite:"

    /// Opens a database and prepares a query.
    ///
    /// - Throws: `InputError` where there is no such file, it is no database, or the query is not one SELECT with names
    ///   that differ.
    package init(path: String, query: String, options: ReadingOptions = ReadingOptions()) throws(InputError) {
        try options.check()
        self.path = path
        self.query = query
        self.options = options
        columns = try SQLiteQuery(path: path, sql: query).columns
    }

    /// Opens "sqlite:FILE?query=SELECT …" or "sqlite:FILE?table=NAME", where %XX stands for a byte; everything after the
    /// "=" is the query or the name.
    ///
    /// - Throws: `InputError` where the text is neither, and what `init(path:query:)` throws.
    package convenience init(_ text: String, options: ReadingOptions = ReadingOptions()) throws(InputError) {
        func wrong(_ found: String, _ expected: String) -> InputError {
            InputError(.syntax, at: "\"\(text)\"", found: found, expected: expected)
        }
        let forms = "sqlite:FILE?query=SELECT … or sqlite:FILE?table=NAME"
        guard text.hasPrefix(Self.scheme) else { throw wrong("no \"sqlite:\" at the beginning", forms) }
        let parts = text.dropFirst(Self.scheme.count)
            .split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw wrong("no query and no table", forms) }
        let pair = parts[1].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard pair.count == 2, pair[0] == "query" || pair[0] == "table" else {
            throw wrong("\"\(pair[0])\" after the \"?\"", forms)
        }
        var decoded: [String] = []
        for part in [parts[0], pair[1]] {
            guard let value = Self.decoded(part) else {
                throw wrong(
                    "a \"%\" that is not followed by two digits of a UTF-8 byte",
                    "%25 for the character itself")
            }
            guard !value.isEmpty else { throw wrong(decoded.isEmpty ? "no file" : "no \(pair[0])", forms) }
            decoded.append(value)
        }
        try self.init(
            path: decoded[0],
            query: pair[0] == "query" ? decoded[1] : "SELECT * FROM \(Quoting.sql(decoded[1]))",
            options: options)
    }

    /// The database's file; nil where the text names none.
    static func path(of text: String) -> String? {
        guard text.hasPrefix(scheme) else { return nil }
        return decoded(text.dropFirst(scheme.count).prefix { $0 != "?" })
    }

    /// A path as `path(of:)` reads it.
    static func encoded(_ path: String) -> String {
        path.map { $0 == "%" ? "%25" : $0 == "?" ? "%3F" : String($0) }.joined()
    }

    private static func decoded(_ text: Substring) -> String? {
        func digit(_ byte: UInt8) -> UInt8? { Character(UnicodeScalar(byte)).hexDigitValue.map(UInt8.init) }
        let source = Array(text.utf8)
        var bytes: [UInt8] = []
        var place = 0
        while place < source.count {
            if source[place] == UInt8(ascii: "%") {
                guard place + 2 < source.count, let high = digit(source[place + 1]),
                    let low = digit(source[place + 2])
                else { return nil }
                bytes.append(high << 4 | low)
                place += 3
            } else {
                bytes.append(source[place])
                place += 1
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The same query, at its first row.
    private func opened() throws(InputError) -> QueryCutter {
        let opened = try SQLiteQuery(path: path, sql: query)
        guard opened.columns == columns else { throw changed("other columns than before") }
        return QueryCutter(opened, options)
    }

    private func changed(_ found: String) -> InputError {
        InputError(
            .value, at: "\(path), query", found: found,
            expected: "the same rows in the same order every time: no random(), and no writer meanwhile")
    }

    /// Calls `consume` for every block of rows; the report's bytes are those of the rows written as text.
    ///
    /// - Throws: the first error in the order of the rows; also where there are none, or others than the last time.
    @discardableResult
    package func read(
        _ consume: (RowBlock, _ worker: Int) throws(InputError) -> Void
    ) throws(InputError) -> ReadingReport {
        let cutter = try opened()
        var report = ReadingReport()
        var hash: UInt64 = 0
        let readings = CellReading.of(columns, options.format)
        try readBlocks(
            path: path, columns: columns, readings: readings, threads: options.threads, next: cutter.next
        ) {
            (block, worker) throws(InputError) in
            let hash = mtl_hash_bytes(block.text, block.count, UInt64(block.index))
            try consume(block, worker)
            return (rows: block.rowCount, hash: hash)
        } collect: { part in
            report.rows += part.rows
            hash = (hash << 1 | hash >> 63) ^ part.hash
        }
        report.badRows = cutter.badRows
        report.examples = cutter.examples
        report.bytes = cutter.bytes
        let all = report.rows + report.badRows
        guard all > 0 else {
            throw InputError(
                .empty, at: "\(path), query", found: "no rows", expected: "at least one")
        }
        try options.badRows.check(
            report.badRows, of: all, first: report.examples.first?.description, at: path)
        if let known, known != hash { throw changed("other rows than before") }
        known = hash
        return report
    }

    /// The first block of rows, to look at.
    ///
    /// - Throws: what `read` throws of it.
    package func first() throws(InputError) -> RowBlock {
        let block = RowBlock(
            path: path, columns: columns, readings: CellReading.of(columns, options.format))
        _ = try opened().next(block)
        return block
    }
}
