internal import MTLDataKernels

/// What a cell says.
public enum Cell: Equatable, Sendable {
    /// Nothing: blank, or one of the usual signs for "not known" (?, NA, N/A, NaN, nan, null, NULL, None).
    case missing
    /// A finite number; money with its sign and commas ("$84,835.00") is one.
    case number(Double)
    /// A number beyond what a `Double` holds.
    case tooLarge
    /// Anything else.
    case text

    /// Reads a cell; blanks around its content do not count.
    public init(_ cell: UnsafeBufferPointer<UInt8>) {
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
        default: self = Cell.money(bytes).map { .number($0) } ?? .text
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

    /// Dollars, or a number with commas between its thousands.
    private static func money(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        let isDollars = bytes.first == UInt8(ascii: "$")
        guard isDollars || bytes.contains(UInt8(ascii: ",")), bytes.count < 64 else { return nil }
        let digits = bytes.dropFirst(isDollars ? 1 : 0).filter { $0 != UInt8(ascii: ",") }
        guard isDollars || isGrouped(bytes) else { return nil }
        var value = 0.0
        return mtl_parse_number(digits, digits.count, &value) == MTL_NUMBER_OK ? value : nil
    }

    /// "1,234,567.8": groups of three digits behind the first comma.
    private static func isGrouped(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let whole = bytes.prefix { $0 != UInt8(ascii: ".") }
        let groups = whole.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        return groups.dropFirst().allSatisfy { $0.count == 3 } && !(groups.first?.isEmpty ?? true)
    }
}
