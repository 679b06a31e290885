internal import MTLDataKernels
internal import MTLEngine

/// Takes blocks of rows off a query, one caller at a time.
final class QueryCutter {
    private(set) var badRows = 0
    private(set) var examples: [InputError] = []
    private(set) var bytes = 0
    private let query: SQLiteQuery
    private let blockBytes: Int
    private let badRowsAllowed: Bool
    private var index = 0
    private var record = 0
    private var ends: [UInt32] = []
    private var rows: [mtl_csv_row] = []

    /// The longest row; places in a block are counted in 32 bits.
    private static let longestRow = 1 << 28
    private static let exampleLimit = 20

    init(_ query: SQLiteQuery, _ options: ReadingOptions) {
        self.query = query
        blockBytes = min(options.blockBytes, 1 << 30)
        badRowsAllowed = options.badRows != .refuse
    }

    /// Fills a block; false after the last row.
    func next(_ block: RowBlock) throws(InputError) -> Bool {
        block.begin()
        block.count = 0
        block.unit = "row"
        block.index = index
        block.firstRecord = record
        block.firstLine = record + 1
        ends.removeAll(keepingCapacity: true)
        rows.removeAll(keepingCapacity: true)
        while block.count < blockBytes, try query.step(record + 1) {
            let start = block.count
            let kept = ends.count
            if let error = append(block, from: start) {
                guard badRowsAllowed else { throw error }
                badRows += 1
                if examples.count < Self.exampleLimit { examples.append(error) }
                block.count = start
                ends.removeLast(ends.count - kept)
            } else {
                rows.append(
                    mtl_csv_row(start: UInt32(start), record: UInt32(record - block.firstRecord)))
            }
            record += 1
        }
        guard !rows.isEmpty else { return false }
        block.reserve(rows: rows.count)
        for (place, end) in ends.enumerated() { block.ends[place] = end }
        for (place, row) in rows.enumerated() { block.rows[place] = row }
        block.rowCount = rows.count
        bytes += block.count
        index += 1
        return true
    }

    /// Appends the query's row; what is wrong with it, where something is.
    private func append(_ block: RowBlock, from start: Int) -> InputError? {
        func wrong(_ column: Int, _ found: String, _ expected: String) -> InputError {
            InputError(
                .value, at: "\(query.path), row \(record + 1), column \"\(query.columns[column])\"",
                found: found, expected: expected)
        }
        for column in query.columns.indices {
            switch query.value(column) {
            case .null: break
            case .integer(let number): block.append(number)
            case .real(let number): block.append(number)
            case .text(let text):
                guard block.count - start + text.count <= Self.longestRow else {
                    return wrong(
                        column, "a row of more than \(Self.longestRow) bytes", "a row of at most as many")
                }
                guard mtl_utf8_error(text.baseAddress, text.count) < 0 else {
                    return wrong(column, "bytes that are not valid UTF-8", "UTF-8 text")
                }
                block.append(cell: text)
            case .blob: return wrong(column, "a blob", "a number, a text or NULL")
            }
            ends.append(UInt32(block.count))
            block.append(UInt8(ascii: column == query.columns.count - 1 ? "\n" : ","))
        }
        return nil
    }
}
