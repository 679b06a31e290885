internal import MTLDataKernels

/// What a cell says.
package enum Cell: Equatable, Sendable {
    /// Nothing: blank, or one of the words for "not known".
    case missing
    /// A finite number; money with its sign and commas ("$84,835.00") is one.
    case number(Double)
    /// A number beyond what a `Double` holds.
    case tooLarge
    /// A number whose comma could stand before a fraction or between thousands: "1,964".
    case ambiguous
    /// Anything else.
    case text

    /// Reads a cell in the usual way; blanks around its content do not count.
    package init(_ cell: UnsafeBufferPointer<UInt8>) { self = CellReading.usual.cell(cell) }

    /// Words that mean "not known" in most files: those of pandas, and "?" and "\N".
    static let usualWords = [
        "?", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "null", "NULL", "None", "<NA>", "#N/A", "#NA",
        "#N/A N/A", "\\N",
    ]

    private static let words = usualWords.filter { $0 != "?" }.map { Array($0.utf8) }

    /// Whether trimmed bytes say that there is nothing, by the usual words.
    static func isMissing(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        switch bytes.count {
        case 0: return true
        case 1: return bytes[0] == UInt8(ascii: "?")
        case 2...8:
            switch bytes[0] {
            case UInt8(ascii: "N"), UInt8(ascii: "n"), UInt8(ascii: "<"), UInt8(ascii: "#"),
                UInt8(ascii: "\\"):
                return words.contains { $0.elementsEqual(bytes) }
            case UInt8(ascii: "-"):
                return bytes[1] | 0x20 == UInt8(ascii: "n") && words.contains { $0.elementsEqual(bytes) }
            default: return false
            }
        default: return false
        }
    }

    /// A cell without the blanks around it.
    static func trimmed(_ cell: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var start = 0
        var end = cell.count
        while start < end && (cell[start] == 0x20 || cell[start] == 0x09) { start += 1 }
        while end > start && (cell[end - 1] == 0x20 || cell[end - 1] == 0x09) { end -= 1 }
        return start == 0 && end == cell.count ? cell : UnsafeBufferPointer(rebasing: cell[start..<end])
    }

    private static let yes = ["true", "True", "TRUE", "yes", "Yes", "t", "y"].map { Array($0.utf8) }
    private static let no = ["false", "False", "FALSE", "no", "No", "f", "n"].map { Array($0.utf8) }

    /// 1 for yes and 0 for no, in words; nil for anything else.
    static func truth(word: UnsafeBufferPointer<UInt8>) -> Double? {
        if yes.contains(where: { $0.elementsEqual(word) }) { return 1 }
        return no.contains { $0.elementsEqual(word) } ? 0 : nil
    }

    /// Whether a cell is a plain number that a `Double` holds: not a whole number that it rounds.
    static func isExact(_ cell: UnsafeBufferPointer<UInt8>) -> Bool {
        let bytes = trimmed(cell)
        var value = 0.0
        return mtl_parse_number(bytes.baseAddress, bytes.count, &value) == MTL_NUMBER_OK
    }
}
