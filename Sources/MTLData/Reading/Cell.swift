internal import MTLDataKernels

/// What a cell says.
package enum Cell: Equatable, Sendable {
    /// Nothing: blank, or one of the usual signs for "not known" (?, NA, N/A, NaN, nan, null, NULL, None).
    case missing
    /// A finite number; money with its sign and commas ("$84,835.00") is one.
    case number(Double)
    /// A number beyond what a `Double` holds.
    case tooLarge
    /// Text that is neither missing nor a number.
    case text

    /// Reads a cell; blanks around its content do not count.
    package init(_ cell: UnsafeBufferPointer<UInt8>) {
        let bytes = Cell.trimmed(cell)
        if Cell.isMissing(bytes) {
            self = .missing
            return
        }
        guard let base = bytes.baseAddress, base[0] < UInt8(ascii: ":") else {
            self = .text
            return
        }
        var value = 0.0
        switch mtl_parse_number(base, bytes.count, &value) {
        case MTL_NUMBER_OK, MTL_NUMBER_BIG_INTEGER: self = .number(value)
        case MTL_NUMBER_TOO_LARGE: self = .tooLarge
        default: self = Cell.money(bytes)
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

    private static let signs = ["NA", "N/A", "NaN", "nan", "null", "NULL", "None"].map { Array($0.utf8) }

    /// Whether trimmed bytes say that there is nothing.
    static func isMissing(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        switch bytes.count {
        case 0: return true
        case 1: return bytes[0] == UInt8(ascii: "?")
        case 2...4:
            guard bytes[0] == UInt8(ascii: "N") || bytes[0] == UInt8(ascii: "n") else { return false }
            return signs.contains { $0.elementsEqual(bytes) }
        default: return false
        }
    }

    private static let yes = ["true", "True", "TRUE", "yes", "Yes", "t", "y"].map { Array($0.utf8) }
    private static let no = ["false", "False", "FALSE", "no", "No", "f", "n"].map { Array($0.utf8) }

    /// 1 for yes and 0 for no, as numbers or in words; nil for anything else.
    static func truth(_ cell: UnsafeBufferPointer<UInt8>) -> Double? {
        if cell.count == 1 && cell[0] == UInt8(ascii: "0") { return 0 }
        if cell.count == 1 && cell[0] == UInt8(ascii: "1") { return 1 }
        if case .number(let value) = Cell(cell) { return value == 0 || value == 1 ? value : nil }
        if yes.contains(where: { $0.elementsEqual(cell) }) { return 1 }
        return no.contains { $0.elementsEqual(cell) } ? 0 : nil
    }

    /// Whether a cell is a plain number that a `Double` holds: not a whole number that it rounds.
    static func isExact(_ cell: UnsafeBufferPointer<UInt8>) -> Bool {
        let bytes = trimmed(cell)
        var value = 0.0
        return mtl_parse_number(bytes.baseAddress, bytes.count, &value) == MTL_NUMBER_OK
    }

    /// Dollars, or a number with commas between its thousands.
    private static func money(_ bytes: UnsafeBufferPointer<UInt8>) -> Cell {
        let isDollars = bytes.first == UInt8(ascii: "$")
        let amount = bytes.dropFirst(isDollars ? 1 : 0)
        guard isDollars || amount.contains(UInt8(ascii: ",")), amount.count < 64, isGrouped(amount) else {
            return .text
        }
        let digits = amount.filter { $0 != UInt8(ascii: ",") }
        var value = 0.0
        return switch mtl_parse_number(digits, digits.count, &value) {
        case MTL_NUMBER_OK, MTL_NUMBER_BIG_INTEGER: .number(value)
        case MTL_NUMBER_TOO_LARGE: .tooLarge
        default: .text
        }
    }

    /// "1,234,567.8": groups of three digits behind the first comma, and none behind the point.
    private static func isGrouped(_ amount: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        let isSigned = amount.first == UInt8(ascii: "-") || amount.first == UInt8(ascii: "+")
        let whole = amount.dropFirst(isSigned ? 1 : 0).prefix { $0 != UInt8(ascii: ".") }
        let groups = whole.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        return !amount[whole.endIndex...].contains(UInt8(ascii: ","))
            && (groups.count == 1
                || (1...3).contains(groups[0].count) && groups.dropFirst().allSatisfy { $0.count == 3 })
    }
}
