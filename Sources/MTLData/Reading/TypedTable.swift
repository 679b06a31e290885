internal import MTLDataKernels
package import MTLEngine

/// A whole table in memory, each column as numbers or as text.
package struct TypedTable: Sendable {
    /// The names of the columns.
    package let names: [String]
    /// Per column whether it is text: where any of its cells is not a number, or a whole number that a `Double` does not hold.
    package let isText: [Bool]
    /// The number of rows.
    package let rowCount: Int
    private let parts: [Part]

    /// What a block's rows hold, column by column.
    private final class Part: @unchecked Sendable {
        let index: Int
        let rows: Int
        var numbers: [[Double]]
        var texts: [[UInt8]]
        var ends: [[UInt32]]

        init(index: Int, rows: Int, columns: Int) {
            self.index = index
            self.rows = rows
            numbers = [[Double]](repeating: [], count: columns)
            texts = [[UInt8]](repeating: [], count: columns)
            ends = [[UInt32]](repeating: [], count: columns)
        }
    }

    /// Reads a source.
    ///
    /// - Throws: what the source throws.
    package init(_ source: some RowSource) throws(InputError) {
        var isText = try Self.textColumns(source)
        while true {
            let (parts, widened) = try Self.read(source, isText: isText)
            guard widened.isEmpty else {
                for column in widened { isText[column] = true }
                continue
            }
            names = source.columns
            self.isText = isText
            self.parts = parts
            rowCount = parts.reduce(0) { $0 + $1.rows }
            return
        }
    }

    /// A column of numbers, `[rows]`, NaN where missing; nil where it is text.
    package func numbers(_ column: Int) -> [Double]? {
        isText[column] ? nil : parts.flatMap { $0.numbers[column] }
    }

    /// A column of texts, `[rows]`; nil where it is numbers.
    package func texts(_ column: Int) -> [String]? {
        guard isText[column] else { return nil }
        return parts.flatMap { part in
            part.ends[column].indices.map { row in
                let start = row == 0 ? 0 : Int(part.ends[column][row - 1])
                return String(
                    decoding: part.texts[column][start..<Int(part.ends[column][row])], as: UTF8.self)
            }
        }
    }

    /// Columns that are text by their first rows; where a later one shows it, the table is read again.
    private static func textColumns(_ source: some RowSource) throws(InputError) -> [Bool] {
        let block = try source.first()
        let count = min(1000, block.rowCount)
        var values = [Double](repeating: 0, count: count)
        return source.columns.indices.map { column in
            values.withUnsafeMutableBufferPointer {
                block.fillNumbers(column, into: $0, upTo: count) != nil
            }
        }
    }

    private static func read(
        _ source: some RowSource, isText: [Bool]
    ) throws(InputError) -> (parts: [Part], widened: [Int]) {
        let parts = Collected<Part>()
        let widened = Collected<Int>()
        try source.read { (block, _) throws(InputError) in
            let part = Part(index: block.index, rows: block.rowCount, columns: isText.count)
            for column in isText.indices {
                if isText[column] {
                    (part.texts[column], part.ends[column]) = texts(block, column)
                } else if let numbers = numbers(block, column) {
                    part.numbers[column] = numbers
                } else {
                    widened.add(column)
                }
            }
            parts.add(part)
        }
        return (parts.values.sorted { $0.index < $1.index }, widened.values)
    }

    private static func numbers(_ block: RowBlock, _ column: Int) -> [Double]? {
        var isNumeric = true
        let values = [Double](unsafeUninitializedCapacity: block.rowCount) { buffer, count in
            isNumeric = block.fillNumbers(column, into: buffer) == nil
            count = isNumeric ? block.rowCount : 0
        }
        return isNumeric ? values : nil
    }

    private static func texts(_ block: RowBlock, _ column: Int) -> ([UInt8], [UInt32]) {
        let columns = block.width
        let rows = block.rowCount
        let capacity = mtl_csv_text_bytes(block.rows, block.ends, columns, column, 0, rows) + 64
        var bytes: [UInt8] = []
        let ends = [UInt32](unsafeUninitializedCapacity: rows) { ends, count in
            bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, used in
                used = mtl_csv_texts(
                    block.text, block.rows, block.ends, columns, column, 0, rows, buffer.baseAddress, 0,
                    ends.baseAddress)
            }
            count = rows
        }
        return (bytes, ends)
    }
}

extension RowBlock {
    /// The numbers of a column from a row on, NaN where missing.
    ///
    /// - Returns: nil, or the first row whose cell is no number that a `Double` holds exactly enough.
    func fillNumbers(
        _ column: Int, into target: UnsafeMutableBufferPointer<Double>, from first: Int = 0,
        upTo last: Int? = nil
    ) -> Int? {
        let last = last ?? rowCount
        let reading = readings[column]
        var row = first
        while true {
            if reading.readsPlainNumbers {
                row = mtl_csv_numbers(text, rows, ends, width, column, row, last, target.baseAddress)
            }
            guard row < last else { return nil }
            let cell = cell(row, column)
            switch reading.cell(cell) {
            case .missing: target[row] = .nan
            case .number(let value) where value.magnitude < 0x1p53 || Cell.isExact(cell): target[row] = value
            default: return row
            }
            row += 1
        }
    }
}
