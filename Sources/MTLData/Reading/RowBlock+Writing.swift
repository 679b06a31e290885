/// Building a block cell by cell, for sources whose rows are no text to begin with. Cells have one byte between them; where
/// they end is told apart, so that they may hold any byte.
extension RowBlock {
    /// Makes room for more text.
    func reserve(more bytes: Int) {
        if count + bytes > capacity { reserve(text: max(2 * capacity, count + bytes)) }
    }

    func append(_ byte: UInt8) {
        reserve(more: 1)
        text[count] = byte
        count += 1
    }

    /// Appends bytes as they are.
    func append(raw bytes: UnsafeBufferPointer<UInt8>) {
        guard let base = bytes.baseAddress else { return }
        reserve(more: bytes.count)
        (text + count).update(from: base, count: bytes.count)
        count += bytes.count
    }

    func append(raw bytes: ArraySlice<UInt8>) { bytes.withUnsafeBufferPointer { append(raw: $0) } }

    /// Appends a cell so that `cell` gives the same bytes again: a quote at its beginning, after blanks or not, would be
    /// taken off, and so would a carriage return at a row's end.
    func append(cell: UnsafeBufferPointer<UInt8>) {
        let quote = UInt8(ascii: "\"")
        let first = cell.first { $0 != 0x20 && $0 != 0x09 }
        guard first == quote || cell.last == UInt8(ascii: "\r") else {
            append(raw: cell)
            return
        }
        reserve(more: 2 * cell.count + 2)
        append(quote)
        for byte in cell {
            if byte == quote { append(quote) }
            append(byte)
        }
        append(quote)
    }

    func append(_ number: Int64) {
        reserve(more: 20)
        if number < 0 { append(UInt8(ascii: "-")) }
        let start = count
        var rest = number.magnitude
        repeat {
            text[count] = UInt8(ascii: "0") + UInt8(rest % 10)
            count += 1
            rest /= 10
        } while rest > 0
        var digits = UnsafeMutableBufferPointer(start: text + start, count: count - start)
        digits.reverse()
    }

    /// Appends the shortest text that reads as the same number.
    func append(_ number: Double) {
        var text = number.description
        text.withUTF8 { append(raw: $0) }
    }
}
