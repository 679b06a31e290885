internal import MTLDataKernels

/// Some rows of a source, cut into cells. It is only valid inside the call it is handed to.
public final class RowBlock {
    /// The number of the block in the source, from 0.
    package internal(set) var index = 0
    /// The number of rows: records that are not blank and not bad.
    public internal(set) var rowCount = 0
    /// The names of the columns.
    public let columns: [String]

    let path: String
    /// Records and line breaks before this block, where records are line breaks outside quotes below the header.
    var firstRecord = 0
    var firstLine = 1
    /// What the text is in messages: lines of a file, or rows of a query.
    var unit = "line"

    /// The text, and room for 64 bytes behind it.
    var text: UnsafeMutablePointer<UInt8>
    var capacity: Int
    var count = 0
    var ends: UnsafeMutablePointer<UInt32>
    var endCapacity: Int
    var rows: UnsafeMutablePointer<mtl_csv_row>
    var rowCapacity: Int
    /// Cells with doubled quotes, resolved; they live until the block is used again.
    private var resolved: [UnsafeMutableBufferPointer<UInt8>] = []

    package init(path: String, columns: [String]) {
        self.path = path
        self.columns = columns
        capacity = 0
        endCapacity = 0
        rowCapacity = 0
        text = .allocate(capacity: 64)
        ends = .allocate(capacity: 1)
        rows = .allocate(capacity: 1)
    }

    deinit {
        clearResolved()
        text.deallocate()
        ends.deallocate()
        rows.deallocate()
    }

    private func clearResolved() {
        for buffer in resolved { buffer.deallocate() }
        resolved.removeAll(keepingCapacity: true)
    }

    /// Makes room for a text, keeping what is there.
    func reserve(text needed: Int) {
        guard needed > capacity else { return }
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: needed + 64)
        larger.update(from: text, count: count)
        (larger + count).initialize(repeating: 0, count: needed + 64 - count)
        text.deallocate()
        text = larger
        capacity = needed
    }

    func reserve(records: Int) {
        if (records + 1) * columns.count > endCapacity {
            endCapacity = (records + 1) * columns.count
            ends.deallocate()
            ends = .allocate(capacity: endCapacity)
        }
        if records > rowCapacity {
            rowCapacity = records
            rows.deallocate()
            rows = .allocate(capacity: records)
        }
    }

    func begin() {
        clearResolved()
        rowCount = 0
    }

    /// The number of a row's record in its source, from 0. It depends on the source alone.
    package func record(_ row: Int) -> Int { firstRecord + Int(rows[row].record) }

    /// The line that a row begins on, counted from 1; of a query, the row.
    public func line(_ row: Int) -> Int {
        firstLine + (unit == "line" ? mtl_count_newlines(text, Int(rows[row].start)) : Int(rows[row].record))
    }

    /// The content of a cell: without the quotes around it, doubled quotes resolved.
    package func cell(_ row: Int, _ column: Int) -> UnsafeBufferPointer<UInt8> {
        let place = row * columns.count + column
        let start = column == 0 ? Int(rows[row].start) : Int(ends[place - 1]) + 1
        var end = Int(ends[place])
        if column == columns.count - 1 && end > start && text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        guard end > start, text[start] == UInt8(ascii: "\"") else {
            return UnsafeBufferPointer(start: text + start, count: end - start)
        }
        let inner = UnsafeBufferPointer(start: text + start + 1, count: end - start - 2)
        return inner.contains(UInt8(ascii: "\"")) ? resolve(inner) : inner
    }

    private func resolve(_ inner: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: inner.count)
        var length = 0
        var index = 0
        while index < inner.count {
            copy[length] = inner[index]
            length += 1
            index += inner[index] == UInt8(ascii: "\"") ? 2 : 1
        }
        resolved.append(copy)
        return UnsafeBufferPointer(rebasing: copy[..<length])
    }

    /// The text of a cell.
    public func string(_ row: Int, _ column: Int) -> String {
        String(decoding: cell(row, column), as: UTF8.self)
    }

    /// Where a cell stands, for messages: file, line and column.
    package func place(_ row: Int, _ column: Int) -> String {
        "\(path), \(unit) \(line(row)), column \"\(columns[column])\""
    }
}
