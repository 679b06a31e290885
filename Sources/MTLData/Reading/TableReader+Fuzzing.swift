internal import MTLEngine

/// A door for the fuzz target, which is a package of its own and sees no `package` access.
///
/// Reads a file in memory, by rows and as a table of typed columns.
/// - Returns: a text of everything that was read, or of the error; it must not depend on how the file is cut into blocks.
@_spi(Fuzzing) public func readTableForFuzzing(_ bytes: [UInt8], _ options: ReadingOptions) -> String {
    do throws(InputError) {
        return try rows(bytes, options) + "\n" + table(bytes, options)
    } catch {
        return error.description
    }
}

private func rows(_ bytes: [UInt8], _ options: ReadingOptions) throws(InputError) -> String {
    var rows = 0
    var sum: UInt64 = 0
    func add(_ value: UInt64) { sum = (sum ^ value) &* 0x100_0000_01B3 }
    let reader = try TableReader(bytes: bytes, path: "fuzz.csv", options: options)
    let report = try reader.read { (block, _) throws(InputError) in
        for row in 0..<block.rowCount {
            rows += 1
            add(UInt64(block.record(row)))
            add(UInt64(block.line(row)))
            for column in block.columns.indices {
                let cell = block.cell(row, column)
                for byte in cell { add(UInt64(byte)) }
                if case .number(let value) = Cell(cell) {
                    precondition(value.isFinite)
                    add(value.bitPattern)
                }
                add(UInt64(block.string(row, column).utf8.count))
            }
        }
    }
    precondition(report.rows == rows)
    return "\(rows) rows, \(report.badRows) bad, sum \(sum)"
}

/// The table's columns as texts: widening must not depend on the blocks either.
private func table(_ bytes: [UInt8], _ options: ReadingOptions) throws(InputError) -> String {
    let table = try TypedTable(TableReader(bytes: bytes, path: "fuzz.csv", options: options))
    return table.names.indices.map { column in
        if let texts = table.texts(column) {
            precondition(texts.count == table.rowCount)
            return texts.joined(separator: "\u{1F}")
        }
        let numbers = table.numbers(column) ?? []
        precondition(numbers.count == table.rowCount)
        return "\(numbers)"
    }.joined(separator: "\n")
}
