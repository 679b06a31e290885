internal import MTLDataKernels

/// Some rows of a source, cut into cells. It is only valid inside the call it is handed to.
public final class RowBlock {
    /// The number of the block in the source, from 0.
    package internal(set) var index = 0
    /// The number of the source that it is of, where several are joined.
    var source = 0
    /// The number of rows: records that are not blank and not bad.
    public internal(set) var rowCount = 0
    /// The names of the columns.
    public let columns: [String]
    /// The cells of a row; more than the columns where the last ones have no name and are left out.
    let width: Int
    /// How the cells of each column are read.
    let readings: [CellReading]
    /// Per column whether its cells are read in the usual way.
    private let isUsual: UnsafeMutablePointer<Bool>

    let path: String
    /// Records and line breaks before this block, where records are line breaks outside quotes below the header.
    var firstRecord = 0
    var firstLine = 1
    /// What the text is in messages: lines of a file, or rows of a query.
    var unit = "line"

    /// Where only the slow pass knows what quotes mean: how much text it looked at, and whether that is the last.
    var oddText: (count: Int, isLast: Bool)?

    /// The text, and room for 64 bytes after it.
    var text: UnsafeMutablePointer<UInt8>
    var capacity: Int
    var count = 0
    var ends: UnsafeMutablePointer<UInt32>
    var endCapacity: Int
    var rows: UnsafeMutablePointer<mtl_csv_row>
    var rowCapacity: Int
    /// Cells with doubled quotes, resolved; they live until the block is used again.
    private var resolved: [UnsafeMutableBufferPointer<UInt8>] = []

    /// - Parameters:
    ///   - width: the cells of a row, where they are more than the columns.
    ///   - readings: how the cells of each column are read, where that is not the usual way.
    init(path: String, columns: [String], width: Int? = nil, readings: [CellReading]? = nil) {
        self.path = path
        self.columns = columns
        self.width = width ?? columns.count
        self.readings = readings ?? columns.map { _ in CellReading.usual }
        isUsual = .allocate(capacity: max(1, columns.count))
        for (index, reading) in self.readings.enumerated() { isUsual[index] = reading === CellReading.usual }
        capacity = 0
        endCapacity = 0
        rowCapacity = 0
        text = .allocate(capacity: 64)
        ends = .allocate(capacity: 1)
        rows = .allocate(capacity: 1)
    }

    deinit {
        clearResolved()
        isUsual.deallocate()
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

    /// Makes room for what the text, which is there, is cut into.
    func reserve(records: Int) {
        reserve(rows: records, ends: Self.ends(of: count, records: records, width: width))
    }

    /// Makes room for rows that are written with all their cells.
    func reserve(rows count: Int) { reserve(rows: count, ends: count * width) }

    private func reserve(rows rowCount: Int, ends endCount: Int) {
        if endCount > endCapacity {
            endCapacity = endCount
            ends.deallocate()
            ends = .allocate(capacity: endCapacity)
        }
        if rowCount > rowCapacity {
            rowCapacity = rowCount
            rows.deallocate()
            rows = .allocate(capacity: rowCapacity)
        }
    }

    /// The most ends of cells that cutting writes down: those of whole rows, whose cells have a byte each at least, and of one
    /// that is not whole. Records may be blank lines, of which a text has as many as bytes whatever the width is.
    static func ends(of bytes: Int, records: Int, width: Int) -> Int {
        min(bytes / width, records) * width + width
    }

    func begin() {
        clearResolved()
        rowCount = 0
        oddText = nil
    }

    /// The number of a row's record in its source, from 0. It depends on the source alone.
    package func record(_ row: Int) -> Int { firstRecord + Int(rows[row].record) }

    /// The line that a row begins on, counted from 1; of a query, the row.
    public func line(_ row: Int) -> Int {
        firstLine + (unit == "line" ? mtl_count_newlines(text, Int(rows[row].start)) : Int(rows[row].record))
    }

    /// The content of a cell: without the quotes around it, doubled quotes resolved.
    package func cell(_ row: Int, _ column: Int) -> UnsafeBufferPointer<UInt8> {
        let place = row * width + column
        let start = column == 0 ? Int(rows[row].start) : Int(ends[place - 1]) + 1
        var end = Int(ends[place])
        if column == width - 1 && end > start && text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        guard end > start, text[start] <= UInt8(ascii: "\"") else {
            return UnsafeBufferPointer(start: text + start, count: end - start)
        }
        return unquoted(UnsafeBufferPointer(start: text + start, count: end - start))
    }

    /// The content of a cell that may be in quotes, with blanks around them.
    private func unquoted(_ cell: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        let bytes = Cell.trimmed(cell)
        guard bytes.first == UInt8(ascii: "\""), bytes.count > 1 else { return cell }
        let inner = UnsafeBufferPointer(rebasing: bytes[1..<bytes.count - 1])
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

    /// What a cell says, without blanks around it; nil where that it is not known.
    func value(_ row: Int, _ column: Int) -> UnsafeBufferPointer<UInt8>? {
        let bytes = Cell.trimmed(cell(row, column))
        let isMissing = isUsual[column] ? Cell.isMissing(bytes) : readings[column].isMissing(bytes)
        return isMissing ? nil : bytes
    }

    /// What a cell says as a number.
    func number(_ row: Int, _ column: Int) -> Cell { readings[column].cell(cell(row, column)) }

    /// The text of a cell.
    public func string(_ row: Int, _ column: Int) -> String {
        String(decoding: cell(row, column), as: UTF8.self)
    }

    /// Where a cell stands, for messages: file, line and column.
    package func place(_ row: Int, _ column: Int) -> String {
        "\(path), \(unit) \(line(row)), column \"\(columns[column])\""
    }
}
