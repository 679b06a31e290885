/// What a cell says: nothing, a number, or text.
enum CellValue {
    case missing
    case number(Double)
    case text

    /// Blank cells and the usual signs for "not known" are missing; so is a NaN.
    init(_ cell: UnsafeBufferPointer<UInt8>) {
        let bytes = Self.trimmed(cell)
        if Self.isMissing(bytes) {
            self = .missing
        } else if let number = Self.decimal(bytes) ?? Double(String(decoding: bytes, as: UTF8.self))
            ?? Self.money(bytes)
        {
            self = number.isNaN ? .missing : .number(number)
        } else {
            self = .text
        }
    }

    static func trimmed(_ cell: UnsafeBufferPointer<UInt8>) -> Slice<UnsafeBufferPointer<UInt8>> {
        var start = 0
        var end = cell.count
        while start < end && (cell[start] == 0x20 || cell[start] == 0x09) { start += 1 }
        while end > start && (cell[end - 1] == 0x20 || cell[end - 1] == 0x09) { end -= 1 }
        return cell[start..<end]
    }

    static func isMissing(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        switch bytes.count {
        case 0: true
        case 1: bytes[bytes.startIndex] == UInt8(ascii: "?")
        case 2, 3: ["NA", "N/A", "NaN", "nan"].contains(String(decoding: bytes, as: UTF8.self))
        case 4: String(decoding: bytes, as: UTF8.self) == "null"
        default: false
        }
    }

    /// "$84,835.00": dollars with commas between thousands.
    private static func money(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Double? {
        guard bytes.first == UInt8(ascii: "$") else { return nil }
        return Double(String(decoding: bytes.dropFirst().filter { $0 != UInt8(ascii: ",") }, as: UTF8.self))
    }

    /// A plain decimal of up to 15 digits, exactly rounded: both its digits and its power of ten are exact.
    private static func decimal(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Double? {
        var digits = 0
        var mantissa = 0
        var scale = 1.0
        var isFraction = false
        var index = bytes.startIndex
        let isNegative = bytes[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: ".") && !isFraction {
                isFraction = true
                continue
            }
            guard byte >= 0x30, byte <= 0x39, digits < 15 else { return nil }
            mantissa = mantissa * 10 + Int(byte - 0x30)
            digits += 1
            if isFraction { scale *= 10 }
        }
        guard digits > 0 else { return nil }
        let value = Double(mantissa) / scale
        return isNegative ? -value : value
    }
}
